"""A projected token is good by the cluster's key, its issuer, our audience and its times alone."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.cluster import AUDIENCE, ISSUER, Cluster

from tokenauthority_server.adapters.callers import service_accounts
from tokenauthority_server.adapters.callers.jwks import read_jwks
from tokenauthority_server.adapters.callers.service_accounts import ServiceAccountTokens
from tokenauthority_server.domain.errors import CallerUnknownError

CLUSTER, STRANGER = Cluster(), Cluster()


def tokens_of(cluster: Cluster, folder: Path, now: float | None = None) -> ServiceAccountTokens:
    path = folder / "jwks.json"
    path.write_text(cluster.jwks)
    clock = time.time if now is None else lambda: now
    return ServiceAccountTokens(
        read_jwks(path).keys, issuer=ISSUER, audience=AUDIENCE, leeway=5, now=clock
    )


@pytest.fixture
def tokens(tmp_path: Path) -> ServiceAccountTokens:
    return tokens_of(CLUSTER, tmp_path)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_good_token_names_its_account(tmp_path: Path, algorithm: str) -> None:
    cluster = Cluster(algorithm)
    tokens = tokens_of(cluster, tmp_path)
    for _ in range(2):  # the second time it is remembered
        assert tokens.service_account(cluster.token("shop", "worker")) == "shop/worker"


def bound(namespace: str, name: str) -> Mapping[str, Any]:
    return {"kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name}}}


NOW = int(time.time())
HOUR = 3600
"""Longer than any run of the tests, which are collected before they are run."""


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere"},
        {"iss": None},
        {"aud": ["https://kubernetes.default.svc"]},
        {"aud": []},
        {"aud": None},
        {"exp": NOW - 10},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": NOW + HOUR},
        {"sub": None},
        {"sub": "system:serviceaccount:wakedock:other"},
        {"sub": "api"},
        {"kubernetes.io": None},
        {"kubernetes.io": "wakedock"},
        {"kubernetes.io": {"namespace": "wakedock"}},
        {"kubernetes.io": {"namespace": "wakedock", "serviceaccount": "api"}},
        bound("other", "api"),
        bound("wakedock", "other"),
    ],
)
def test_a_token_for_something_else_is_refused(
    tokens: ServiceAccountTokens, claims: dict[str, Any]
) -> None:
    with pytest.raises(CallerUnknownError, match="not known"):
        tokens.service_account(CLUSTER.token(**claims))


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def confused(payload: str) -> str:
    """A token whose HMAC is by the public key, which everybody has."""
    signed = f"{segment({'alg': 'HS256', 'kid': 'one'})}.{payload}"
    secret = json.dumps(CLUSTER.jwk).encode()
    signature = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def forged() -> dict[str, str]:
    head, payload, signature = CLUSTER.token().split(".")
    return {
        "of another cluster": STRANGER.token(),
        "no signature": f"{head}.{payload}.",
        "another payload": f"{head}.{segment({'iss': ISSUER})}.{signature}",
        "alg none": f"{segment({'alg': 'none', 'kid': 'one'})}.{payload}.",
        "public key as a secret": confused(payload),
        "an unknown kid": CLUSTER.token(header={"kid": "two"}),
        "no kid": f"{segment({'alg': 'RS256'})}.{payload}.{signature}",
        "a kid that is no text": f"{segment({'alg': 'RS256', 'kid': [1]})}.{payload}.{signature}",
        "another algorithm": f"{segment({'alg': 'PS256', 'kid': 'one'})}.{payload}.{signature}",
        "deep": f"{base64.urlsafe_b64encode(b'[' * 6000).decode()}.{payload}.{signature}",
        "padded": f"{head}.{payload}.{signature}==",
        "nothing": "",
        "dots": "...",
        "surrogates": "eyJ\ud800.a.b",
        "long": "e" * (service_accounts.MAX_TOKEN_CHARACTERS + 1),
    }


FORGED = forged()


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_refused(tokens: ServiceAccountTokens, kind: str) -> None:
    with pytest.raises(CallerUnknownError) as caught:
        tokens.service_account(FORGED[kind])

    assert caught.value.__cause__ is None
    assert not FORGED[kind] or FORGED[kind] not in caught.value.why


def test_what_is_remembered_expires_all_the_same(tmp_path: Path) -> None:
    now = [time.time()]
    path = tmp_path / "jwks.json"
    path.write_text(CLUSTER.jwks)
    tokens = ServiceAccountTokens(
        read_jwks(path).keys, issuer=ISSUER, audience=AUDIENCE, leeway=5, now=lambda: now[0]
    )
    token = CLUSTER.token(exp=NOW + HOUR)
    assert tokens.service_account(token) == "wakedock/api"
    now[0] = NOW + HOUR + 4
    assert tokens.service_account(token) == "wakedock/api"
    now[0] = NOW + HOUR + 5
    with pytest.raises(CallerUnknownError) as caught:
        tokens.service_account(token)
    assert "expired" in caught.value.why


def test_no_more_is_remembered_than_there_is_room_for(
    tokens: ServiceAccountTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_accounts, "MAX_TOKENS", 3)
    for number in range(6):
        assert tokens.service_account(CLUSTER.token("shop", f"w{number}")) == f"shop/w{number}"
    assert len(tokens._known) == 3
