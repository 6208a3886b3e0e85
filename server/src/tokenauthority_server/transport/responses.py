"""From what use cases return to the contract's messages."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.keys import KeyState, PublicKey
from tokenauthority_server.domain.revocations import CheckSource, RevocationReason
from tokenauthority_server.domain.sessions import Session
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenPair,
    TokenType,
    VerifiedToken,
)
from tokenauthority_server.services.validating import Verdict

# By name, once: the domain's names are the contract's.
_TOKEN_TYPES: Final = {one: pb.TokenType.Value(f"TOKEN_TYPE_{one.name}") for one in TokenType}
_INACTIVE: Final = {
    one: pb.InactiveReason.Value(f"INACTIVE_REASON_{one.name}") for one in InactiveReason
}
_REVOKED: Final = {
    one: pb.RevocationReason.Value(f"REVOCATION_REASON_{one.name}") for one in RevocationReason
}
_SOURCES: Final = {one: pb.CheckSource.Value(f"CHECK_SOURCE_{one.name}") for one in CheckSource}
_KEY_STATES: Final = {one: pb.KeyState.Value(f"KEY_STATE_{one.name}") for one in KeyState}


def token_pair(pair: TokenPair) -> pb.TokenPair:
    """Return the pair, in the words of RFC 6749, section 5.1."""
    return pb.TokenPair(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
        token_type="Bearer",  # noqa: S106 - the type's name
        session_id=pair.session_id,
        access_expire_time=timestamp(pair.access_expire_time),
        refresh_expire_time=timestamp(pair.refresh_expire_time),
    )


def verdict(found: Verdict) -> pb.ValidateResponse:
    """Return the answer for one token. What the verdict does not know stays unset."""
    response = pb.ValidateResponse()
    _fill(response, found)
    return response


def verdicts(found: Sequence[Verdict]) -> pb.BatchValidateResponse:
    """Return the answers for tokens, in their order."""
    response = pb.BatchValidateResponse()
    for one in found:
        _fill(response.results.add(), one)
    return response


def _fill(response: pb.ValidateResponse, found: Verdict) -> None:
    if found.remembered is not None:
        response.MergeFromString(_written(found.remembered))
    elif found.claims is not None and found.reason is None:
        response.active = True
        response.claims.CopyFrom(_claims(found.claims))
    if found.reason is not None:
        response.reason = _INACTIVE[found.reason]
    if found.revocation_reason is not None:
        response.revocation_reason = revocation_reason(found.revocation_reason)
    if found.source is not None:
        response.source = _SOURCES[found.source]
    # Field by field: a third of the time of a message of its own.
    time = response.check_time
    time.seconds, time.nanos = _seconds(found.check_time), found.check_time.microsecond * 1000


def _written(token: VerifiedToken) -> bytes:
    """Return what the answer about a good token has of the token, written once for all answers."""
    if not token.written:
        answer = pb.ValidateResponse(active=True, claims=_claims(token.claims))
        token.written = answer.SerializeToString()
    return token.written


def session(found: Session) -> pb.Session:
    """Return the session; no token material is in it."""
    return pb.Session(
        session_id=found.session_id,
        user_id=found.user_id,
        device=pb.Device(
            device_id=found.device.device_id,
            user_agent=found.device.user_agent,
            ip_address=found.device.ip_address,
        ),
        scope=found.scope,
        create_time=timestamp(found.create_time),
        last_activity_time=timestamp(found.last_activity_time),
        expire_time=timestamp(found.expire_time),
        end_time=timestamp(found.end_time),
    )


def public_key(key: PublicKey) -> pb.PublicKey:
    """Return the key; times that have not come stay unset."""
    return pb.PublicKey(
        key_id=key.key_id,
        algorithm=key.algorithm,
        state=_KEY_STATES[key.state],
        jwk=key.jwk,
        activate_time=timestamp(key.activate_time) if key.activate_time else None,
        retire_time=timestamp(key.retire_time) if key.retire_time else None,
    )


def revocation_reason(reason: RevocationReason) -> pb.RevocationReason.ValueType:
    """Return the reason as the contract has it."""
    return _REVOKED[reason]


def _claims(claims: Claims) -> pb.Claims:
    return pb.Claims(
        user_id=claims.user_id,
        username=claims.username,
        email=claims.email,
        roles=claims.roles,
        permissions=claims.permissions,
        session_id=claims.session_id,
        device_id=claims.device_id,
        scope=claims.scope,
        token_type=_TOKEN_TYPES[claims.token_type],
        issuer=claims.issuer,
        audience=claims.audience,
        issue_time=Timestamp(seconds=claims.issue_time),
        expire_time=Timestamp(seconds=claims.expire_time),
        token_id=claims.token_id,
        key_id=claims.key_id,
        epoch=claims.epoch,
        profile_epoch=claims.profile_epoch,
    )


def timestamp(time: datetime) -> Timestamp:
    """Return the time as the contract has it."""
    # FromDatetime takes six times as long, and every answer carries one at least.
    return Timestamp(seconds=_seconds(time), nanos=time.microsecond * 1000)


@lru_cache(maxsize=16)
def _seconds(time: datetime) -> int:
    # All answers of a list have one time.
    # A float of so many digits may be rounded up to the next second.
    return int(time.replace(microsecond=0).timestamp())
