"""What an administrator is told of a key that may not be changed so."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tokenauthority_server.domain import key_refusals
from tokenauthority_server.domain.keys import KeyState, KeyTerms, SigningKey

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
TERMS = KeyTerms(rotate_after=timedelta(days=30), longest=timedelta(days=7))


def key(created: datetime, state: KeyState, retired: datetime | None = None) -> SigningKey:
    return SigningKey(
        key_id="k",
        algorithm="ES256",
        state=state,
        create_time=created,
        retire_time=retired,
        last_expire_time=NOON,
    )


@pytest.mark.parametrize(
    ("created", "published", "ready"),
    [
        (NOON, "2026-01-01T12:00:00Z", "2026-01-01T12:10:00Z"),
        (NOON + timedelta(microseconds=1), "2026-01-01T12:00:01Z", "2026-01-01T12:10:01Z"),
        (NOON - timedelta(microseconds=1), "2026-01-01T12:00:00Z", "2026-01-01T12:10:00Z"),
        (
            NOON.astimezone(timezone(timedelta(hours=5, minutes=30))),
            "2026-01-01T12:00:00Z",
            "2026-01-01T12:10:00Z",
        ),
    ],
)
def test_a_time_is_told_in_utc_and_is_never_too_early(
    created: datetime, published: str, ready: str
) -> None:
    told = str(key_refusals.too_young(key(created, KeyState.PREPARED), TERMS))
    assert f"may be activated from {ready} on. It was published at {published}, and" in told


def test_since_when_a_key_has_not_signed_is_told_where_it_is_known() -> None:
    known = key_refusals.not_prepared(key(NOON, KeyState.RETIRED, NOON))
    unknown = key_refusals.not_prepared(key(NOON, KeyState.RETIRED))
    since = ", has not signed since 2026-01-01T12:00:00Z,"
    assert str(known).startswith(f"The signing key k is RETIRED{since} and never signs again.")
    assert str(unknown).startswith("The signing key k is RETIRED and never signs again.")
