"""The platform's old tokens, as a served authority takes them while it is being moved to."""

import io
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from rich.console import Console
from support.authority import KEY, NO_FILE, Served, serving
from support.callers import ANN
from support.old_tokens import SECRET, old_token
from support.postgres import Connection

from tokenauthority_client import (
    InactiveReason,
    RefreshTokenInvalidError,
    RevocationReason,
    TokenType,
)
from tokenauthority_server.config import load_settings
from tokenauthority_server.keys_command import run

UNTIL = "2999-12-31"
LATER = "UPDATE tokenauthority.revocations SET created_at = created_at - interval '1 minute'"
STRANGER = "17"
"""A user whom only the platform knows."""


@pytest.fixture
async def migrating(database_url: str, redis_url: str) -> AsyncIterator[Served]:
    async with serving(
        database_url, redis_url, LEGACY_JWT_SECRET_KEY=SECRET, LEGACY_JWT_UNTIL=UNTIL
    ) as served:
        yield served


def issued(user_id: str = STRANGER, **claims: str) -> str:
    return old_token(issue_time=int(time.time()), sub=user_id, **claims)


async def reason(served: Served, token: str) -> InactiveReason | None:
    return (await served.client.validate(token)).reason


async def counted(served: Served) -> dict[tuple[str, ...], float]:
    return await served.samples("tokenauthority_legacy_tokens_total")


async def test_an_old_token_says_who_may_do_what(migrating: Served) -> None:
    verdict = await migrating.client.validate(issued())
    assert verdict
    claims = verdict.claims
    assert claims is not None
    assert (claims.user_id, claims.username, claims.roles) == (STRANGER, "ann", ("admin",))
    assert claims.permissions == ("containers.read", "containers.stop")
    assert (claims.issuer, claims.audience, claims.key_id) == (
        "wakedock",
        "wakedock-users",
        "legacy",
    )


async def test_old_and_new_tokens_are_answered_in_their_order(migrating: Served) -> None:
    pair = await migrating.client.create_pair(ANN)
    dead = issued(jti="dead")
    await migrating.client.revoke_token(dead)
    tokens = [issued(), pair.access_token, dead, "no token", issued(iss="other"), issued("18")]
    verdicts = await migrating.client.batch_validate(tokens)
    assert [one.reason for one in verdicts] == [
        None,
        None,
        InactiveReason.TOKEN_REVOKED,
        InactiveReason.MALFORMED,
        InactiveReason.WRONG_ISSUER,
        None,
    ]


async def test_its_own_times_hold(migrating: Served) -> None:
    now = int(time.time())
    assert await reason(migrating, old_token(issue_time=now - 7200)) is InactiveReason.EXPIRED
    assert await reason(migrating, old_token(issue_time=now + 600)) is InactiveReason.NOT_YET_VALID


async def test_nobody_refreshes_with_one(migrating: Served) -> None:
    for token in (
        issued(),
        issued(token_type="refresh"),
        issued(token_type="refresh", aud="wakedock"),
    ):
        with pytest.raises(RefreshTokenInvalidError):
            await migrating.client.refresh(token)
        verdict = await migrating.client.validate(token, expected_type=TokenType.REFRESH)
        assert not verdict


async def test_a_token_dies_alone(migrating: Served) -> None:
    token, other = issued(jti="one"), issued(jti="other")
    result = await migrating.client.revoke_token(token, reason=RevocationReason.ADMIN)
    assert (result.revoked_tokens, result.revoked_sessions) == (1, 0)
    assert result.effective_everywhere
    assert await reason(migrating, token) is InactiveReason.TOKEN_REVOKED
    assert await reason(migrating, token + "=") is InactiveReason.MALFORMED
    assert await reason(migrating, other) is None
    assert (await migrating.client.revoke_token(token)).revoked_tokens == 0


@pytest.mark.parametrize("user_id", [ANN.user_id, STRANGER])
async def test_a_user_loses_what_was_issued_before_and_nothing_afterwards(
    migrating: Served, database: Connection, user_id: str
) -> None:
    await migrating.client.create_pair(ANN)
    token = issued(user_id)
    result = await migrating.client.revoke_user(user_id)
    assert result.effective_everywhere
    verdict = await migrating.client.validate(token)
    assert verdict.reason is InactiveReason.USER_REVOKED
    assert verdict.revocation_reason is RevocationReason.LOGOUT_ALL
    await database.execute(LATER)
    assert await reason(migrating, issued(user_id)) is None


async def test_a_lost_role_is_seen_at_once_and_by_new_tokens_not_at_all(
    migrating: Served, database: Connection
) -> None:
    await migrating.client.create_pair(ANN)
    token = issued(ANN.user_id)
    pair = await migrating.client.create_pair(replace(ANN, roles=()))
    assert await reason(migrating, token) is InactiveReason.USER_REVOKED
    assert await reason(migrating, pair.access_token) is None
    await database.execute(LATER)
    assert await reason(migrating, issued(ANN.user_id)) is None


async def test_the_key_kills_all_of_them(migrating: Served, database_url: str) -> None:
    pair = await migrating.client.create_pair(ANN)
    given = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY}
    said = io.StringIO()
    settings = load_settings(given, NO_FILE, mode="keys")
    await run(settings, Console(file=said), lambda hand: hand.revoke("legacy", elsewhere=True))
    assert await reason(migrating, issued()) is InactiveReason.KEY_REVOKED
    assert await reason(migrating, pair.access_token) is None


async def test_an_operator_sees_whether_any_is_needed(migrating: Served) -> None:
    last = "tokenauthority_legacy_token_last_accepted_timestamp_seconds"
    assert await counted(migrating) == {("accepted",): 0, ("refused",): 0}
    assert await migrating.samples(last) == {(): 0}
    (line,) = await migrating.logged("the platform's old tokens are accepted")
    assert line["until"] == UNTIL
    before = time.time()
    await migrating.client.validate(issued())
    await migrating.client.batch_validate([issued(), issued(aud="other"), "no token"])
    await migrating.client.validate((await migrating.client.create_pair(ANN)).access_token)
    assert await counted(migrating) == {("accepted",): 2, ("refused",): 1}
    assert before <= (await migrating.samples(last))[()] <= time.time()


async def test_nothing_of_it_shows(migrating: Served) -> None:
    tokens = [issued(), issued(iss="other"), old_token(SECRET[::-1])]
    for token in tokens:
        await migrating.client.validate(token)
        await migrating.client.revoke_token(token)
    page = (await migrating.http.ask("/metrics")).body.decode()
    keys = (await migrating.http.ask("/.well-known/jwks.json")).body.decode()
    everything = migrating.log.getvalue() + page + keys
    for secret in (SECRET, *tokens, *(token.rpartition(".")[2] for token in tokens)):
        assert secret not in everything
    assert "oct" not in keys


async def test_after_its_day_none_is_accepted(database_url: str, redis_url: str) -> None:
    async with serving(
        database_url, redis_url, LEGACY_JWT_SECRET_KEY=SECRET, LEGACY_JWT_UNTIL="2020-01-01"
    ) as served:
        assert await reason(served, issued()) is InactiveReason.MALFORMED
        assert await counted(served) == {("accepted",): 0, ("refused",): 1}
        assert await served.client.validate((await served.client.create_pair(ANN)).access_token)


async def test_without_the_settings_none_is_accepted(authority: Served) -> None:
    assert await reason(authority, issued()) is InactiveReason.MALFORMED
    assert "legacy" not in (await authority.http.ask("/metrics")).body.decode()
