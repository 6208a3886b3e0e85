"""What the authority answers comes out whole, typed and unchangeable."""

import dataclasses
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from unit.client.scripted_authority import ScriptedAuthority

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    CheckSource,
    Claims,
    Device,
    InactiveReason,
    KeyState,
    PublicKey,
    RefreshResult,
    RevocationReason,
    RevocationResult,
    Session,
    SessionPage,
    TokenAuthorityClient,
    TokenPair,
    TokenType,
    ValidationResult,
)

NOON: Final = datetime(2030, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)
LATER: Final = datetime(2030, 1, 9, 12, tzinfo=UTC)
NOON_SENT: Final = Timestamp(seconds=int(NOON.timestamp()), nanos=250_000_000)
LATER_SENT: Final = Timestamp(seconds=int(LATER.timestamp()))
PAIR: Final = TokenPair(
    access_token="secret-access",
    refresh_token="secret-refresh",
    expires_in=1_800,
    token_type="Bearer",
    session_id="sess_1",
    access_expire_time=NOON,
    refresh_expire_time=LATER,
)
PAIR_SENT: Final = pb.TokenPair(
    access_token="secret-access",
    refresh_token="secret-refresh",
    expires_in=1_800,
    token_type="Bearer",
    session_id="sess_1",
    access_expire_time=NOON_SENT,
    refresh_expire_time=LATER_SENT,
)
CLAIMS: Final = Claims(
    user_id="42",
    username="ada",
    email="ada@example.org",
    roles=("admin", "viewer"),
    permissions=("containers.read",),
    session_id="sess_1",
    device_id="laptop",
    scope=("web",),
    token_type=TokenType.ACCESS,
    issuer="wakedock",
    audience="wakedock-users",
    issue_time=NOON,
    expire_time=LATER,
    token_id="jti-1",
    key_id="kid-1",
    epoch=3,
    profile_epoch=4,
)
CLAIMS_SENT: Final = pb.Claims(
    user_id="42",
    username="ada",
    email="ada@example.org",
    roles=["admin", "viewer"],
    permissions=["containers.read"],
    session_id="sess_1",
    device_id="laptop",
    scope=["web"],
    token_type=pb.TOKEN_TYPE_ACCESS,
    issuer="wakedock",
    audience="wakedock-users",
    issue_time=NOON_SENT,
    expire_time=LATER_SENT,
    token_id="jti-1",
    key_id="kid-1",
    epoch=3,
    profile_epoch=4,
)
ACTIVE: Final = ValidationResult(
    active=True,
    reason=None,
    revocation_reason=None,
    claims=CLAIMS,
    check_time=NOON,
    source=CheckSource.LEASED_VIEW,
)
ACTIVE_SENT: Final = pb.ValidateResponse(
    active=True, claims=CLAIMS_SENT, check_time=NOON_SENT, source=pb.CHECK_SOURCE_LEASED_VIEW
)
REVOKED: Final = ValidationResult(
    active=False,
    reason=InactiveReason.SESSION_REVOKED,
    revocation_reason=RevocationReason.ADMIN,
    claims=None,
    check_time=NOON,
    source=CheckSource.DATABASE,
)
REVOKED_SENT: Final = pb.ValidateResponse(
    reason=pb.INACTIVE_REASON_SESSION_REVOKED,
    revocation_reason=pb.REVOCATION_REASON_ADMIN,
    claims=CLAIMS_SENT,  # which no one may take for those of a good token
    check_time=NOON_SENT,
    source=pb.CHECK_SOURCE_DATABASE,
)


async def test_create_pair(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["CreatePair"] = [pb.CreatePairResponse(pair=PAIR_SENT)]
    assert await client.create_pair("42") == PAIR


async def test_refresh(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["Refresh"] = [pb.RefreshResponse(pair=PAIR_SENT, replayed=True)]
    assert await client.refresh("t") == RefreshResult(pair=PAIR, replayed=True)


async def test_validate(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["Validate"] = [ACTIVE_SENT, REVOKED_SENT]
    assert await client.validate("t") == ACTIVE
    assert await client.validate("t") == REVOKED


async def test_batch_validate(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    results = [REVOKED_SENT, ACTIVE_SENT]
    authority.script["BatchValidate"] = [pb.BatchValidateResponse(results=results)]
    assert await client.batch_validate(["a", "b"]) == (REVOKED, ACTIVE)


async def test_revoke(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["Revoke"] = [
        pb.RevokeResponse(revoked_sessions=2, revoked_tokens=1, effective_everywhere=True)
    ]
    assert await client.revoke_user("42") == RevocationResult(
        revoked_sessions=2, revoked_tokens=1, effective_everywhere=True
    )


async def test_list_sessions(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    sent = pb.Session(
        session_id="sess_1",
        user_id="42",
        device=pb.Device(device_id="laptop", user_agent="curl", ip_address="::1"),
        scope=["web"],
        create_time=NOON_SENT,
        last_activity_time=NOON_SENT,
        expire_time=LATER_SENT,
        end_time=LATER_SENT,
    )
    unseen = pb.Session()
    unseen.CopyFrom(sent)
    unseen.ClearField("last_activity_time")
    authority.script["ListSessions"] = [
        pb.ListSessionsResponse(sessions=[sent, unseen], next_page_token="next")
    ]
    session = Session(
        session_id="sess_1",
        user_id="42",
        device=Device(device_id="laptop", user_agent="curl", ip_address="::1"),
        scope=("web",),
        create_time=NOON,
        last_activity_time=NOON,
        expire_time=LATER,
        end_time=LATER,
    )
    assert await client.list_sessions("42") == SessionPage(
        sessions=(session, dataclasses.replace(session, last_activity_time=None)),
        next_page_token="next",
    )


async def test_get_public_keys(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    sent = pb.PublicKey(
        key_id="kid-1",
        algorithm="ES256",
        state=pb.KEY_STATE_RETIRED,
        jwk="{}",
        activate_time=NOON_SENT,
        retire_time=LATER_SENT,
    )
    prepared = pb.PublicKey(key_id="kid-2", state=pb.KEY_STATE_PREPARED)
    authority.script["GetPublicKeys"] = [pb.GetPublicKeysResponse(keys=[sent, prepared])]
    assert await client.get_public_keys() == (
        PublicKey(
            key_id="kid-1",
            algorithm="ES256",
            state=KeyState.RETIRED,
            jwk="{}",
            activate_time=NOON,
            retire_time=LATER,
        ),
        PublicKey(
            key_id="kid-2",
            algorithm="",
            state=KeyState.PREPARED,
            jwk="",
            activate_time=None,
            retire_time=None,
        ),
    )


async def test_values_of_a_newer_contract_are_unrecognized(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Validate"] = [
        pb.ValidateResponse(
            reason=pb.InactiveReason.ValueType(999),
            revocation_reason=pb.RevocationReason.ValueType(999),
            source=pb.CheckSource.ValueType(999),
        ),
        pb.ValidateResponse(active=True, claims=pb.Claims(token_type=pb.TokenType.ValueType(999))),
    ]
    authority.script["GetPublicKeys"] = [
        pb.GetPublicKeysResponse(keys=[pb.PublicKey(state=pb.KeyState.ValueType(999))])
    ]
    refused = await client.validate("t")
    assert refused.reason is InactiveReason.UNRECOGNIZED
    assert refused.revocation_reason is RevocationReason.UNRECOGNIZED
    assert refused.source is CheckSource.UNRECOGNIZED
    accepted = await client.validate("t")
    assert accepted.claims is not None
    assert accepted.claims.token_type is TokenType.UNRECOGNIZED
    (key,) = await client.get_public_keys()
    assert key.state is KeyState.UNRECOGNIZED


def test_a_pair_does_not_show_its_tokens() -> None:
    shown = f"{PAIR!r} {RefreshResult(pair=PAIR, replayed=False)}"
    assert "secret" not in shown
    assert "sess_1" in shown


def test_only_an_active_verdict_is_true() -> None:
    assert ACTIVE
    assert not REVOKED
