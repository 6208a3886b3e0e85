"""What can happen in a run, each with all that is to be known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from model.revocation.network import Weather

HOSTS: Final = 4
LEASE: Final = 3.0


@dataclass(frozen=True)
class Revoke:
    """Somebody revokes something; what it is, `seed` says."""

    host: int
    kind: str
    seed: int


@dataclass(frozen=True)
class Pause:
    host: int
    seconds: float


@dataclass(frozen=True)
class Kill:
    """A host dies, and a new one takes its place."""

    host: int
    after: float


@dataclass(frozen=True)
class HangUp:
    """A client's worker hears that the client has gone, which has not heard of it."""

    host: int


@dataclass(frozen=True)
class Stop:
    """A host ends in good order, and a new one takes its place."""

    host: int
    after: float


@dataclass(frozen=True)
class Network:
    """The ways to these stores are so for some time: from one host, or (None) from all."""

    stores: Sequence[str]
    host: int | None
    weather: Weather
    seconds: float


@dataclass(frozen=True)
class Empty:
    """Somebody flushes Redis."""


@dataclass(frozen=True)
class RestartEmpty:
    """Redis is restarted, and kept nothing."""


@dataclass(frozen=True)
class FailOver:
    """A replica of Redis, which is some way behind, takes over."""

    behind: float


@dataclass(frozen=True)
class Trim:
    """All entries of the log but so many are forgotten, as if they were old."""

    kept: int


@dataclass(frozen=True)
class Down:
    """A store refuses everything for some time."""

    store: str
    seconds: float


@dataclass(frozen=True)
class RestartDatabase:
    """PostgreSQL is restarted; what was not committed is lost."""


What: TypeAlias = (
    Revoke
    | Pause
    | Kill
    | Stop
    | HangUp
    | Network
    | Empty
    | RestartEmpty
    | FailOver
    | Trim
    | Down
    | RestartDatabase
)
