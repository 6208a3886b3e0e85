"""Every way in which a configuration is refused, and that all of it is told at once."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from tokenauthority_server.config import ConfigurationError, Mode, Settings, load_settings

KEY = base64.b64encode(bytes(range(32))).decode()
SECRET = "v3JkQm8sT1xWzL5nRb7YpC2dHf9GaE4u"
SERVED = {
    "DATABASE_URL": "postgresql://ta@db.internal:5432/authority",
    "REDIS_URL": "redis://cache.internal:6379",
    "KEY_ENCRYPTION_KEY": KEY,
}
PUBLIC_KEY = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n"
)
NOWHERE = Path("/nonexistent/.env")


def faults_of(environ: Mapping[str, str], mode: Mode = "serve") -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, NOWHERE, mode=mode)
    assert all("\n" not in str(fault) for fault in caught.value.faults)
    assert len({fault.setting for fault in caught.value.faults}) == len(caught.value.faults)
    return {fault.setting: fault.problem for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("DATABASE_URL", "mysql://host/db", "must begin with postgresql://"),
        ("DATABASE_URL", "postgresql:///authority", "names no host"),
        ("DATABASE_URL", "postgresql://:5432/authority", "Check its host and port"),
        ("DATABASE_URL", "postgresql://h/db?sslmode=on", "has an unknown sslmode"),
        ("DATABASE_URL", "postgresql://h/db?pooler=session", "pooler=transaction"),
        ("DATABASE_URL", "postgresql://u:p@ss@h/db", "%40"),
        ("REDIS_URL", "redis+sentinel://h:26379", "names no service"),
        ("REDIS_URL", "redis+sentinel:///authority", "names no host"),
        ("REDIS_URL", "redis+sentinel://h/authority/cache", "names a database that is no number"),
        ("REDIS_URL", "redis+sentinel://h/authority?password=x", "has the option password"),
        ("REDIS_URL", "redis+cluster://h1,h2/1", "a cluster has only the one with number 0"),
        ("REDIS_URL", "redis+cluster://h1,h2?db=1", "a cluster has only the one with number 0"),
        ("REDIS_URL", "redis+cluster://h1?sentinel_password=x", "and names no sentinels"),
        ("REDIS_URL", "redis+cluster://", "names no host"),
        ("REDIS_URL", "redis+mirror://h", "must begin as in redis://host:6379"),
        ("REDIS_URL", "redis://h:6379?socket_timeout=20", "has the option socket_timeout"),
        ("DATABASE_URL", "postgresql://h1:1,[::1]:2/db", "comes with a later release"),
        ("DATABASE_URL", "postgresql:///db?host=h1,h2", "comes with a later release"),
        ("REDIS_URL", "redis://h1:6379,h2:6379", "names several servers"),
        ("REDIS_URL", "redis://h:0", "Check its host and port"),
        ("REDIS_URL", "http://h:6379", "must begin as in redis://host:6379"),
        ("REDIS_URL", "redis://", "names no host"),
        ("REDIS_URL", "redis://h:6379/cache", "names a database that is no number"),
        ("REDIS_DB", "-1", "must be 0 to 65535"),
        ("GRPC_HOST", "127.0.0.1:50051", "must be an IP address or a host name"),
        ("GRPC_HOST", "0.0.0.0", "set ALLOW_ANONYMOUS_CALLERS=true"),  # noqa: S104
        ("GRPC_HOST", "::", "set ALLOW_ANONYMOUS_CALLERS=true"),
        ("GRPC_HOST", "authority.internal", "set ALLOW_ANONYMOUS_CALLERS=true"),
        ("TLS_KEY_FILE", "/tls.key", "is of no use without TLS_CERT_FILE"),
        ("TLS_CLIENT_CA_FILE", "/ca.crt", "needs TLS_CERT_FILE and TLS_KEY_FILE"),
        ("GRPC_PORT", "65536", "must be 0 to 65535"),
        ("GRPC_PORT", "tcp://10.0.0.1:50051", "must be 0 to 65535"),
        ("HTTP_HOST", "[::1]", "without brackets"),
        ("HTTP_PORT", "http", "must be 0 to 65535"),
        ("HTTP_PORT", "50051", "is GRPC_PORT's too"),
        ("ALLOW_ANONYMOUS_CALLERS", "perhaps", "must be true or false"),
        ("HEALTH_REQUIRES_CALLER", "true", "needs CALLERS_FILE"),
        ("REFLECTION", "2", "must be true or false"),
        ("MIGRATE", "2", "must be true or false"),
        ("DRAIN_SECONDS", "301", "must be 0 to 300"),
        ("KEY_ENCRYPTION_KEY", "c2hvcnQ=", "openssl rand -base64 32"),
        ("KEY_ENCRYPTION_KEY", "clé", "key 1 is not base64 of 32 bytes"),
        ("KEY_ENCRYPTION_KEY", f"{KEY},", "key 2 is not base64 of 32 bytes"),
        ("KEY_ENCRYPTION_KEY", f"{KEY},{KEY}", "key 2 stands there twice"),
        ("KEY_ENCRYPTION_KEY", "A" * 43 + "=", "key 1 is one byte repeated"),
        ("JWT_ALGORITHM", "none", "must be ES256, EdDSA, RS256, PS256, HS256"),
        ("JWT_ALGORITHM", "ES384", "must be ES256, EdDSA, RS256, PS256, HS256"),
        ("KEY_ROTATION_DAYS", "0", "must be 1 to 3650"),
        ("JWT_ISSUER", "é" * 129, "must have 1 to 256 bytes"),
        ("JWT_ISSUER", "wakedock ", "must neither begin nor end with a space"),
        ("JWT_AUDIENCE", "a\tb", "nor hold control characters"),
        ("JWT_AUDIENCE", "wakedock", "must differ from JWT_ISSUER"),
        ("JWT_AUDIENCE", "\udcff", "must be UTF-8 text"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "must be 1 to 1440"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1441", "must be 1 to 1440"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "366", "must be 1 to 365"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "9" * 5000, "must be 1 to 365"),
        ("SESSION_MAX_DAYS", "3651", "must be 1 to 3650"),
        ("SESSION_MAX_DAYS", "6", "must be at least REFRESH_TOKEN_EXPIRE_DAYS, which is 7"),
        ("REFRESH_GRACE_SECONDS", "601", "must be 0 to 600"),
        ("CLOCK_LEEWAY_SECONDS", "2.5", "must be 0 to 60"),
        ("LOG_LEVEL", "loud", "must be debug, info, warning, error, critical"),
        ("LOG_FORMAT", "xml", "must be console, json"),
    ],
)
def test_a_bad_value_is_told_with_what_to_do(setting: str, value: str, told: str) -> None:
    faults = faults_of(SERVED | {setting: value})
    assert faults.keys() == {setting}
    assert told in faults[setting]


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("", "is required with JWT_ALGORITHM=HS256"),
        ("x" * 31, "must have at least 32 bytes"),
        ("x" * 64, "repeats a few characters"),
        ("abc" * 20, "repeats a few characters"),
        ("é" * 16, "repeats a few characters"),
        (KEY, "is one of KEY_ENCRYPTION_KEY's"),
        (PUBLIC_KEY, "is the text of a key, and no secret"),
        (PUBLIC_KEY.replace("PUBLIC", "RSA PUBLIC"), "is the text of a key, and no secret"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM8EAAxzQh7dmb76Sq62K4xn", "is the text of a key"),
        ('{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gH"}', "is the text of a key"),
    ],
)
def test_a_secret_that_can_be_guessed_signs_nothing(secret: str, told: str) -> None:
    faults = faults_of(SERVED | {"JWT_ALGORITHM": "HS256", "JWT_SECRET_KEY": secret})
    assert faults.keys() == {"JWT_SECRET_KEY"}
    assert told in faults["JWT_SECRET_KEY"]


@pytest.mark.parametrize(
    "secret",
    [
        "Your-Secret-Key-Change-In-Production",
        "01234567890123456789012345678901",
        "your-256-bit-secret-your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "super_secret_key_that_nobody_knows_2024",
        "my-jwt-secret-for-the-token-authority",
        "replace_me_with_a_random_string_of_64_chars",
        "<placeholder: openssl rand -hex 32>",
        "this is a secret that has forty characters",
        "django-insecure-w8^7x!k2q@z5v#n1m$c3b&t6y*u9",
        "wakedock-password-2024-production-1",
        "keyboard cat keyboard cat keyboard cat",
        "correct horse battery staple, and more",
        "DEADBEEFdeadbeef0f1e2d3c4b5a69788796a5b4",
        "qwertyuiopasdfghjklzxcvbnm1029384756",
        # FastAPI's tutorial; RFC 7515, appendix A.1; RFC 7520, section 3.5.
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    ],
)
def test_a_secret_that_stands_in_a_manual_signs_nothing(secret: str) -> None:
    faults = faults_of(SERVED | {"JWT_ALGORITHM": "HS256", "JWT_SECRET_KEY": secret})
    assert faults["JWT_SECRET_KEY"].startswith("is a well-known example")


def test_keys_as_files_and_a_secret_are_never_mixed() -> None:
    mixed = {"JWT_ALGORITHM": "HS256", "JWT_SECRET_KEY": SECRET, "SIGNING_KEYS_DIR": "/keys"}
    assert faults_of(SERVED | mixed) == {
        "SIGNING_KEYS_DIR": (
            "holds public keys, and JWT_ALGORITHM=HS256 signs with a secret: the two are never "
            "mixed. Unset SIGNING_KEYS_DIR to sign with the secret, or JWT_SECRET_KEY and "
            "JWT_ALGORITHM to sign with the keys"
        )
    }


@pytest.mark.parametrize(
    ("mode", "missing"),
    [
        ("serve", ["DATABASE_URL", "REDIS_URL", "KEY_ENCRYPTION_KEY"]),
        ("migrate", ["DATABASE_URL"]),
        ("janitor", ["DATABASE_URL"]),
    ],
)
def test_what_a_command_needs_is_asked_for_by_name(mode: Mode, missing: list[str]) -> None:
    faults = faults_of({}, mode)
    assert list(faults) == missing
    assert all(f"is required by {mode}. " in problem for problem in faults.values())


def test_an_empty_value_is_as_good_as_none() -> None:
    assert "is required" in faults_of(SERVED | {"REDIS_URL": ""})["REDIS_URL"]
    assert load_settings(SERVED | {"GRPC_PORT": ""}, NOWHERE, mode="serve").grpc_port == 50051


def test_two_databases_in_redis_are_one_too_many() -> None:
    faults = faults_of(SERVED | {"REDIS_URL": "redis://h:6379/2", "REDIS_DB": "0"})
    assert faults == {
        "REDIS_DB": "is not the database that REDIS_URL names. Give it in one of the two"
    }


def test_a_cluster_has_one_database() -> None:
    faults = faults_of(SERVED | {"REDIS_URL": "redis+cluster://h1,h2", "REDIS_DB": "1"})
    assert faults == {
        "REDIS_DB": "must be 0, since REDIS_URL names a cluster, which has only that one"
    }


def test_all_is_told_at_once_in_the_order_of_the_settings() -> None:
    faults = faults_of(
        {
            "DATABASE_URL": "oracle://h/db",
            "GRPC_PORT": "x",
            "GRPC_HOST": "10.0.0.1",
            "KEY_ENCRYPTION_KEY_FILE": "/nonexistent/key",
            "JWT_ALGORITHM": "HS256",
            "JWT_ISSUER": "same",
            "JWT_AUDIENCE": "same",
            "REFRESH_TOKEN_EXPIRE_DAYS": "40",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "soon",
            "WORKERS": "65",
        }
    )
    assert list(faults) == [
        "DATABASE_URL",
        "REDIS_URL",
        "GRPC_HOST",
        "GRPC_PORT",
        "WORKERS",
        "KEY_ENCRYPTION_KEY_FILE",
        "JWT_SECRET_KEY",
        "JWT_AUDIENCE",
        "ACCESS_TOKEN_EXPIRE_MINUTES",
        "SESSION_MAX_DAYS",
    ]


def test_the_error_has_a_line_for_each_fault_and_keeps_the_warnings() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"GRPC_PORT": "x", "DATABSE_URL": "y"}, NOWHERE, mode="dev")
    assert str(caught.value) == "GRPC_PORT: must be 0 to 65535"
    assert caught.value.exit_code == 2
    assert [warning.setting for warning in caught.value.warnings] == ["DATABSE_URL"]


def test_a_rule_between_two_settings_is_silent_when_the_other_one_is_broken() -> None:
    assert faults_of(SERVED | {"GRPC_HOST": "::", "ALLOW_ANONYMOUS_CALLERS": "yes!"}).keys() == {
        "ALLOW_ANONYMOUS_CALLERS"
    }
    assert faults_of(SERVED | {"REFRESH_TOKEN_EXPIRE_DAYS": "999"}).keys() == {
        "REFRESH_TOKEN_EXPIRE_DAYS"
    }


def test_a_certificate_needs_its_key() -> None:
    assert faults_of(SERVED | {"TLS_CERT_FILE": "/tls.crt", "TLS_CLIENT_CA_FILE": "/ca.crt"}) == {
        "TLS_KEY_FILE": "is required with TLS_CERT_FILE. Give the file of its private key, in PEM"
    }
    alone = SERVED | {"TLS_KEY_FILE": "/tls.key", "TLS_CLIENT_CA_FILE": "/ca.crt"}
    assert faults_of(alone).keys() == {"TLS_KEY_FILE", "TLS_CLIENT_CA_FILE"}


def test_the_commands_beside_a_server_look_at_nothing_else() -> None:
    crowd = {"GRPC_HOST": "0.0.0.0", "JWT_ALGORITHM": "none", "WORKERS": "none"}  # noqa: S104
    migrating = load_settings(SERVED | crowd, NOWHERE, mode="migrate")
    assert migrating.database_url.get_secret_value() == SERVED["DATABASE_URL"]
    assert migrating.grpc_host == Settings().grpc_host
    allowed = crowd | {"ALLOW_ANONYMOUS_CALLERS": "true", "GRPC_PORT": "6000"}
    asking = load_settings(allowed, NOWHERE, mode="healthcheck")
    assert asking.grpc_address == "0.0.0.0:6000"
    assert not asking.database_url
    asking = load_settings(
        {"TLS_CERT_FILE": "/tls.crt", "TLS_KEY_FILE": "/tls.key", "HTTP_PORT": "6001"},
        NOWHERE,
        mode="healthcheck",
    )
    assert asking.tls_cert_file
    assert asking.http_port == 6001


def test_nobody_is_anonymous_beside_known_callers() -> None:
    both = {"CALLERS_FILE": "callers.toml", "ALLOW_ANONYMOUS_CALLERS": "true"}
    assert faults_of(SERVED | both).keys() == {"ALLOW_ANONYMOUS_CALLERS"}


def test_known_callers_may_come_from_other_machines() -> None:
    beyond = {"CALLERS_FILE": "callers.toml", "GRPC_HOST": "::", "HEALTH_REQUIRES_CALLER": "true"}
    settings = load_settings(SERVED | beyond, NOWHERE, mode="serve")
    assert settings.callers_file == Path("callers.toml")
    assert "ALLOW_ANONYMOUS_CALLERS" not in {one.setting for one in settings.warnings}
