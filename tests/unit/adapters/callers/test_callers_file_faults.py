"""Every fault of a callers' file is told at once, by file and line, and no value with it."""

from pathlib import Path

import pytest
from support.cluster import Cluster

from tokenauthority_server.adapters.callers.faults import CallersFileError
from tokenauthority_server.adapters.callers.file import MAX_FILE_BYTES, read_callers
from tokenauthority_server.domain.caller_keys import caller_key, digest_of
from tokenauthority_server.transport.policy import POLICIES

KEY = caller_key(bytes(range(32)))
DIGEST = digest_of(KEY).hex()
GOOD = 'dns = "a.internal"\nrpcs = ["TokenService"]\n'


def faults_of(folder: Path, text: str | bytes) -> list[str]:
    """The faults, each without the file's name."""
    path = folder / "callers.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CallersFileError) as caught:
        read_callers(path, POLICIES)
    assert caught.value.exit_code == 2
    assert all("\n" not in fault and fault.startswith(str(path)) for fault in caught.value.faults)
    assert str(caught.value).count("CALLERS_FILE: ") == len(caught.value.faults)
    return [fault.removeprefix(str(path)) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("colour = 1", "callers.a.colour is not known here. Known are uri, dns, key_sha256"),
        ('uri = "spiffe://wakedock.internal"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "spiffe://Wakedock.internal/a"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "spiffe://wakedock.internal/a//b"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "spiffe://wakedock.internal/a/../b"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "spiffe://wakedock.internal/a/"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "spiffe://wakedock.internal:1/a"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "spiffe://wakedock.internal/a?b"', "callers.a.uri is no SPIFFE ID"),
        ('uri = "https://wakedock.internal/a"', "callers.a.uri is no SPIFFE ID"),
        (f'uri = "spiffe://w/{"a" * 2048}"', "callers.a.uri is no SPIFFE ID"),
        ('uri = ["spiffe://w/a"]', "callers.a.uri must be a text, in quotes"),
        ('key_sha256 = "' + DIGEST + '"', "callers.a.key_sha256 must be a list, in brackets"),
        (f'key_sha256 = ["{KEY}"]', "callers.a.key_sha256 holds a key"),
        (f'key_sha256 = ["{DIGEST[1:]}"]', "callers.a.key_sha256 is no SHA-256"),
        ("key_sha256 = [1]", "callers.a.key_sha256 is no SHA-256"),
        ('service_account = "api"', "callers.a.service_account is no service account"),
        ('service_account = "w/a"', "callers.a.service_account needs the table [kubernetes]"),
        ('rights = ["admin"]', "callers.a.rights must be 'write_profiles' or 'see_reasons'"),
        ('reasons = ["KEY_REVOKED"]', "callers.a.reasons is no reason that a caller may claim"),
        ('reasons = "LOGOUT"', "callers.a.reasons must be a list"),
        ('rate = "0/s"', "callers.a.rate is no rate"),
        ('rate = "5"', "callers.a.rate is no rate"),
        ('rate = "5/d"', "callers.a.rate is no rate"),
        ('rate = "-5/s"', "callers.a.rate is no rate"),
        ('rate = "1e3/s"', "callers.a.rate is no rate"),
        ("rate = 5", "callers.a.rate is no rate"),
        ('rate = "2000000/s"', "callers.a.rate must be 1 to 1,000,000 calls a second"),
        ('rates = { "TokenService/Refresh" = "x" }', "callers.a.rates.TokenService/Refresh is no"),
        ('rates = { "AdminService" = "5/s" }', "its rpcs do not allow it"),
        ('rates = { "Nothing" = "5/s" }', "callers.a.rates.Nothing"),
        ('rates = "5/s"', "callers.a.rates must be a table"),
    ],
)
def test_a_bad_value_is_told_by_its_line(tmp_path: Path, line: str, told: str) -> None:
    (fault,) = faults_of(tmp_path, f"[callers.a]\n{GOOD}{line}\n")
    assert fault.startswith(":4: ")
    assert told in fault
    assert KEY not in fault
    assert DIGEST not in fault


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("TokenService/Valdate", 'Was "TokenService/Validate" meant?'),
        ("tokenService", 'Was "TokenService" meant?'),
        ("TokenService/", 'Was "TokenService'),
        ("*", "is no service and no RPC"),
        ("", "is no service and no RPC"),
        ("/tokenauthority.v1.TokenService/Validate", "is no service and no RPC"),
        ("grpc.health.v1", "is no service and no RPC"),
        (KEY, "this is no service and no RPC"),
    ],
)
def test_an_rpc_that_is_not_there_is_told_with_the_nearest(
    tmp_path: Path, name: str, told: str
) -> None:
    text = f'[callers.a]\ndns = "a.internal"\nrpcs = ["TokenService",\n  "{name}"]\n'
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(":4: callers.a.rpcs ")
    assert told in fault
    assert KEY not in fault


@pytest.mark.parametrize("name", ["A", '"a b"', '"é"', "_a", f"{'a' * 64}", '"a\\nb"', '""'])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (fault,) = faults_of(tmp_path, f"[callers.{name}]\n{GOOD}")
    assert fault.startswith(":1: ")
    assert "is no name for a caller" in fault


@pytest.mark.parametrize("text", [f"[callers.{KEY}]\n{GOOD}", f"[callers.a]\n{GOOD}{KEY} = 1\n"])
def test_a_key_in_the_place_of_a_name_is_not_repeated(tmp_path: Path, text: str) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert KEY not in fault


def test_one_rate_under_two_names_is_told(tmp_path: Path) -> None:
    text = f'[callers.a]\n{GOOD}[callers.a.rates]\n"TokenService/Refresh" = "5/s"\n'
    (fault,) = faults_of(tmp_path, f'{text}"tokenauthority.v1.TokenService/Refresh" = "50/s"\n')
    assert fault.startswith(":6: callers.a.rates.tokenauthority.v1.TokenService/Refresh ")
    assert "the same as TokenService/Refresh" in fault


@pytest.mark.parametrize("name", ["anonymous", "rotation"])
def test_a_name_that_the_audit_trail_has_for_others_is_refused(tmp_path: Path, name: str) -> None:
    (fault,) = faults_of(tmp_path, f"[callers.{name}]\n{GOOD}")
    assert "stands in the audit trail for others" in fault


@pytest.mark.parametrize(
    "line",
    [
        'uri = "spiffe://wakedock.internal/a"',
        'dns = "A.internal"',
        f'key_sha256 = ["{DIGEST.upper()}"]',
        'service_account = "wakedock/a"',
    ],
)
def test_what_two_callers_are_known_by_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "jwks.json").write_text(Cluster("ES256").jwks)
    kubernetes = '[kubernetes]\njwks_file = "jwks.json"\nissuer = "i"\naudience = "a"\n'
    rpcs = 'rpcs = ["TokenService"]'
    first = line if "A.in" in line else line.replace(DIGEST.upper(), DIGEST)
    text = f"{kubernetes}[callers.a]\n{first}\n{rpcs}\n[callers.b]\n{line.lower()}\n{rpcs}\n"
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(":9: callers.b.")
    assert "is a's too" in fault


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", " names no caller"),
        ("[callers]\n", " names no caller"),
        ("callers = 1\n", " names no caller"),
        ("[callers.a]\nrpcs = ['TokenService']\n", ":1: callers.a has nothing to be known by"),
        ("[callers.a]\ndns = 'a.b'\n", ":1: callers.a.rpcs is missing"),
        ('[callers.a]\ndns = "\\u212Aa"\nrpcs = ["TokenService"]\n', ":2: callers.a.dns is no DNS"),
        ("[callers.a]\ndns = 'a.b'\nrpcs = []\n", ":3: callers.a.rpcs must not be empty"),
        ("[callers]\na = 1\n", ":2: callers.a must be a table"),
        (f"[callers.a]\n{GOOD}[other]\n", ":4: other is not known here"),
        (f"[callers.a]\n{GOOD}[callers.a]\n", ":4: is no TOML: cannot declare"),
        (f"[callers.a]\n{GOOD}dns = 1\n", ":4: is no TOML: cannot overwrite"),
        ("[callers.a]\ndns = a\n", ":2: is no TOML: invalid value"),
        ('[callers.a]\ndns = "a', ":2: is no TOML"),
        ("[callers.a]\ndns = [", ":2: is no TOML: it ends within a value"),
        (f"[callers.a]\n{GOOD}x = {'[' * 3000}{']' * 3000}\n", " is no TOML that can be read"),
        (f"[callers.a]\n{GOOD}x = {'9' * 5000}\n", " is no TOML that can be read"),
        (b"[callers.a]\n# \xff\n", ":2: is no UTF-8 text"),
        (b"#" * (MAX_FILE_BYTES + 1), f" has more than {MAX_FILE_BYTES} bytes"),
    ],
)
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(told)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CallersFileError, match=r"callers\.toml cannot be read: No such file"):
        read_callers(tmp_path / "callers.toml", POLICIES)
    with pytest.raises(CallersFileError) as caught:
        read_callers(Path(KEY), POLICIES)
    assert KEY not in str(caught.value)
    with pytest.raises(CallersFileError, match="is no regular file"):
        read_callers(Path("/dev/null"), POLICIES)


def test_what_is_wrong_with_the_cluster_is_told(tmp_path: Path) -> None:
    text = f'[kubernetes]\njwks_file = "no.json"\nissuer = ""\n[callers.a]\n{GOOD}'
    missing, empty = faults_of(tmp_path, text)
    assert missing == ":1: kubernetes.audience is missing"
    assert empty == ":3: kubernetes.issuer must not be empty"
    (unread,) = faults_of(tmp_path, text.replace('""', '"i"\naudience = "a"'))
    assert unread.startswith(":2: kubernetes.jwks_file ")
    assert "cannot be read: No such file" in unread


def test_all_of_them_are_told_at_once(tmp_path: Path) -> None:
    text = """# who may call
other = 1
[kubernetes]
jwks_file = "no.json"
[callers.a]
uri = "nothing"
rpcs = [
  "TokenService",
  "Nothing",
]
rate = "often"
[callers.B]
[callers.c]
dns = "c.internal"
[callers.e]
colour = 1
[callers.d]
dns = "C.internal"
rpcs = ["TokenService"]
rights = ["all"]
"""
    faults = faults_of(tmp_path, text)
    assert [fault.partition(": ")[0] for fault in faults] == [
        f":{line}" for line in (2, 3, 3, 6, 9, 11, 12, 12, 12, 13, 15, 15, 16, 18, 20)
    ]
