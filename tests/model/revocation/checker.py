"""What must hold, looked at with each answer and each acknowledgement."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from model.revocation.database import Database, now

from tokenauthority_server.domain.revocations import Check, CheckSource, LiveFact
from tokenauthority_server.domain.tokens import Claims


class ViolationError(AssertionError):
    """The promise was broken. The text begins with which part of it."""

    trace: Sequence[str] = ()
    """What had happened, line by line."""

    @property
    def part(self) -> str:
        return str(self).split(":", 1)[0]


@dataclass(eq=False)
class Token:
    """A token, and what has become of it, in true seconds and in the order of what happened."""

    claims: Claims
    expires: float
    dead_since: float = inf
    """When a revocation of it was committed."""
    final: bool = False
    """One has been acknowledged as effective everywhere."""

    @property
    def dead(self) -> bool:
        return self.dead_since < inf

    def __str__(self) -> str:
        return f"{self.claims.token_id} of {self.claims.session_id} of {self.claims.user_id}"


@dataclass
class Tally:
    """How much was looked at."""

    runs: int = 0
    steps: int = 0
    seconds: float = 0.0
    acknowledged: int = 0
    everywhere: int = 0
    leased: int = 0
    from_database: int = 0

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __str__(self) -> str:
        return (
            f"{self.runs:,} runs, {self.steps:,} steps, {self.seconds:,.0f} virtual seconds, "
            f"{self.acknowledged:,} acknowledgements ({self.everywhere:,} effective everywhere), "
            f"{self.leased:,} leased answers, {self.from_database:,} from the database"
        )


@dataclass
class Checker:
    """Holds R1 to R3 of docs/revocation.md against what happens, and raises ViolationError."""

    database: Database
    tally: Tally = field(default_factory=Tally)

    def committed(self, tokens: Iterable[Token]) -> None:
        """Know that a revocation of these has been committed."""
        for one in tokens:
            one.dead_since = min(one.dead_since, now())

    def acknowledged(self, what: str, tokens: Collection[Token], *, everywhere: bool) -> None:
        """Look at an acknowledgement, which names all that it was about."""
        self.tally.acknowledged += 1
        for one in tokens:
            if not one.dead or (one.expires > now() and self.database.death(one.claims) is None):
                raise ViolationError(f"R2: {what} was acknowledged, and {one} is not revoked")
        if everywhere:
            self.tally.everywhere += 1
            for one in tokens:
                one.final = True

    def appended(self, facts: Iterable[LiveFact]) -> None:
        """Look at what somebody appends to the log."""
        for one in facts:
            if not self.database.holds(one.fact):
                raise ViolationError(f"R2: {one.fact.key} is in the log, and was never committed")

    def answered(self, where: str, token: Token, check: Check, *, final_before: bool) -> None:
        """Look at an answer; `final_before` is whether the token was final when it was asked."""
        if check.source is CheckSource.LEASED_VIEW:
            self.tally.leased += 1
        else:
            self.tally.from_database += 1
        (death,) = check.deaths
        if death is None and final_before:
            raise ViolationError(f"R1: {where} accepts {token} by its {check.source}")
        if death is not None and not token.dead:
            raise ViolationError(f"R3: {where} refuses {token} by its {check.source}: {death}")

    def complained(self, complaints: Sequence[object]) -> None:
        """Look at what went wrong inside: no failure of a store is an error of anybody's."""
        if complaints:
            raise ViolationError(f"E: {complaints[:3]}")
