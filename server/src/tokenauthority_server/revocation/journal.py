"""What a verifier has applied lately, in order: one ring, from which all watchers read.

So its memory depends neither on how many watchers there are nor on how slow they are: whoever falls
off it is told everything anew.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Generic, TypeVar

from tokenauthority_server.domain.revocation_ports import BEGINNING, Position, Standing
from tokenauthority_server.domain.revocations import LiveFact

MOST_RECORDS: Final = 10_000
MOST_FACTS: Final = 20_000

M = TypeVar("M")


@dataclass(slots=True)
class Record(Generic[M]):
    """Facts that were applied together.

    `standing` is where that left the verifier, `time` when that was, and `logged` whether the log
    had them: else they were found in the database. `messages` are the facts as watchers are told
    them: made for the first of them, and kept for the others.
    """

    standing: Standing
    time: float
    logged: bool
    facts: Sequence[LiveFact]
    messages: Sequence[M] = field(default=())


class Journal(Generic[M]):
    """The ring. Its records have indexes, which only grow; see `first` and `end`."""

    def __init__(self, most_records: int = MOST_RECORDS, most_facts: int = MOST_FACTS) -> None:
        self._most_records = most_records
        self._most_facts = most_facts
        self._records: deque[Record[M]] = deque()
        self._facts = 0
        self._lost: Position | None = None
        self._kept_after = BEGINNING
        self.first = 0
        """The index of the oldest record that is kept; `end` where there is none."""
        self.standing: Standing | None = None
        """Where the newest record leaves off; None before the verifier has begun."""

    @property
    def end(self) -> int:
        """The index that the next record will have."""
        return self.first + len(self._records)

    def begin(self, standing: Standing) -> None:
        """Go on from that place: of what came before it, nothing is here that could be read."""
        # One index belongs to no record, so that nobody who has read all of them goes on.
        self.first = self.end + 1
        self._records.clear()
        self._facts = 0
        self._lost = None
        self._kept_after = standing.position
        self.standing = standing

    def add(self, position: Position | None, facts: Sequence[LiveFact], now: float) -> None:
        """Add what was applied; facts without a position were found in the database.

        `now` is by any clock that only goes on: see `left_behind`.
        """
        if self.standing is None:
            # Nobody reads yet, and whoever will is told everything first.
            return
        if position is not None:
            self.standing = Standing(self.standing.identity, position)
        self._records.append(Record(self.standing, now, position is not None, facts))
        self._facts += len(facts)
        while len(self._records) > self._most_records or self._facts > self._most_facts:
            self._drop()

    def holds(self, index: int) -> bool:
        """Return whether every record from that index on is here."""
        return self.standing is not None and self.first <= index <= self.end

    def at(self, index: int) -> Record[M]:
        """Return a record that is held."""
        return self._records[index - self.first]

    def reaches(self, standing: Standing) -> bool:
        """Return whether all that is new to whoever had applied the log up to there is here.

        Besides what came after that place, this is whatever was found in the database: it may have
        been unknown to the verifier that told it of the rest.
        """
        if self.standing is None or standing.identity != self.standing.identity:
            return False
        return standing.position >= self._kept_after and (
            self._lost is None or standing.position > self._lost
        )

    def left_behind(self, position: Position) -> float:
        """Return when the verifier went on from that place of the log.

        Infinity where it has not yet; minus infinity where that was before all that is here.
        """
        if position < self._kept_after:
            return -inf
        index = bisect_right(self._records, position, key=lambda one: one.standing.position)
        return self._records[index].time if index < len(self._records) else inf

    def _drop(self) -> None:
        dropped = self._records.popleft()
        self.first += 1
        self._facts -= len(dropped.facts)
        self._kept_after = dropped.standing.position
        if not dropped.logged:
            self._lost = dropped.standing.position
