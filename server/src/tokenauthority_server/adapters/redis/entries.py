"""Entries of the revocation log as text."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tokenauthority_server.domain.revocation_ports import Entry, position_of
from tokenauthority_server.domain.revocations import Fact, FactKind, LiveFact, RevocationReason

MOST_FACTS: Final = 100
"""Facts of one entry: more of them become several entries."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TYPES: Final = (str, str, str, str, int, str, int, int)


def encode(facts: Sequence[LiveFact]) -> list[str]:
    """Return the facts as what their entries say, which is at least one."""
    parts = [facts[start : start + MOST_FACTS] for start in range(0, len(facts), MOST_FACTS)]
    return [
        json.dumps([_written(one) for one in part], separators=(",", ":"), ensure_ascii=False)
        for part in parts or [[]]
    ]


def decode(place: str, fields: Mapping[str, str]) -> Entry:
    """Return the entry of these fields.

    One that says what nobody here can read is an entry without facts that is its own `previous`:
    whoever comes to it has missed something, and reads the database.
    """
    position = position_of(place)
    identity = fields.get("identity", "")
    try:
        previous = position_of(fields["previous"])
        facts = _read(fields["facts"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return Entry(identity=identity, position=position, previous=position, facts=())
    return Entry(identity=identity, position=position, previous=previous, facts=facts)


def _written(one: LiveFact) -> list[str | int]:
    fact = one.fact
    return [
        fact.kind,
        fact.user_id,
        fact.target,
        fact.reason,
        fact.epoch,
        fact.except_session_id,
        (one.expire_time - _EPOCH) // _MICROSECOND,
        one.remaining // _MICROSECOND,
    ]


def _read(text: str) -> tuple[LiveFact, ...]:
    facts = json.loads(text)
    if type(facts) is not list:
        raise TypeError("not a list of facts")
    return tuple(_fact(one) for one in facts)


def _fact(values: Any) -> LiveFact:
    # Types to the letter: a truth value would pass for a number.
    if type(values) is not list or tuple(map(type, values)) != _TYPES:
        raise TypeError("not a fact")
    kind, user_id, target, reason, epoch, spared, expires, remaining = values
    fact = Fact(
        kind=FactKind(kind),
        user_id=user_id,
        target=target,
        reason=RevocationReason(reason),
        epoch=epoch,
        except_session_id=spared,
    )
    return LiveFact(fact, _EPOCH + expires * _MICROSECOND, remaining * _MICROSECOND)
