"""What no repr may show: it ends up in logs."""

from datetime import UTC, datetime

from tokenauthority_server.domain.sessions import (
    CreateRequest,
    Device,
    Grant,
    NewSession,
    Rotation,
)
from tokenauthority_server.domain.tokens import TokenPair
from tokenauthority_server.domain.users import Profile

SECRET = "do-not-show"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_pair_shows_no_token() -> None:
    pair = TokenPair(
        access_token=SECRET,
        refresh_token=SECRET,
        session_id="sess_1",
        expires_in=60,
        access_expire_time=NOON,
        refresh_expire_time=NOON,
    )
    assert SECRET not in repr(pair)
    assert "sess_1" in repr(pair)


def test_no_fingerprint_is_shown() -> None:
    secret = SECRET.encode()
    new = NewSession(
        request=CreateRequest(user_id="u-ada"),
        session_id="sess_1",
        refresh_fingerprint=secret,
        key_id="key-1",
        profile_size=0,
        profile_budget=0,
    )
    rotation = Rotation(
        user_id="u-ada",
        session_id="sess_1",
        presented=secret,
        presented_key_id="key-1",
        presented_issue_time=datetime(2026, 1, 1, tzinfo=UTC),
        successor=secret,
        device=Device(),
        key_id="key-1",
        profile_budget=0,
    )
    grant = Grant(
        profile=Profile(user_id="u-ada", username="ada"),
        profile_epoch=0,
        session_id="sess_1",
        device_id="",
        scope=(),
        epoch=0,
        generation=0,
        refresh_fingerprint=secret,
        key_id="key-1",
        issue_time=NOON,
        access_expire_time=NOON,
        refresh_expire_time=NOON,
        now=NOON,
        replayed=False,
    )
    for value in (new, rotation, grant):
        assert SECRET not in repr(value)
        assert "sess_1" in repr(value)
