"""A verifier, and a clock, that do what a test says; and messages that can be read."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tokenauthority_server.domain.revocation_ports import BEGINNING, Position, Standing
from tokenauthority_server.domain.revocations import Fact, FactKind, LiveFact, RevocationReason
from tokenauthority_server.revocation.journal import Journal
from tokenauthority_server.revocation.leases import Terms
from tokenauthority_server.revocation.watching import Watching

EXPIRE_TIME = datetime(2030, 1, 1, tzinfo=UTC)
FACT_BYTES = 1_000
SECONDS = 5


def fact(name: str) -> LiveFact:
    """Return a fact about a token of this id."""
    one = Fact(kind=FactKind.TOKEN, user_id="42", target=name, reason=RevocationReason.LOGOUT)
    return LiveFact(one, EXPIRE_TIME, timedelta(hours=1))


def at(number: int) -> Position:
    """Return a place in the log."""
    return Position(1_000, number)


@dataclass
class FakeTicks:
    """A clock that stands still until it is set; whoever sleeps wakes when that is over."""

    time: float = 100.0
    _set: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        until = self.time + seconds
        while self.time < until:
            await self._set.wait()

    def go_on(self, seconds: float) -> None:
        self.time += seconds
        self._set.set()
        self._set = asyncio.Event()


class Told(NamedTuple):
    """A message as a watcher gets it."""

    event: str
    cursor: str
    facts: tuple[str, ...] = ()
    complete: bool = False
    lease: float = 0.0
    answered: int = 0


class Readable:
    """The port Encoder."""

    def __init__(self) -> None:
        self.encoded = 0

    def size(self, _fact: LiveFact) -> int:
        return FACT_BYTES

    def snapshot(self, cursor: str, facts: Sequence[LiveFact], *, complete: bool) -> Told:
        return Told("snapshot", cursor, self._names(facts), complete)

    def revocations(self, cursor: str, facts: Sequence[LiveFact]) -> Told:
        return Told("revocations", cursor, self._names(facts))

    def heartbeat(self, cursor: str, lease: float, answered: int) -> Told:
        return Told("heartbeat", cursor, lease=lease, answered=answered)

    def _names(self, facts: Sequence[LiveFact]) -> tuple[str, ...]:
        self.encoded += len(facts)
        return tuple(one.fact.target for one in facts)


class FakeView:
    """All facts that the verifier knows, in chunks of two."""

    def __init__(self) -> None:
        self.facts: list[LiveFact] = []

    def items(self) -> Iterator[Sequence[LiveFact]]:
        for index in range(0, len(self.facts), 2):
            yield self.facts[index : index + 2]


class FakeVerifier:
    """The port Upstream, and a Watching that it tells of everything."""

    def __init__(
        self,
        *,
        lease: float = 3.0,
        journal: Journal[Told] | None = None,
        most: int = 2_000,
    ) -> None:
        self.ticks = FakeTicks()
        self.encoder = Readable()
        self.view = FakeView()
        self.standing: Standing | None = None
        self.reported = BEGINNING
        self.until = 0.0
        self.woken = 0
        self.heard = asyncio.Event()
        self.watching = Watching(
            encoder=self.encoder,
            ticks=self.ticks,
            terms=Terms(lease),
            journal=journal,
            most=most,
        )
        self.watching.attach(self)

    def lease_left(self) -> float:
        return max(0.0, self.until - self.ticks.now())

    def report_soon(self) -> None:
        self.woken += 1
        self.heard.set()

    def begin(self, position: Position, identity: str = "one") -> None:
        """Begin, as the real one does: without a lease."""
        self.until = 0.0
        if self.standing is None or self.standing.identity != identity:
            self.reported = BEGINNING
        self.standing = Standing(identity, position)
        self.watching.begun_anew(self.standing)

    def hold(self, seconds: float = 2.0) -> None:
        """Hold a lease for so long."""
        self.until = self.ticks.now() + seconds

    def apply(self, number: int, *names: str) -> None:
        """Apply an entry of the log."""
        assert self.standing is not None
        facts = [fact(name) for name in names]
        self.view.facts += facts
        self.standing = Standing(self.standing.identity, at(number))
        self.watching.applied(at(number), facts)

    def find(self, *names: str) -> None:
        """Find facts in the database."""
        facts = [fact(name) for name in names]
        self.view.facts += facts
        self.watching.applied(None, facts)

    def report(self) -> Position:
        """Tell the log, as the real one does; return what was told."""
        assert self.standing is not None
        floor = self.watching.floor()
        position = self.standing.position if floor is None else min(floor, self.standing.position)
        self.reported = max(self.reported, position)
        return position


def following(number: int = 1, **options: object) -> FakeVerifier:
    """Return a verifier that holds a lease and has applied so much."""
    verifier = FakeVerifier(**options)  # type: ignore[arg-type] # of the same names
    verifier.begin(at(number))
    verifier.hold()
    return verifier


async def next_of(messages: AsyncGenerator[Told, None]) -> Told:
    """Return the next message."""
    async with asyncio.timeout(SECONDS):
        return await anext(messages)


async def whole_snapshot(messages: AsyncGenerator[Told, None]) -> tuple[set[str], str]:
    """Return the facts of the snapshot that comes next, and its cursor."""
    names: set[str] = set()
    while True:
        told = await next_of(messages)
        assert told.event == "snapshot"
        names |= set(told.facts)
        if told.complete:
            return names, told.cursor
        assert not told.cursor
