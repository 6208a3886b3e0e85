from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from unit.transport.fakes import BAD, CLAIMS, GOOD, KEY, LATER, NOW, PAIR, SESSION

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.revocations import CheckSource, RevocationReason
from tokenauthority_server.domain.tokens import InactiveReason, TokenType
from tokenauthority_server.services.validating import Verdict
from tokenauthority_server.transport import responses


def timestamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


def test_a_pair() -> None:
    assert responses.token_pair(PAIR) == pb.TokenPair(
        access_token="access",
        refresh_token="refresh",
        expires_in=1800,
        token_type="Bearer",
        session_id="sess_1",
        access_expire_time=timestamp(LATER),
        refresh_expire_time=timestamp(LATER),
    )


@pytest.mark.parametrize(
    "time",
    [
        NOW,
        NOW.astimezone(timezone(timedelta(hours=-5, minutes=-30))),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_times_are_exact(time: datetime) -> None:
    assert responses.session(replace(SESSION, create_time=time)).create_time == timestamp(time)


def test_an_active_verdict() -> None:
    assert responses.verdict(GOOD) == pb.ValidateResponse(
        active=True,
        claims=pb.Claims(
            user_id="u-ada",
            username="ada",
            email="ada@example.com",
            roles=["author"],
            permissions=["read", "write"],
            session_id="sess_1",
            device_id="phone",
            scope=["a", "b"],
            token_type=pb.TOKEN_TYPE_ACCESS,
            issuer="wakedock",
            audience="wakedock-users",
            issue_time=Timestamp(seconds=CLAIMS.issue_time),
            expire_time=Timestamp(seconds=CLAIMS.expire_time),
            token_id="jti",
            key_id="kid",
            epoch=3,
            profile_epoch=2,
        ),
        check_time=timestamp(NOW),
        source=pb.CHECK_SOURCE_DATABASE,
    )


def test_a_verdict_by_the_token_alone() -> None:
    assert responses.verdict(BAD) == pb.ValidateResponse(
        active=False, reason=pb.INACTIVE_REASON_MALFORMED, check_time=timestamp(NOW)
    )


def test_a_verdict_by_a_fact() -> None:
    verdict = Verdict(
        check_time=NOW,
        reason=InactiveReason.SESSION_REVOKED,
        revocation_reason=RevocationReason.LOGOUT,
        source=CheckSource.LEASED_VIEW,
    )

    assert responses.verdict(verdict) == pb.ValidateResponse(
        active=False,
        reason=pb.INACTIVE_REASON_SESSION_REVOKED,
        revocation_reason=pb.REVOCATION_REASON_LOGOUT,
        check_time=timestamp(NOW),
        source=pb.CHECK_SOURCE_LEASED_VIEW,
    )


def test_what_is_inactive_never_tells_claims() -> None:
    verdict = replace(GOOD, reason=InactiveReason.EXPIRED)

    assert not responses.verdict(verdict).HasField("claims")


def test_a_session() -> None:
    assert responses.session(SESSION) == pb.Session(
        session_id="sess_1",
        user_id="u-ada",
        device=pb.Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1"),
        scope=["a"],
        create_time=timestamp(NOW),
        last_activity_time=timestamp(NOW),
        expire_time=timestamp(LATER),
        end_time=timestamp(LATER),
    )


def test_a_public_key() -> None:
    assert responses.public_key(KEY) == pb.PublicKey(
        key_id="kid",
        algorithm="ES256",
        state=pb.KEY_STATE_ACTIVE,
        jwk='{"kty":"EC","kid":"kid"}',
        activate_time=timestamp(NOW),
    )
    retired = replace(KEY, state=KeyState.RETIRED, activate_time=None, retire_time=LATER)
    assert responses.public_key(retired).retire_time == timestamp(LATER)
    assert not responses.public_key(retired).HasField("activate_time")


@pytest.mark.parametrize(
    ("of_domain", "of_contract"),
    [
        (TokenType, pb.TokenType.DESCRIPTOR),
        (InactiveReason, pb.InactiveReason.DESCRIPTOR),
        (RevocationReason, pb.RevocationReason.DESCRIPTOR),
        (CheckSource, pb.CheckSource.DESCRIPTOR),
        (KeyState, pb.KeyState.DESCRIPTOR),
    ],
)
def test_the_domain_has_the_contracts_names(
    of_domain: type[StrEnum], of_contract: EnumDescriptor
) -> None:
    names = set(of_contract.values_by_name)
    (unspecified,) = [name for name in names if name.endswith("_UNSPECIFIED")]
    prefix = unspecified.removesuffix("UNSPECIFIED")

    assert {f"{prefix}{one.name}" for one in of_domain} == names - {unspecified}
