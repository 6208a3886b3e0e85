"""What goes wrong: single things, and some that are dangerous together."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeAlias

from model.revocation.events import (
    HOSTS,
    LEASE,
    Down,
    Empty,
    FailOver,
    HangUp,
    Kill,
    Network,
    Pause,
    RestartDatabase,
    RestartEmpty,
    Stop,
    Trim,
    What,
)
from model.revocation.network import CALM, CUT, FLAKY, Weather

Trouble: TypeAlias = Sequence[tuple[float, What]]
"""Events, each so many seconds after the trouble has begun."""

_AUTHORITY: Final = ("authority",)
BOTH: Final = ("redis", "postgresql")
BAD: Final = (
    Weather(slowest=0.1, lost=0.05, straggling=0.02),
    Weather(slowest=0.2, lost=0.2, straggling=0.1),
    Weather(straggling=0.5),
    FLAKY,
    CUT,
)


def trouble(random: Random, name: str = "") -> Trouble:
    """Make up a trouble: one of this name, or any."""
    if not name:
        (name,) = random.choices([*TROUBLES], [weight for weight, _ in TROUBLES.values()])
    _, make = TROUBLES[name]
    return make(random, random.randrange(HOSTS))


def trouble_of_client(random: Random, host: int) -> Trouble:
    """Make up something that goes wrong with a client, or several things."""
    long = _long(random)
    slow = Network(_AUTHORITY, host, random.choice([Weather(slowest=0.3), FLAKY]), 3 * LEASE)
    choices: list[Trouble] = [
        [(0, Pause(host, _short(random)))],
        [(0, Kill(host, _short(random)))],
        [(0, Network(_AUTHORITY, host, random.choice(BAD), _short(random)))],
        [(0, Network(_AUTHORITY, host, CUT, long)), (0.1, HangUp(host))],
        [(0, Network(_AUTHORITY, host, CUT, long)), (long, slow)],
        [(0, slow), (1.0, Pause(host, long))],
        [(0, slow), (1.0, Network(_AUTHORITY, host, CUT, long))],
    ]
    return random.choice(choices)


def _short(random: Random) -> float:
    return random.choice([0.1, 0.5, 1.0, LEASE, 1.5 * LEASE]) * random.uniform(0.5, 1.5)


def _long(random: Random) -> float:
    """Return about how long a lease lasts, or longer."""
    return LEASE * random.uniform(0.9, 2.0)


def _forgotten(random: Random) -> What:
    others: list[What] = [Empty(), RestartEmpty()]
    others += [FailOver(behind) for behind in (0.0, 0.2, 1.0, 4.0)]
    return random.choice(others)


def _pause(random: Random, host: int) -> Trouble:
    return [(0, Pause(host, _short(random)))]


def _kill(random: Random, host: int) -> Trouble:
    return [(0, Kill(host, _short(random)))]


def _stop(random: Random, host: int) -> Trouble:
    return [(0, Stop(host, _short(random)))]


def _network(random: Random, host: int) -> Trouble:
    stores = random.choice([("redis",), ("redis",), ("postgresql",), BOTH])
    somebody = random.choice([host, host, None])
    return [(0, Network(stores, somebody, random.choice(BAD), _short(random)))]


def _other_data(random: Random, _host: int) -> Trouble:
    return [(0, _forgotten(random))]


def _down(random: Random, _host: int) -> Trouble:
    return [(0, Down(random.choice(BOTH), _short(random)))]


def _database(_random: Random, _host: int) -> Trouble:
    return [(0, RestartDatabase())]


def _holds_a_lease_of_other_data(random: Random, host: int) -> Trouble:
    long = _long(random)
    ways: list[What] = [Network(("redis",), host, CUT, long), Pause(host, long)]
    away = random.choice(ways)
    return [(0, away), (random.uniform(0, 0.5), _forgotten(random))]


def _other_data_after_a_while(random: Random, _host: int) -> Trouble:
    return [(0, Down("redis", _short(random))), (random.uniform(0, 0.5), _forgotten(random))]


def _unknown_to_the_replica(random: Random, host: int) -> Trouble:
    return [
        (0, Kill(host, 0.1)),
        (1.0, Network(BOTH, host, CUT, _long(random))),
        (1.1, FailOver(3.0)),
    ]


def _misses_what_is_forgotten(random: Random, host: int) -> Trouble:
    # Shorter than a lease too: then it finds the gap while it has its lease still.
    long = random.choice([_long(random), LEASE * random.uniform(0.2, 0.7)])
    return [
        (0, Network(BOTH, host, CUT, long)),
        (long - 0.1, Trim(random.randrange(3))),
        (long, Network(BOTH, host, random.choice([CALM, FLAKY]), long)),
    ]


def _hears_not_everything(random: Random, host: int) -> Trouble:
    long = _long(random)
    return [(0, Network(BOTH, host, CUT, long)), (long, Network(BOTH, host, FLAKY, long))]


def _stands_still_while_it_is_answered(random: Random, host: int) -> Trouble:
    slow = Network(("redis",), host, Weather(slowest=0.2), 5 * LEASE)
    return [(0, slow), (random.uniform(0.5, 3.0), Pause(host, _long(random)))]


TROUBLES: Final[dict[str, tuple[int, Callable[[Random, int], Trouble]]]] = {
    "a pause": (4, _pause),
    "a death": (2, _kill),
    "an end": (2, _stop),
    "a bad network": (6, _network),
    "other data": (3, _other_data),
    "a store that is down": (2, _down),
    "a restart of the database": (1, _database),
    "a lease of other data": (6, _holds_a_lease_of_other_data),
    "other data after a while": (2, _other_data_after_a_while),
    "a verifier unknown to the replica": (2, _unknown_to_the_replica),
    "missing what is forgotten": (3, _misses_what_is_forgotten),
    "hearing not everything": (3, _hears_not_everything),
    "standing still while it is answered": (4, _stands_still_while_it_is_answered),
}
"""By their names, and how often each happens."""
