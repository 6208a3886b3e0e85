"""Facts as a few bytes each: a view holds a million of them.

A dictionary from target to one number, and the targets by the minute in which they are dropped: no
object for a fact. The minutes are of a clock that nobody can set, so that no fact goes early where
the time of day is wrong.
"""

from collections import defaultdict
from collections.abc import Iterator
from math import ceil
from typing import Final

from tokenauthority_server.domain.revocations import RevocationReason

REASONS: Final = tuple(RevocationReason)
"""A number has the place of the reason in this, in its last bits."""

_NUMBER_OF: Final = {reason: number for number, reason in enumerate(REASONS)}

_REASON_BITS: Final = 4
_EXPIRY_BITS: Final = 40
_MINUTE_BITS: Final = 72
_REASON: Final = (1 << _REASON_BITS) - 1
_EXPIRY: Final = (1 << (_EXPIRY_BITS - _REASON_BITS)) - 1
_MINUTE: Final = (1 << (_MINUTE_BITS - _EXPIRY_BITS)) - 1

MINUTE: Final = 60.0


def reason_of(number: int) -> RevocationReason:
    """Return why it was revoked."""
    return REASONS[number & _REASON]


def expiry_of(number: int) -> int:
    """Return when the fact matters no more, in Unix seconds by the database's clock."""
    return number >> _REASON_BITS & _EXPIRY


def epoch_of(number: int) -> int:
    """Return the epoch, for a number of Highest."""
    return number >> _MINUTE_BITS


def _minute_of(number: int) -> int:
    return number >> _EXPIRY_BITS & _MINUTE


class _Dropping:
    """Which targets are dropped in which minute."""

    def __init__(self) -> None:
        self._minutes: defaultdict[int, list[str]] = defaultdict(list)

    def at(self, minute: int, target: str) -> None:
        self._minutes[minute].append(target)

    def due(self, now: float, most: int) -> list[tuple[int, str]]:
        """Take out up to so many of those whose minute has come."""
        taken: list[tuple[int, str]] = []
        for minute in [one for one in self._minutes if one * MINUTE <= now]:
            targets = self._minutes[minute]
            while targets and len(taken) < most:
                taken.append((minute, targets.pop()))
            if not targets:
                del self._minutes[minute]
        return taken


def minute_after(now: float, remaining: float) -> int:
    """Return the first whole minute in which nothing of it remains."""
    return ceil((now + max(0.0, remaining)) / MINUTE)


class Once:
    """Facts that do not change once they are there: of tokens and sessions."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._dropping = _Dropping()

    def add(self, target: str, reason: RevocationReason, expiry: int, minute: int) -> bool:
        """Add one; return whether it was new."""
        if target in self.numbers:
            return False
        self.numbers[target] = min(expiry, _EXPIRY) << _REASON_BITS | _NUMBER_OF[reason]
        self._dropping.at(minute, target)
        return True

    def drop(self, now: float, most: int) -> int:
        """Drop up to so many of those that matter no more; return how many."""
        due = self._dropping.due(now, most)
        for _, target in due:
            del self.numbers[target]
        return len(due)


class Highest:
    """Facts of users, of each the one with the highest epoch, with the session that it spares.

    And those of keys, without an epoch, as they may come to matter for longer.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.spared: dict[str, str] = {}
        self._dropping = _Dropping()

    def add(  # noqa: PLR0913 - all but two by name
        self,
        target: str,
        epoch: int,
        *,
        spared: str,
        reason: RevocationReason,
        expiry: int,
        minute: int,
    ) -> bool:
        """Add one; return whether it told anything that the one that was there did not."""
        number = (
            epoch << _MINUTE_BITS
            | minute << _EXPIRY_BITS
            | min(expiry, _EXPIRY) << _REASON_BITS
            | _NUMBER_OF[reason]
        )
        known = self.numbers.get(target)
        if known is not None and (epoch_of(known), expiry_of(known)) >= (epoch, expiry):
            return False
        self.numbers[target] = number
        if spared:
            self.spared[target] = spared
        else:
            self.spared.pop(target, None)
        if known is None or _minute_of(known) != minute:
            self._dropping.at(minute, target)
        return True

    def drop(self, now: float, most: int) -> int:
        """Look at up to so many of those that may matter no more; return how many those were."""
        due = self._dropping.due(now, most)
        for minute, target in due:
            number = self.numbers.get(target)
            # A later fact has a later minute, for which it stands there once more.
            if number is not None and _minute_of(number) <= minute:
                del self.numbers[target]
                self.spared.pop(target, None)
        return len(due)


def chunks(numbers: dict[str, int], size: int) -> Iterator[list[tuple[str, int]]]:
    """Give all that is there now, in parts; what changes meanwhile does no harm."""
    targets = list(numbers)
    for start in range(0, len(targets), size):
        part = targets[start : start + size]
        yield [(one, number) for one in part if (number := numbers.get(one)) is not None]
