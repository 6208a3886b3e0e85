"""Snapshots: all facts, as watchers are told them. One is built for all who need one meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Generic, Protocol, TypeVar

from tokenauthority_server.domain.errors import OverloadedError
from tokenauthority_server.domain.revocation_ports import Standing
from tokenauthority_server.domain.revocations import LiveFact
from tokenauthority_server.revocation.cursors import cursor_of
from tokenauthority_server.revocation.downstream import Facts
from tokenauthority_server.revocation.journal import Journal

# The contract allows eight times as much; but a part is encoded in one go, and calls are waiting.
PART_BYTES: Final = 128 * 1024
KEPT_SECONDS: Final = 5.0

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class Encoder(Protocol[M_co]):
    """Makes the messages that watchers are sent."""

    def size(self, fact: LiveFact) -> int:
        """Return how many bytes a fact takes in a message at most."""
        ...

    def snapshot(self, cursor: str, facts: Sequence[LiveFact], *, complete: bool) -> M_co:
        """Return a part of a snapshot."""
        ...

    def revocations(self, cursor: str, facts: Sequence[LiveFact]) -> M_co:
        """Return facts that have come since."""
        ...

    def heartbeat(self, cursor: str, lease: float, answered: int) -> M_co:
        """Return the answer to a report with a sub-lease of so many seconds; 0 and 0 are none."""
        ...


def in_parts(facts: Iterable[LiveFact], encoder: Encoder[M]) -> Iterator[list[LiveFact]]:
    """Return the facts in parts of at most PART_BYTES; the last one may be empty."""
    part: list[LiveFact] = []
    room = PART_BYTES
    for fact in facts:
        size = encoder.size(fact)
        if size > room and part:
            yield part
            part, room = [], PART_BYTES
        part.append(fact)
        room -= size
    yield part


@dataclass(frozen=True, slots=True)
class Built(Generic[M]):
    """All facts as of `standing`, and more; what came since begins at `index` of the journal."""

    standing: Standing
    index: int
    parts: Sequence[M]


class Snapshots(Generic[M]):
    """Builds snapshots of what a verifier knows."""

    def __init__(self, journal: Journal[M], encoder: Encoder[M]) -> None:
        self._journal = journal
        self._encoder = encoder
        self._task: asyncio.Task[Built[M]] | None = None
        self._built: Built[M] | None = None

    async def current(self, facts: Facts, whole: Callable[[], Awaitable[None]]) -> Built[M]:
        """Return one that the journal goes on from, built anew where the last is seconds old.

        `whole` returns when nothing is missing from the facts, and the journal has begun; what it
        raises is raised.
        """
        if self._task is None or not (
            self._built is None or self._journal.holds(self._built.index)
        ):
            self._built = None
            self._task = asyncio.create_task(self._build(facts, whole))
            self._task.add_done_callback(self._forget_later)
        # It is everybody's: who hangs up does not end it.
        return await asyncio.shield(self._task)

    async def _build(self, facts: Facts, whole: Callable[[], Awaitable[None]]) -> Built[M]:
        await whole()
        standing, index = self._journal.standing, self._journal.end
        if standing is None:  # pragma: no cover - for the type checker: `whole` says so
            raise OverloadedError
        parts: list[M] = []
        for part in in_parts(chain.from_iterable(facts.items()), self._encoder):
            if part:
                parts.append(self._encoder.snapshot("", part, complete=False))
            await asyncio.sleep(0)
        # The cursor stands for the whole, so nobody gets it before.
        parts.append(self._encoder.snapshot(cursor_of(standing), (), complete=True))
        self._built = Built(standing, index, parts)
        return self._built

    def _forget_later(self, task: asyncio.Task[Built[M]]) -> None:
        if task.cancelled() or task.exception():
            self._forget(task)
        else:
            asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget, task)

    def _forget(self, task: asyncio.Task[Built[M]]) -> None:
        if self._task is task:
            self._task = self._built = None
