"""Old tokens are accepted beside our own up to a day, and counted as long as any is needed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from prometheus_client import CollectorRegistry
from support.old_tokens import (
    AUDIENCE,
    HEADER,
    ISSUE_TIME,
    ISSUER,
    PAYLOAD,
    SECRET,
    old_token,
    signed,
)

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, symmetric_key
from tokenauthority_server.adapters.legacy.tokens import OldTokens
from tokenauthority_server.adapters.legacy.verifier import LegacyVerifier
from tokenauthority_server.adapters.memory import MemoryClock
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.ports import TokenVerifier
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_tokens.algorithms import ES256
from tokenauthority_tokens.keys import VerifyingKey

PRIVATE = generate_private_key(SECP256R1())
KEY = TokenKey(
    verifying=VerifyingKey(key_id="ours", algorithm=ES256, key=PRIVATE.public_key()),
    state=KeyState.ACTIVE,
    jwk="",
    create_time=datetime(2026, 1, 1, tzinfo=UTC),
    signing=PRIVATE,
)
OURS = Claims(
    token_type=TokenType.ACCESS,
    user_id="17",
    session_id="sess_1",
    token_id="jti",
    issue_time=ISSUE_TIME,
    expire_time=ISSUE_TIME + 1800,
    epoch=3,
    issuer=ISSUER,
    audience=AUDIENCE,
    key_id="ours",
)
NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
LAST_DAY = date(2026, 3, 31)
LEEWAY = 5


def codec(*keys: TokenKey) -> TokenCodec:
    ring = KeyRing("ES256")
    ring.replace(keys)
    return TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE)


CODEC = codec(KEY)


class Here:
    """A verifier, its clock, and what it has counted."""

    def __init__(self, ours: TokenVerifier = CODEC, at: datetime = NOON) -> None:
        self.clock = MemoryClock(at)
        metrics = Metrics(CollectorRegistry(), version="1.2.3")
        self._registry = metrics.registry
        self.verifier: TokenVerifier = LegacyVerifier(
            ours,
            OldTokens(SECRET.encode(), issuer=ISSUER, audience=AUDIENCE),
            until=LAST_DAY,
            clock=self.clock,
            leeway=LEEWAY,
            series=metrics.legacy_tokens(),
        )

    def verdict(self, token: str) -> Claims | InactiveReason:
        try:
            return self.verifier.verify(token)
        except TokenRefusedError as error:
            return error.reason

    def counted(self) -> tuple[float | None, float | None]:
        """How many were accepted, and how many refused."""
        accepted, refused = (
            self._registry.get_sample_value("tokenauthority_legacy_tokens_total", {"outcome": one})
            for one in ("accepted", "refused")
        )
        return accepted, refused

    def last_accepted(self) -> float | None:
        name = "tokenauthority_legacy_token_last_accepted_timestamp_seconds"
        return self._registry.get_sample_value(name)


@pytest.fixture
def here() -> Here:
    return Here()


def test_an_old_token_is_accepted_and_counted(here: Here) -> None:
    assert (here.counted(), here.last_accepted()) == ((0, 0), 0)
    claims = here.verdict(old_token())
    assert isinstance(claims, Claims)
    assert (claims.user_id, claims.key_id) == ("17", "legacy")
    assert (here.counted(), here.last_accepted()) == ((1, 0), NOON.timestamp())


def test_our_own_tokens_are_as_before_and_counted_nowhere(here: Here) -> None:
    token = CODEC.sign(OURS)
    assert here.verdict(token) == OURS
    assert here.verdict(token[:-4] + "AAAA") is InactiveReason.BAD_SIGNATURE
    assert here.verdict(codec(KEY).sign(OURS).replace(".", "..")) is InactiveReason.MALFORMED
    assert here.verdict("no token") is InactiveReason.MALFORMED
    assert here.verdict("") is InactiveReason.MALFORMED
    assert here.counted() == (0, 0)


def test_a_refused_old_token_is_told_why_and_counted(here: Here) -> None:
    for number, (token, reason) in enumerate(
        (
            (old_token(nbf=1), InactiveReason.MALFORMED),
            (old_token(token_type="refresh"), InactiveReason.MALFORMED),
            (old_token(SECRET[::-1]), InactiveReason.BAD_SIGNATURE),
            (old_token(iss="other"), InactiveReason.WRONG_ISSUER),
            (old_token(aud="other"), InactiveReason.WRONG_AUDIENCE),
        ),
        1,
    ):
        assert here.verdict(token) is reason
        assert here.counted() == (0, number)
    assert here.last_accepted() == 0


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        (datetime(2026, 3, 31, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2026, 4, 1, 0, 0, tzinfo=UTC), False),
        (datetime(2027, 3, 31, 12, 0, tzinfo=UTC), False),
        # Whatever the zone of the clock.
        (datetime(2026, 4, 1, 1, 59, tzinfo=timezone(timedelta(hours=2))), True),
        (datetime(2026, 3, 31, 20, 0, tzinfo=timezone(timedelta(hours=-4))), False),
    ],
)
def test_the_last_day_is_whole_and_in_utc(at: datetime, accepted: bool) -> None:  # noqa: FBT001 - a case
    here = Here(at=at)
    found = here.verdict(old_token(issue_time=int(at.timestamp())))
    assert isinstance(found, Claims) == accepted
    assert accepted or found is InactiveReason.MALFORMED
    assert here.counted() == (int(accepted), int(not accepted))


def test_the_day_ends_for_a_server_that_runs_on() -> None:
    before_midnight = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    here = Here(at=before_midnight)
    token = old_token(issue_time=int(before_midnight.timestamp()))
    assert isinstance(here.verdict(token), Claims)
    here.clock.advance(timedelta(seconds=1))
    assert here.verdict(token) is InactiveReason.MALFORMED
    assert here.counted() == (1, 1)
    assert here.last_accepted() == before_midnight.timestamp()
    assert here.verdict(CODEC.sign(OURS)) == OURS


@pytest.mark.parametrize(
    ("seconds", "needed"), [(1800 + LEEWAY - 1, 1), (1800 + LEEWAY, 0), (-LEEWAY, 1), (-6, 0)]
)
def test_a_token_outside_its_times_shows_no_need_of_them(seconds: int, needed: int) -> None:
    # That it has expired is told by Validate, as of any token.
    here = Here(at=NOON + timedelta(seconds=seconds))
    assert isinstance(here.verdict(old_token()), Claims)
    assert here.counted() == (needed, 1 - needed)


def our_own_under_the_old_secret() -> Iterator[tuple[str, str]]:
    """Tokens of the new form, which whoever holds the old secret could make."""
    claims = {**PAYLOAD, "epoch": 3, "profile_epoch": 4}
    yield "the old header", signed(HEADER, claims)
    for kid in ("legacy", "ours", "", "../keys"):
        for typ in ("at+jwt", "JWT"):
            yield f"{kid} {typ}", signed({"alg": "HS256", "kid": kid, "typ": typ}, claims)
    refresh = {**claims, "token_type": "refresh", "aud": ISSUER}
    yield "refresh", signed({"alg": "HS256", "kid": "legacy", "typ": "rt+jwt"}, refresh)
    of_the_secret = symmetric_key(SECRET.encode(), KeyState.ACTIVE)
    yield "signed by us", codec(of_the_secret).sign(replace(OURS, key_id=of_the_secret.key_id))


@pytest.mark.parametrize(("name", "token"), list(our_own_under_the_old_secret()))
def test_the_old_secret_signs_nothing_of_the_new_form(here: Here, name: str, token: str) -> None:
    refused = {InactiveReason.MALFORMED, InactiveReason.UNKNOWN_KEY}
    assert here.verdict(token) in refused, name
    assert here.counted()[0] == 0


def test_an_old_token_that_our_secret_signed_is_none() -> None:
    other = "kV8xZ2mQ5nT9wR4sB7cY1jH6gF3dL0pA"
    here = Here(codec(KEY, symmetric_key(other.encode(), KeyState.ACTIVE)))
    assert here.verdict(old_token(other)) is InactiveReason.BAD_SIGNATURE
    assert isinstance(here.verdict(old_token()), Claims)


def test_a_token_that_is_too_long_is_not_looked_at(here: Here) -> None:
    assert here.verdict(old_token(roles=["x" * 9000])) is InactiveReason.MALFORMED
    assert here.counted() == (0, 0)


def test_nothing_of_a_token_hangs_on_its_refusal(here: Here) -> None:
    for token in (old_token(SECRET[::-1]), old_token(nbf=1), old_token() + "=", "no token"):
        with pytest.raises(TokenRefusedError) as refusal:
            here.verifier.verify(token)
        assert refusal.value.args == (refusal.value.reason.value,)
        assert refusal.value.__cause__ is None
        assert refusal.value.__context__ is None


def test_nothing_is_known_before_our_own_keys_are() -> None:
    here = Here(TokenCodec(KeyRing("ES256"), issuer=ISSUER, audience=AUDIENCE))
    with pytest.raises(StoreUnavailableError):
        here.verifier.verify(old_token())
    assert here.counted() == (0, 0)
