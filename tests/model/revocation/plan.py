"""What will happen in a run, all of it known before: so a plan can be cut while it still fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from model.revocation.events import HOSTS, LEASE, Revoke, What
from model.revocation.troubles import trouble, trouble_of_client

QUIET: Final = 14.0
"""The last seconds of a run, in which nothing goes wrong any more: all must come right in them."""


@dataclass(frozen=True)
class Event:
    at: float
    what: What


@dataclass(frozen=True)
class Plan:
    """A run: its seed also decides how long each message takes, and how the hosts' clocks go."""

    seed: int
    seconds: float
    events: Sequence[Event]
    clients: int = 0
    """Who verify by themselves, in strict mode; as hosts they come after the workers."""
    leases: Sequence[float] = (LEASE,)
    """What workers are told, in turns: several while the setting is being changed."""

    def without(self, start: int, end: int) -> "Plan":
        """Return the plan without the events in these places."""
        return replace(self, events=[*self.events[:start], *self.events[end:]])

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, {self.seconds:.0f} seconds, {len(self.events)} events"]
        lines += [f"  {event.at:9.4f} {event.what}" for event in self.events]
        return "\n".join(lines)


KINDS: Final = {
    "token": 10.0,
    "session": 8.0,
    "user": 1.5,
    "user but one session": 1.5,
    "profile": 1.0,
    "key": 0.2,
    "several sessions": 2.0,
    "reuse": 2.0,
}
"""What is revoked, and how often."""

REVOCATIONS_A_SECOND: Final = 4.0

OFTEN: Final = 15


def plan(seed: int, often: str = "", *, clients: int | None = None, seconds: float = 45.0) -> Plan:
    """Make up a plan, in which the trouble of this name happens often.

    There are so many clients, often in trouble, or as the seed says.
    """
    random = Random(seed)  # noqa: S311 - to be made up again, not to be unguessable
    end = seconds - QUIET
    events = [
        Event(
            random.uniform(0.5, seconds - 1),
            Revoke(
                random.randrange(HOSTS),
                random.choices([*KINDS], [*KINDS.values()])[0],
                random.getrandbits(32),
            ),
        )
        for _ in range(int(seconds * REVOCATIONS_A_SECOND))
    ]
    # Some runs are nearly calm, in some everything happens at once.
    troubles = [trouble(random) for _ in range(random.choice([2, 5, 10, 20]))]
    troubles += [trouble(random, often) for _ in range(OFTEN if often else 0)]
    several, often_too = random.choice([0, 1, 3]), random.choice([1, 3, 6])
    if clients is None:
        clients = several
    else:
        often_too = OFTEN
    for host in range(HOSTS, HOSTS + clients):
        for _ in range(often_too):
            troubles.append(trouble_of_client(random, host))
    for one in troubles:
        at = random.uniform(1, end)
        events += [Event(at + later, what) for later, what in one if at + later < end]
    return Plan(seed, seconds, sorted(events, key=lambda event: event.at), clients)
