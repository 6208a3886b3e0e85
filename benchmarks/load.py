"""What is asked of a side, and the closed loop that asks it: so many calls always in flight."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

SERVICE = "tokenauthority.v1.TokenService"
ACCOUNTS = "tokenauthority.v1.AccountService"
CALL_SECONDS = 5.0
MOST_FAILURES = 20
"""Then a loop ends early: the side is broken, and its figures would be too."""

Rpc = Literal["Validate", "BatchValidate", "Refresh", "CreatePair", "Login"]


def path_of(rpc: Rpc) -> str:
    """Return the path of the RPC's calls."""
    return f"/{ACCOUNTS if rpc == 'Login' else SERVICE}/{rpc}"


@dataclass(frozen=True, slots=True)
class Work:
    """Calls of one RPC on one side. `bodies` are serialized requests; each is in flight once."""

    side: str
    address: str
    rpc: Rpc
    bodies: Sequence[bytes]
    in_flight: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Load from now until `end`; what is answered from `begin` on counts. By time.monotonic."""

    side: str
    begin: float
    end: float


@dataclass(slots=True)
class Outcome:
    """The times that calls took, in seconds, and the failed ones by what they failed with."""

    took: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)


async def keep_busy(
    step: Callable[[bytes], Awaitable[bytes]], bodies: deque[bytes], in_flight: int, phase: Phase
) -> Outcome:
    """Keep so many calls going until the phase ends, and let those end that are in flight then.

    `step` makes one call and returns the body to send after this one, which goes to the end of
    `bodies`.
    """
    outcome = Outcome()

    async def one_after_another() -> None:
        while (start := time.monotonic()) < phase.end and outcome.failures.total() < MOST_FAILURES:
            body = bodies.popleft()
            try:
                body = await step(body)
            except Exception as error:  # noqa: BLE001  whatever it is, the row reports it
                outcome.failures[_name(error)] += 1
            else:
                now = time.monotonic()
                if phase.begin <= now <= phase.end:
                    outcome.took.append(now - start)
            bodies.append(body)

    await asyncio.gather(*(one_after_another() for _ in range(in_flight)))
    return outcome


def merge(outcomes: Sequence[Outcome]) -> Outcome:
    total = Outcome()
    for one in outcomes:
        total.took += one.took
        total.failures += one.failures
    return total


def _name(error: Exception) -> str:
    code = getattr(error, "code", None)
    return str(code().name) if callable(code) else type(error).__name__
