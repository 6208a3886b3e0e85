"""Every acknowledged revocation against every later answer, whoever gave it.

All times are `time.monotonic()`'s, which is one clock for all processes of a machine.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CONVERGES: Final = 3.0
"""Seconds after which an acknowledged revocation is known to every verifier that reaches a store,
however it was acknowledged: anti-entropy's two, and the rest for processors that many share."""


class Source(StrEnum):
    """What a verdict rests on: a worker's two, and a client's own view."""

    LEASED_VIEW = "LEASED_VIEW"
    DATABASE = "DATABASE"
    CLIENT = "CLIENT"


@dataclass(eq=False)
class Fate:
    """What callers know of a token's end. A revocation that nobody was told of has begun only."""

    token: str
    begun: float = math.inf
    durable: float = math.inf
    """When it was first acknowledged at all."""
    final: float = math.inf
    """When it was first acknowledged with `effective_everywhere`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Answers that are compared alike."""

    verifier: str
    token: str
    source: Source
    active: bool


@dataclass(slots=True)
class Answers:
    """All answers of a kind, as far as they matter: the latest beginning, and the first end."""

    count: int = 0
    first_ended: float = math.inf
    last_begun: float = -math.inf

    def add(self, begun: float, ended: float, count: int = 1) -> None:
        """Take one in, or many of which these are the extremes."""
        self.count += count
        self.first_ended = min(self.first_ended, ended)
        self.last_begun = max(self.last_begun, begun)


class History:
    """What was acknowledged, and what was answered, by any number of verifiers."""

    def __init__(self, converges: float = CONVERGES) -> None:
        self.fates: dict[str, Fate] = {}
        self.answers: dict[Kind, Answers] = {}
        self.unanswered: dict[str, int] = {}
        """How often each verifier could not tell."""
        self.times: dict[str, list[float]] = {}
        """Seconds to the acknowledgement, by what was wrong meanwhile."""
        self.final = 0
        """Acknowledgements with `effective_everywhere`."""
        self.durable = 0
        """Those without it."""
        self._converges = converges

    def issued(self, token: str) -> Fate:
        """Note a token that is good from now on."""
        return self.fates.setdefault(token, Fate(token))

    def revoking(self, token: str) -> float:
        """Note that somebody asks for its end, and return when."""
        now = time.monotonic()
        fate = self.fates[token]
        fate.begun = min(fate.begun, now)
        return now

    def revoked(self, token: str, begun: float, fault: str, *, effective: bool) -> None:
        """Note an acknowledgement, and how long it took."""
        now = time.monotonic()
        fate = self.fates[token]
        fate.durable = min(fate.durable, now)
        if effective:
            fate.final = min(fate.final, now)
        self.final += effective
        self.durable += not effective
        self.times.setdefault(fault, []).append(now - begun)

    def committed(self, token: str) -> None:
        """Note that its end is durable, though nobody was told: it has to become known."""
        fate = self.fates[token]
        fate.durable = min(fate.durable, time.monotonic())

    def answered(self, kind: Kind, *, begun: float, ended: float, count: int = 1) -> None:
        """Note a verdict, or many of one kind with their extremes."""
        self.answers.setdefault(kind, Answers()).add(begun, ended, count)

    def not_answered(self, verifier: str, count: int = 1) -> None:
        """Note that a verifier said that it cannot tell."""
        self.unanswered[verifier] = self.unanswered.get(verifier, 0) + count

    def count(self, source: Source, verifier: str = "") -> int:
        """How many verdicts rest on this, of one verifier or of all."""
        return sum(
            answers.count
            for kind, answers in self.answers.items()
            if kind.source is source and verifier in ("", kind.verifier)
        )

    def violations(self) -> list[str]:
        """What must never be: a stale acceptance, a lost revocation, a false refusal."""
        return [
            f"{what}: {kind.verifier} {kind.source} about {kind.token}"
            for kind, answers in self.answers.items()
            for what in self._wrong(kind, answers)
        ]

    def _wrong(self, kind: Kind, answers: Answers) -> Iterator[str]:
        fate = self.fates[kind.token]
        if not kind.active:
            if answers.first_ended < fate.begun:
                yield "R3, a good token was refused"
            return
        begun = answers.last_begun
        if begun > fate.final:
            yield f"R1, accepted {begun - fate.final:.3f} s after it was revoked everywhere"
        elif begun > fate.durable and kind.source is Source.DATABASE:
            yield f"R1, accepted by the database {begun - fate.durable:.3f} s after it was revoked"
        elif begun > fate.durable + self._converges:
            yield f"R2, still accepted {begun - fate.durable:.3f} s after it was revoked"

    def check(self) -> None:
        """Assert that there are none."""
        found = self.violations()
        assert not found, "\n".join([f"{len(found)} violations, the first:", *found[:20]])

    def check_final(self) -> None:
        """Assert that nearly all acknowledgements were effective everywhere at once."""
        assert self.durable <= self.final / 10, f"{self.durable} were not, and {self.final} were"

    def lines(self) -> list[str]:
        """What was seen, for people: how many, how long, and what came late."""
        told = [
            f"{len(taken):5} acknowledged, {fault}: {_spread(taken)}"
            for fault, taken in sorted(self.times.items())
        ]
        answers = ", ".join(f"{self.count(source)} {source}" for source in Source)
        untold = sum(self.unanswered.values())
        return [
            *told,
            f"{self.final} effective everywhere, {self.durable} not yet",
            f"answers: {answers}; {untold} could not be given",
            *self._lateness(),
        ]

    def _lateness(self) -> Iterator[str]:
        late, unsure = [], []
        for token, begun in self._last_accepted().items():
            fate = self.fates[token]
            if begun > fate.final:
                late.append(begun - fate.final)
            if fate.durable < min(fate.final, begun):
                unsure.append(begun - fate.durable)
        yield f"accepted after it was effective everywhere: {_spread(late) if late else 'none'}"
        if unsure:
            yield f"accepted after it was durable only: {len(unsure)}, {_spread(unsure)}"

    def _last_accepted(self) -> dict[str, float]:
        """When the last question about each token was asked that was answered with a yes."""
        last: dict[str, float] = {}
        for kind, answers in self.answers.items():
            if kind.active:
                last[kind.token] = max(last.get(kind.token, -math.inf), answers.last_begun)
        return last

    def figures(self) -> dict[str, list[float]]:
        """Seconds to the acknowledgement by fault: the middle, the 99th of a hundred, the most."""
        return {
            fault: [round(quantile(taken, at), 4) for at in (0.5, 0.99, 1.0)]
            for fault, taken in sorted(self.times.items())
        }


def quantile(values: list[float], at: float) -> float:
    """The value that so large a part of them does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, math.ceil(at * len(ranked)) - 1)]


def _spread(values: list[float]) -> str:
    middle, most, last = (quantile(values, at) * 1000 for at in (0.5, 0.99, 1.0))
    return f"p50 {middle:.1f} ms, p99 {most:.1f} ms, max {last:.1f} ms"
