"""Reads, checks and freezes the settings, and finds every fault at once."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationError

from tokenauthority_server.config.dev_file import dev_settings
from tokenauthority_server.config.faults import ConfigurationError, Fault
from tokenauthority_server.config.fields import is_loopback
from tokenauthority_server.config.keys import MAKE_A_KEY
from tokenauthority_server.config.limits import limits
from tokenauthority_server.config.settings import Settings
from tokenauthority_server.config.sources import Given, read_secret_file, read_sources
from tokenauthority_server.config.spelling import near_misses

Mode = Literal[
    "serve",
    "dev",
    "migrate",
    "janitor",
    "keys",
    "callers",
    "users",
    "erase",
    "audit",
    "healthcheck",
]

SECRETS = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation is SecretStr
)
_DATABASE_FORM = "Give it as postgresql://user:password@host:5432/database"
_DATABASE_OR_DEV = (
    f"{_DATABASE_FORM}; or run it in the folder in which `make run` runs, or with its DATA_DIR"
)
_BESIDE_SERVERS = {
    "database_url": _DATABASE_OR_DEV,
    "key_encryption_key": "Give it as the servers have it",
}
DEV_DEFAULTS: Mapping[str, object] = {"reflection": True, "log_format": "console"}
REQUIRED: Mapping[Mode, Mapping[str, str]] = {
    "serve": {
        "database_url": _DATABASE_FORM,
        "redis_url": "Give it as redis://host:6379",
        "key_encryption_key": MAKE_A_KEY,
    },
    "dev": {},
    "migrate": {"database_url": _DATABASE_FORM},
    "janitor": {"database_url": _DATABASE_FORM},
    "keys": _BESIDE_SERVERS,
    "callers": {"callers_file": "Give the file that says who may call, in TOML"},
    "users": _BESIDE_SERVERS,
    "erase": {"database_url": _DATABASE_OR_DEV},
    "audit": {"database_url": _DATABASE_OR_DEV},
    "healthcheck": {},
}
# By these the servers are told of what is revoked beside them. Without them they find it out.
_TELLING_READ = frozenset({"redis_url", "redis_db", "revocation_lease_seconds"})
KEYS_READ = _TELLING_READ | frozenset(
    {
        "database_url",
        "data_dir",
        "key_encryption_key",
        "key_rotation_days",
        "jwt_algorithm",
        "jwt_secret_key",
        "signing_keys_dir",
        "access_token_expire_minutes",
        "refresh_token_expire_days",
    }
)
# To know which profiles fit a token.
USERS_READ = KEYS_READ | {"jwt_issuer", "jwt_audience"}
_AUDIT_READ = frozenset({"database_url", "data_dir"})
# These look after what a `dev` has, too.
_FIND_DEV = frozenset({"keys", "users", "erase", "audit"})
# The others read everything. These run beside a server, often with less than it was given.
_READ_ONLY: Mapping[Mode, frozenset[str]] = {
    "migrate": frozenset({"database_url", "log_level", "log_format"}),
    "janitor": frozenset({"database_url", "audit_days"}),
    "keys": KEYS_READ,
    "users": USERS_READ,
    "erase": _AUDIT_READ | _TELLING_READ,
    "audit": _AUDIT_READ,
    "callers": frozenset({"callers_file", "health_requires_caller", "clock_leeway_seconds"}),
    "healthcheck": frozenset(
        {
            "callers_file",
            "allow_anonymous_callers",
            "health_requires_caller",
            "grpc_host",
            "grpc_port",
            "tls_cert_file",
            "tls_key_file",
            "http_host",
            "http_port",
        }
    ),
}
KNOWN = frozenset(
    {name.upper() for name in Settings.model_fields}
    | {f"{name.upper()}_FILE" for name in SECRETS}
    | {"TEST_DATABASE_URL", "TEST_REDIS_URL"}
)


def load_settings(
    environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env"), *, mode: Mode
) -> Settings:
    """The settings for one of the commands, from the environment and then from the file.

    All but `serve` and `dev` read, and check, only what they use. Where `keys`, `users`, `erase` or
    `audit` is given no database it takes the settings of a `dev` that runs under DATA_DIR.

    Raises:
        ConfigurationError: with every fault there is.
    """
    try:
        given = read_sources(environ, dotenv)
    except ValueError as error:
        raise ConfigurationError([Fault(str(dotenv), str(error))]) from None
    if mode in _FIND_DEV and not given.keys() & {"DATABASE_URL", "DATABASE_URL_FILE"}:
        given = dev_settings(given) | given
    read = _READ_ONLY.get(mode, frozenset(Settings.model_fields))
    chosen, faults = _choose(given, [name for name in Settings.model_fields if name in read])
    required = REQUIRED[mode]
    for name in required.keys() - chosen.keys() - faults.keys():
        faults[name] = Fault(name.upper(), f"is required by {mode}. {required[name]}")
    values: dict[str, object] = dict(DEV_DEFAULTS) if mode == "dev" else {}
    values.update((name, one.text) for name, one in chosen.items())
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        # What was not given as it should is a fault already; that it is missing is no second one.
        faults = _broken(error) | faults
    warnings = near_misses(given, KNOWN)
    # Raised out here, so that the error that holds the values is no context of this one.
    if settings is None or faults:
        order = list(Settings.model_fields)
        raise ConfigurationError(
            [faults[name] for name in sorted(faults, key=order.index)], warnings
        )
    warnings += _cautions(settings, mode)
    settings.remember({name: one.origin for name, one in chosen.items()}, warnings)
    return settings


def _choose(
    given: Mapping[str, Given], fields: list[str]
) -> tuple[dict[str, Given], dict[str, Fault]]:
    """What was given for each field, and a fault for each whose giving went wrong."""
    chosen: dict[str, Given] = {}
    faults: dict[str, Fault] = {}
    for field in fields:
        name = field.upper()
        named = f"{name}_FILE"
        from_file = field in SECRETS and named in given
        if from_file and name in given:
            faults[field] = Fault(name, f"is given together with {named}. Unset one of the two")
        elif from_file:
            try:
                chosen[field] = read_secret_file(given[named])
            except ValueError as error:
                faults[field] = Fault(named, str(error))
        elif name in given:
            chosen[field] = given[name]
    return chosen, faults


def _broken(error: ValidationError) -> dict[str, Fault]:
    faults: dict[str, Fault] = {}
    for one in error.errors(include_url=False, include_input=False):
        if one["type"] == "default_factory_not_called":
            # REDIS_DB has a default from REDIS_URL, and something before it is broken.
            continue
        field = str(one["loc"][0])
        cause = one.get("ctx", {}).get("error")
        # Only our own words are told: an error of Python's, as of text that is not UTF-8, may
        # repeat the value.
        if type(cause) is ValueError:
            problem = str(cause)
        else:
            problem = f"must be {limits(Settings.model_fields[field]) or 'UTF-8 text'}"
        faults[field] = Fault(field.upper(), problem)
    return faults


def _cautions(settings: Settings, mode: Mode) -> Iterator[Fault]:
    if settings.jwt_secret_key and settings.jwt_algorithm != "HS256":
        problem = f"is not used, since JWT_ALGORITHM is {settings.jwt_algorithm}"
        yield Fault("JWT_SECRET_KEY", problem)
    if settings.signing_keys_dir and "key_rotation_days" in settings.model_fields_set:
        yield Fault("KEY_ROTATION_DAYS", "is not used: keys in SIGNING_KEYS_DIR rotate by hand")
    if settings.legacy_jwt_until and settings.legacy_jwt_until < datetime.now(UTC).date():
        problem = (
            "has passed, and old tokens are refused. Unset it together with LEGACY_JWT_SECRET_KEY"
        )
        yield Fault("LEGACY_JWT_UNTIL", problem)
    if settings.allow_anonymous_callers and not is_loopback(settings.grpc_host):
        problem = (
            f"whoever reaches {settings.grpc_address} may create, refresh and revoke for every "
            "user, and nobody is told who it was. Let only services that you trust reach it, and "
            "give CALLERS_FILE as soon as you can"
        )
        yield Fault("ALLOW_ANONYMOUS_CALLERS", problem)
    if not settings.tls_cert_file and not is_loopback(settings.grpc_host):
        problem = (
            f"is not set: tokens, passwords and the keys of callers reach {settings.grpc_address} "
            "in the clear. Give a certificate and its key, unless a mesh encrypts what is between"
        )
        yield Fault("TLS_CERT_FILE", problem)
    if settings.migrate and mode == "serve":
        yield Fault("MIGRATE", "is for dev. Run tokenauthority migrate before serve")
