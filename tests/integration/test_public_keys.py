"""Whoever has the public keys can verify a token, and nobody can make one."""

import base64
import json
import os
from typing import Any

import jwt
import pytest
from support.authority import KEY, Served, serving
from support.callers import ANN, LAPTOP
from support.commands import HERE, run

from tokenauthority_client import KeyState


async def test_another_library_verifies_an_access_token(authority: Served) -> None:
    pair = await authority.client.create_pair(ANN, device=LAPTOP, scope=["shop:read"])

    key = await published_key(authority, pair.access_token)

    claims = jwt.decode(
        pair.access_token,
        key,
        algorithms=["ES256"],
        audience="wakedock-users",
        issuer="wakedock",
        options={"require": ["exp", "iat", "sub", "jti", "aud", "iss"], "strict_aud": True},
    )
    assert jwt.get_unverified_header(pair.access_token).keys() == {"alg", "kid", "typ"}
    assert jwt.get_unverified_header(pair.access_token)["typ"] == "at+jwt"
    assert claims.keys() - {"iat", "exp", "jti"} == {
        *("sub", "username", "email", "roles", "permissions", "session_id", "device_id"),
        *("scope", "token_type", "iss", "aud", "epoch", "profile_epoch"),
    }
    assert (claims["sub"], claims["roles"]) == (ANN.user_id, list(ANN.roles))
    assert claims["session_id"] == pair.session_id
    assert claims["exp"] == pair.access_expire_time.timestamp()


async def test_a_refresh_token_is_none_for_those_who_verify_access_tokens(
    authority: Served,
) -> None:
    pair = await authority.client.create_pair(ANN)
    key = await published_key(authority, pair.refresh_token)

    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(pair.refresh_token, key, algorithms=["ES256"], audience="wakedock-users")

    claims = jwt.decode(pair.refresh_token, key, algorithms=["ES256"], audience="wakedock")
    assert jwt.get_unverified_header(pair.refresh_token)["typ"] == "rt+jwt"
    assert not claims.keys() & {"username", "email", "roles", "permissions", "profile_epoch"}


async def test_the_rpc_and_the_page_tell_the_same_keys(authority: Served) -> None:
    page = await jwk_set(authority)

    keys = await authority.client.get_public_keys()

    assert [json.loads(key.jwk) for key in keys] == page["keys"]
    # The one that signs and, published long before it does, its successor.
    assert {(key.algorithm, key.state) for key in keys} == {
        ("ES256", KeyState.ACTIVE),
        ("ES256", KeyState.PREPARED),
    }
    for key in keys:
        assert (key.activate_time is None) is (key.state is KeyState.PREPARED)
        assert key.retire_time is None
    for jwk in page["keys"]:
        assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


async def test_the_keys_follow_what_is_done_to_them(database_url: str, authority: Served) -> None:
    settings = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY}
    before = await authority.http.ask("/.well-known/jwks.json")
    states = {key.state: key.key_id for key in await authority.client.get_public_keys()}

    rotated = run(HERE / "tokenauthority", "keys", "activate", settings=settings)

    assert states[KeyState.PREPARED] in rotated.text

    await authority.authority.load_keys()  # at once, and not when its turn comes
    after = await authority.http.ask("/.well-known/jwks.json")
    keys = {key.key_id: key.state for key in await authority.client.get_public_keys()}
    assert keys[states[KeyState.PREPARED]] is KeyState.ACTIVE
    assert keys[states[KeyState.ACTIVE]] is KeyState.RETIRED
    assert after.headers["etag"] != before.headers["etag"]
    assert len(after.json["keys"]) == 3  # the next one has been prepared

    killed = run(
        HERE / "tokenauthority", "keys", "revoke", "--yes", states[KeyState.PREPARED],
        settings=settings,
    )  # fmt: skip

    assert " REVOKED " in killed.text

    await authority.authority.load_keys()
    keys = {key.key_id: key.state for key in await authority.client.get_public_keys()}
    assert states[KeyState.PREPARED] not in keys


async def test_replicas_that_start_together_share_one_key(
    database_url: str, redis_url: str
) -> None:
    async with (
        serving(database_url, redis_url) as one,
        serving(database_url, redis_url) as other,
    ):
        pair = await one.client.create_pair(ANN)

        assert await jwk_set(one) == await jwk_set(other)
        assert await other.client.validate(pair.access_token)
        assert await one.client.validate(
            (await other.client.refresh(pair.refresh_token)).pair.access_token
        )


async def test_a_secret_that_signs_is_never_published(database_url: str, redis_url: str) -> None:
    secret = base64.b64encode(os.urandom(32)).decode()
    async with serving(
        database_url, redis_url, JWT_ALGORITHM="HS256", JWT_SECRET_KEY=secret
    ) as authority:
        pair = await authority.client.create_pair(ANN)

        assert await authority.client.validate(pair.access_token)
        assert await authority.client.get_public_keys() == ()
        assert await jwk_set(authority) == {"keys": []}
        assert jwt.decode(
            pair.access_token, secret, algorithms=["HS256"], audience="wakedock-users"
        )


async def published_key(authority: Served, token: str) -> jwt.PyJWK:
    keys = jwt.PyJWKSet.from_dict(await jwk_set(authority))
    return keys[jwt.get_unverified_header(token)["kid"]]


async def jwk_set(authority: Served) -> dict[str, Any]:
    answer = await authority.http.ask("/.well-known/jwks.json")
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found
