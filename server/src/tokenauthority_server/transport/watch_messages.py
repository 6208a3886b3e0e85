"""What watchers are sent, and what they send, between the contract's messages and values."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.revocations import Fact, FactKind, LiveFact
from tokenauthority_server.domain.watch_ports import LONGEST_CURSOR, WatchMode
from tokenauthority_server.transport.fields import Fields, byte_length
from tokenauthority_server.transport.responses import revocation_reason, timestamp

Message = pb.WatchRevocationsResponse

_MODES: Final = {
    pb.WATCH_MODE_STRICT: WatchMode.STRICT,
    pb.WATCH_MODE_RELAXED: WatchMode.RELAXED,
}
_BESIDE_STRINGS: Final = 64
"""Bytes of a fact's numbers, times and tags at the most."""


class Told:
    """What all watchers are told: one message for many, so nobody changes it."""

    __slots__ = ("_without_reasons", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self._without_reasons: Message | None = None

    def to(self, rights: Rights) -> Message:
        """Return the message for those who have these rights."""
        if rights.see_reasons:
            return self.message
        if self._without_reasons is None:
            self._without_reasons = _without_reasons(self.message)
        return self._without_reasons


class WatchMessages:
    """The port Encoder."""

    def size(self, fact: LiveFact) -> int:
        """Return how many bytes the fact takes at most."""
        one = fact.fact
        strings = (one.user_id, one.target, one.except_session_id)
        return _BESIDE_STRINGS + sum(map(byte_length, strings))

    def snapshot(self, cursor: str, facts: Sequence[LiveFact], *, complete: bool) -> Told:
        """Return a part of a snapshot."""
        snapshot = pb.Snapshot(facts=[_fact(one) for one in facts], complete=complete)
        return Told(Message(cursor=cursor, snapshot=snapshot))

    def revocations(self, cursor: str, facts: Sequence[LiveFact]) -> Told:
        """Return facts that have come since."""
        revocations = pb.Revocations(facts=[_fact(one) for one in facts])
        return Told(Message(cursor=cursor, revocations=revocations))

    def heartbeat(self, cursor: str, lease: float, answered: int) -> Told:
        """Return the answer to a report, its lease in seconds; 0 and 0 answer nothing."""
        duration = Duration()
        duration.FromTimedelta(timedelta(seconds=lease))
        heartbeat = pb.Heartbeat(lease=duration, answered_report_id=answered)
        return Told(Message(cursor=cursor, heartbeat=heartbeat))


def first_request(request: pb.WatchRevocationsRequest) -> tuple[WatchMode, str]:
    """Return how to watch, and the cursor to resume at ("" for none); raise InvalidRequestError."""
    fields = Fields()
    mode = _MODES.get(request.mode)
    if mode is None:
        fields.refuse("mode", "is required: give STRICT or RELAXED")
    cursor = fields.optional("resume_cursor", request.resume_cursor, LONGEST_CURSOR)
    if request.applied_cursor:
        fields.refuse("applied_cursor", "does not go with the first request")
    if request.report_id:
        fields.refuse("report_id", "does not go with the first request")
    fields.done()
    return mode or WatchMode.RELAXED, cursor


def report(request: pb.WatchRevocationsRequest) -> tuple[int, str]:
    """Return the id and the cursor of a report; raise InvalidRequestError."""
    fields = Fields()
    if request.mode:
        fields.refuse("mode", "goes with the first request only")
    if request.resume_cursor:
        fields.refuse("resume_cursor", "goes with the first request only")
    cursor = fields.optional("applied_cursor", request.applied_cursor, LONGEST_CURSOR)
    fields.done()
    return request.report_id, cursor


def _without_reasons(message: Message) -> Message:
    if message.HasField("heartbeat"):
        return message
    bare = Message()
    bare.CopyFrom(message)
    for fact in (*bare.snapshot.facts, *bare.revocations.facts):
        fact.ClearField("reason")
    return bare


def _fact(live: LiveFact) -> pb.Fact:
    fact = live.fact
    message = pb.Fact(
        reason=revocation_reason(fact.reason), expire_time=timestamp(live.expire_time)
    )
    _aim(message, fact)
    return message


def _aim(message: pb.Fact, fact: Fact) -> None:
    match fact.kind:
        case FactKind.TOKEN:
            message.token_id = fact.target
        case FactKind.SESSION:
            message.session_id = fact.target
        case FactKind.KEY:
            message.key_id = fact.target
        case FactKind.USER:
            user = message.user_epoch
            user.user_id, user.epoch = fact.user_id, fact.epoch
            user.except_session_id = fact.except_session_id
        case FactKind.PROFILE:  # pragma: no branch - there is no other kind
            profile = message.user_profile
            profile.user_id, profile.profile_epoch = fact.user_id, fact.epoch
