"""What is revoked is dead at once, however its tokens are written."""

import base64

import pytest
from support.callers import ANN, BEN

from tokenauthority_client import (
    InactiveReason,
    RefreshTokenInvalidError,
    RevocationReason,
    RevocationResult,
    SessionEndedError,
    TokenAuthorityClient,
    TokenPair,
    TokenType,
)

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def padded(token: str) -> str:
    return token + "=="


def padded_everywhere(token: str) -> str:
    return ".".join(part + "=" * (-len(part) % 4) for part in token.split("."))


def mirrored(token: str) -> str:
    """The token with the other signature that verifies: of (r, s) also (r, n - s) does."""
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = P256_ORDER - int.from_bytes(raw[32:], "big")
    again = base64.urlsafe_b64encode(raw[:32] + other.to_bytes(32, "big"))
    return f"{head}.{again.decode().rstrip('=')}"


async def assert_dead(client: TokenAuthorityClient, pair: TokenPair) -> None:
    await assert_access_token_dead(client, pair.access_token)
    tokens = writings(pair.refresh_token)
    results = await client.batch_validate(tokens, expected_type=TokenType.REFRESH)
    assert not any(results)
    for token in tokens:
        with pytest.raises((SessionEndedError, RefreshTokenInvalidError)):
            await client.refresh(token)


async def assert_access_token_dead(client: TokenAuthorityClient, token: str) -> None:
    assert not any(await client.batch_validate(writings(token)))


def writings(token: str) -> list[str]:
    return [token, padded(token), padded_everywhere(token), mirrored(token)]


async def test_an_access_token_dies_alone(client: TokenAuthorityClient) -> None:
    pair = await client.create_pair(ANN)

    result = await client.revoke_token(pair.access_token, reason=RevocationReason.ADMIN)

    assert result == RevocationResult(
        revoked_sessions=0, revoked_tokens=1, effective_everywhere=True
    )
    await assert_access_token_dead(client, pair.access_token)
    verdict = await client.validate(pair.access_token)
    assert verdict.reason is InactiveReason.TOKEN_REVOKED
    assert verdict.revocation_reason is RevocationReason.ADMIN
    assert await client.validate((await client.refresh(pair.refresh_token)).pair.access_token)


@pytest.mark.parametrize("by", ["session_id", "refresh token", "rotated refresh token"])
async def test_a_session_dies_with_all_its_tokens(client: TokenAuthorityClient, by: str) -> None:
    first = await client.create_pair(ANN)
    second = (await client.refresh(first.refresh_token)).pair
    other = await client.create_pair(ANN)

    if by == "session_id":
        result = await client.revoke_session(first.session_id)
    else:
        pair = first if "rotated" in by else second
        result = await client.revoke_token(pair.refresh_token)

    assert result == RevocationResult(
        revoked_sessions=1, revoked_tokens=0, effective_everywhere=True
    )
    await assert_dead(client, second)
    await assert_dead(client, first)
    assert await client.validate(other.access_token)
    (left,) = (await client.list_sessions(ANN.user_id)).sessions
    assert left.session_id == other.session_id


async def test_a_user_dies_with_all_sessions(client: TokenAuthorityClient) -> None:
    pairs = [await client.create_pair(ANN) for _ in range(3)]
    other = await client.create_pair(BEN)

    result = await client.revoke_user(ANN.user_id)

    assert result == RevocationResult(
        revoked_sessions=3, revoked_tokens=0, effective_everywhere=True
    )
    for pair in pairs:
        await assert_dead(client, pair)
    assert (await client.list_sessions(ANN.user_id)).sessions == ()
    assert await client.validate(other.access_token)
    # What is made later lives.
    assert await client.validate((await client.create_pair(ANN)).access_token)


async def test_one_session_may_be_kept(client: TokenAuthorityClient) -> None:
    kept, *others = [await client.create_pair(ANN) for _ in range(3)]

    result = await client.revoke_user(
        ANN.user_id, except_session_id=kept.session_id, reason=RevocationReason.PASSWORD_CHANGED
    )

    assert result.revoked_sessions == 2
    for pair in others:
        await assert_dead(client, pair)
    assert await client.validate(kept.access_token)
    refreshed = (await client.refresh(kept.refresh_token)).pair
    assert await client.validate(refreshed.access_token)
    await client.revoke_user(ANN.user_id)
    await assert_dead(client, refreshed)
    await assert_dead(client, kept)


async def test_what_is_dead_or_unknown_counts_zero(client: TokenAuthorityClient) -> None:
    pair = await client.create_pair(ANN)
    await client.revoke_token(pair.access_token)
    await client.revoke_session(pair.session_id)
    nothing = RevocationResult(revoked_sessions=0, revoked_tokens=0, effective_everywhere=True)

    for result in (
        await client.revoke_token(pair.access_token),
        await client.revoke_token(pair.refresh_token),
        await client.revoke_session(pair.session_id),
        await client.revoke_user(ANN.user_id),
        await client.revoke_session("sess_unknown"),
        await client.revoke_user("nobody"),
        await client.revoke_token("no token"),
    ):
        assert result == nothing


async def test_a_mirrored_signature_still_verifies(client: TokenAuthorityClient) -> None:
    # Else the tests above would show nothing about it: it is refused for what it names.
    pair = await client.create_pair(ANN)

    assert await client.validate(mirrored(pair.access_token))
    for rewrite in (padded, padded_everywhere):
        verdict = await client.validate(rewrite(pair.access_token))
        assert verdict.reason is InactiveReason.MALFORMED
