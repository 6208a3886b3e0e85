"""A good callers' file: who is known by what, and may do what, how often."""

import os
from pathlib import Path

import pytest
from support.cluster import Cluster

from tokenauthority_server.adapters.callers.file import read_callers
from tokenauthority_server.adapters.callers.known import CallersFile
from tokenauthority_server.domain.caller_keys import caller_key, digest_of
from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.errors import CallerUnknownError
from tokenauthority_server.domain.rates import Rate
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.transport.policy import POLICIES

KEY, SECOND_KEY = caller_key(bytes(range(32))), caller_key(bytes(32))
TOKENS, ACCOUNTS = "/tokenauthority.v1.TokenService/", "/tokenauthority.v1.AccountService/"
CLUSTER = Cluster("ES256")

FILE = f"""
[kubernetes]
jwks_file = "jwks.json"
issuer = "https://kubernetes.default.svc"
audience = "tokenauthority"

[callers.wakedock-api]
uri = "spiffe://wakedock.internal/ns/wakedock/sa/api"
dns = "API.wakedock.internal"
key_sha256 = [
  "{digest_of(KEY).hex()}",
  "{digest_of(SECOND_KEY).hex().upper()}",
]
service_account = "wakedock/api"
rpcs = ["TokenService", "AccountService", "tokenauthority.v1.AdminService/GetUser"]
rights = ["write_profiles", "see_reasons"]
reasons = ["LOGOUT", "LOGOUT_ALL"]
rate = "500/s"

[callers.wakedock-api.rates]
"TokenService/Validate" = "unlimited"
"TokenService" = "100/m"
"AccountService/Login" = "7/h"

[callers."dashboard.read_only"]
dns = "dashboard.wakedock.internal"
rpcs = ["TokenService/Validate", "grpc.reflection.v1.ServerReflection", "grpc.health.v1.Health"]

[callers.silent]
service_account = "wakedock/silent"
rpcs = ["AccountService"]
reasons = []
rate = "unlimited"
"""


@pytest.fixture
def file(tmp_path: Path) -> CallersFile:
    (tmp_path / "jwks.json").write_text(CLUSTER.jwks)
    path = tmp_path / "callers.toml"
    path.write_text(FILE)
    return read_callers(path, POLICIES)


def test_a_caller_is_known_by_all_that_is_its_own(file: CallersFile) -> None:
    api = file.entries["wakedock-api"].admission
    assert api.caller.name == "wakedock-api"
    assert file.by_uri("spiffe://wakedock.internal/ns/wakedock/sa/api") is api
    assert file.by_dns("Api.Wakedock.internal") is api
    assert file.by_key(digest_of(KEY)) is api
    assert file.by_key(digest_of(SECOND_KEY)) is api
    assert file.by_service_account(CLUSTER.token("wakedock", "api")) is api


def test_nobody_else_is(file: CallersFile) -> None:
    assert file.by_uri("spiffe://wakedock.internal/ns/wakedock/sa/ap") is None
    assert file.by_dns("wakedock.internal") is None
    # Lower case makes a plain "k" of the sign for kelvin.
    assert file.by_dns("api.wa\u212aedock.internal") is None
    assert file.by_key(digest_of(caller_key(os.urandom(32)))) is None
    assert file.by_service_account(CLUSTER.token("wakedock", "other")) is None
    with pytest.raises(CallerUnknownError):
        file.by_service_account(Cluster("ES256").token())


def test_a_caller_may_do_what_is_named_and_nothing_else(file: CallersFile) -> None:
    api = file.entries["wakedock-api"].admission
    assert api.rpcs == {
        *(path for path in POLICIES if path.startswith((TOKENS, ACCOUNTS))),
        "/tokenauthority.v1.AdminService/GetUser",
    }
    assert api.caller.rights == Rights(
        see_reasons=True,
        write_profiles=True,
        claimable_reasons=frozenset({RevocationReason.LOGOUT, RevocationReason.LOGOUT_ALL}),
    )
    dashboard = file.entries["dashboard.read_only"].admission
    assert dashboard.rpcs == {
        f"{TOKENS}Validate",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        *(path for path in POLICIES if path.startswith("/grpc.health.v1.")),
    }
    assert dashboard.caller.rights == Rights()
    assert file.entries["silent"].admission.caller.rights == Rights(claimable_reasons=frozenset())


def test_the_more_exact_rate_goes_before(file: CallersFile) -> None:
    rates = file.entries["wakedock-api"].admission.rates
    assert f"{TOKENS}Validate" not in rates
    assert rates[f"{TOKENS}Refresh"] == Rate(100, 60)
    assert rates[f"{ACCOUNTS}Login"] == Rate(7, 3600)
    assert rates[f"{ACCOUNTS}Logout"] == Rate(500)
    # What checks passwords has a rate of its own, whatever is said of all.
    assert rates[f"{ACCOUNTS}ChangePassword"] == Rate(5)
    assert file.entries["silent"].admission.rates == {
        f"{ACCOUNTS}Login": Rate(20),
        f"{ACCOUNTS}ChangePassword": Rate(5),
    }
    assert file.entries["dashboard.read_only"].admission.rates == {}


def test_it_is_told_where_things_are_named(file: CallersFile) -> None:
    entry = file.entries["wakedock-api"]
    assert entry.line == 7
    assert [(one.name, one.line) for one in entry.rpcs][:2] == [
        ("TokenService", 15),
        ("AccountService", 15),
    ]


def test_who_has_a_certificate_alone_is_told(file: CallersFile) -> None:
    assert file.by_certificate_alone == ("dashboard.read_only",)


def test_no_identity_shows(file: CallersFile) -> None:
    text = repr(file)
    assert digest_of(KEY).hex() not in text
    assert str(digest_of(KEY)) not in text


def test_windows_ends_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_bytes(b'[callers.a]\r\ndns = "a.b"\r\nrpcs = [\r\n"TokenService"]\r\n')
    (one,) = read_callers(path, POLICIES).entries["a"].rpcs
    assert one.line == 4


def test_without_a_cluster_no_token_is_anybodys(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_text('[callers.a]\ndns = "a.b"\nrpcs = ["TokenService"]\n')
    with pytest.raises(CallerUnknownError):
        read_callers(path, POLICIES).by_service_account(CLUSTER.token())
