"""The settings that this release acts on: their names, defaults and rules.

docs/configuration.md says what each is for.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, PrivateAttr, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tokenauthority_server.config.faults import Fault
from tokenauthority_server.config.fields import (
    Algorithm,
    Claim,
    DatabaseAddress,
    Day,
    Host,
    LogFormat,
    LogLevel,
    Port,
    RedisAddress,
    SealingKeys,
    SessionLimitPolicy,
    is_loopback,
)
from tokenauthority_server.config.keys import (
    MAKE_A_KEY,
    check_jwt_secret,
    check_no_sealing_key,
    read_key_encryption_keys,
)
from tokenauthority_server.config.redis_addresses import is_cluster, redis_database


def _named_database(earlier: dict[str, SecretStr]) -> int:
    address = earlier.get("redis_url")
    return (redis_database(address.get_secret_value()) if address else None) or 0


def _check_secret(secret: SecretStr, info: ValidationInfo) -> None:
    check_jwt_secret(secret.get_secret_value())
    sealing: SecretStr | None = info.data.get("key_encryption_key")
    if sealing:
        check_no_sealing_key(secret.get_secret_value(), sealing.get_secret_value())


class Settings(BaseSettings):
    """The settings, frozen; `load_settings` makes them.

    Each field is the setting of its name in upper case. A secret that was not given is empty, and
    so false. Rules between two fields stand with the later one and see the earlier one only if it
    is good, so that one pass finds every fault.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    database_url: DatabaseAddress = SecretStr("")
    redis_url: RedisAddress = SecretStr("")
    redis_db: Annotated[int, Field(ge=0, le=65535)] = Field(default_factory=_named_database)
    data_dir: Path = Path(".data")
    migrate: bool = False

    callers_file: Path | None = None
    allow_anonymous_callers: bool = False
    health_requires_caller: bool = False
    grpc_host: Host = "127.0.0.1"
    grpc_port: Port = 50051
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_client_ca_file: Path | None = None
    http_host: Host = "127.0.0.1"
    http_port: Port = 8081
    reflection: bool = False
    drain_seconds: Annotated[int, Field(ge=0, le=300)] = 5
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    key_encryption_key: SealingKeys = SecretStr("")
    jwt_algorithm: Algorithm = "ES256"
    jwt_secret_key: SecretStr = SecretStr("")
    signing_keys_dir: Path | None = None
    key_rotation_days: Annotated[int, Field(ge=1, le=3650)] = 30
    jwt_issuer: Claim = "wakedock"
    jwt_audience: Claim = "wakedock-users"
    legacy_jwt_secret_key: SecretStr = SecretStr("")
    legacy_jwt_until: Day = None

    access_token_expire_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    refresh_token_expire_days: Annotated[int, Field(ge=1, le=365)] = 7
    session_max_days: Annotated[int, Field(ge=1, le=3650)] = 30
    refresh_grace_seconds: Annotated[int, Field(ge=0, le=600)] = 30
    max_sessions_per_user: Annotated[int, Field(ge=0, le=10_000)] = 0
    session_limit_policy: SessionLimitPolicy = "evict_oldest"
    clock_leeway_seconds: Annotated[int, Field(ge=0, le=60)] = 5
    revocation_lease_seconds: Annotated[int, Field(ge=1, le=60)] = 3

    login_max_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    login_lock_minutes: Annotated[int, Field(ge=1, le=1440)] = 30

    audit_days: Annotated[int, Field(ge=1, le=3650)] = 365

    log_level: LogLevel = "info"
    log_format: LogFormat = "json"

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[Fault, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read behind the back of `load_settings`, which also tells what came whence."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("redis_db")
    @classmethod
    def _one_redis_database(cls, number: int, info: ValidationInfo) -> int:
        address: SecretStr | None = info.data.get("redis_url")
        if address and number and is_cluster(address.get_secret_value()):
            raise ValueError("must be 0, since REDIS_URL names a cluster, which has only that one")
        named = redis_database(address.get_secret_value()) if address else None
        if named is not None and named != number:
            raise ValueError("is not the database that REDIS_URL names. Give it in one of the two")
        return number

    @field_validator("allow_anonymous_callers")
    @classmethod
    def _known_or_anonymous(cls, allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001
        if allowed and info.data.get("callers_file"):
            raise ValueError(
                "is given together with CALLERS_FILE, with which nobody is anonymous. Unset one of "
                "the two"
            )
        return allowed

    @field_validator("health_requires_caller")
    @classmethod
    def _callers_to_require(cls, required: bool, info: ValidationInfo) -> bool:  # noqa: FBT001
        if required and not info.data.get("callers_file"):
            raise ValueError("needs CALLERS_FILE: without it callers are not told apart")
        return required

    @field_validator("grpc_host")
    @classmethod
    def _known_callers_only(cls, host: str, info: ValidationInfo) -> str:
        known = info.data.get("callers_file")
        if (
            not is_loopback(host)
            and not known
            and info.data.get("allow_anonymous_callers") is False
        ):
            raise ValueError(
                "can be reached from other machines, and nothing says who may call. Give "
                "CALLERS_FILE, or use 127.0.0.1; or let only services that you trust reach the "
                "port, and set ALLOW_ANONYMOUS_CALLERS=true"
            )
        return host

    @field_validator("tls_key_file")
    @classmethod
    def _key_of_a_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("tls_cert_file") is None):
            raise ValueError(
                "is of no use without TLS_CERT_FILE. Give both, or neither"
                if key
                else "is required with TLS_CERT_FILE. Give the file of its private key, in PEM"
            )
        return key

    @field_validator("tls_client_ca_file")
    @classmethod
    def _clients_of_a_port_with_tls(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file and info.data.get("tls_cert_file") is None:
            raise ValueError(
                "says whose clients are let in, and needs TLS_CERT_FILE and TLS_KEY_FILE: without "
                "TLS nobody is asked for a certificate"
            )
        return file

    @field_validator("http_port")
    @classmethod
    def _port_of_its_own(cls, port: int, info: ValidationInfo) -> int:
        if port and port == info.data.get("grpc_port"):
            raise ValueError("is GRPC_PORT's too. Choose another one")
        return port

    @field_validator("jwt_secret_key")
    @classmethod
    def _secret_that_signs(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("jwt_algorithm") != "HS256":
            return secret
        if not secret:
            raise ValueError(f"is required with JWT_ALGORITHM=HS256. {MAKE_A_KEY}")
        _check_secret(secret, info)
        return secret

    @field_validator("signing_keys_dir")
    @classmethod
    def _keys_that_sign(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        if folder and info.data.get("jwt_algorithm") == "HS256":
            raise ValueError(
                "holds public keys, and JWT_ALGORITHM=HS256 signs with a secret: the two are never "
                "mixed. Unset SIGNING_KEYS_DIR to sign with the secret, or JWT_SECRET_KEY and "
                "JWT_ALGORITHM to sign with the keys"
            )
        return folder

    @field_validator("legacy_jwt_secret_key")
    @classmethod
    def _secret_of_the_platform(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if not secret:
            return secret
        if secret == info.data.get("jwt_secret_key"):
            raise ValueError(
                "is JWT_SECRET_KEY too: whoever holds the old secret could make new tokens. Give "
                "JWT_SECRET_KEY another one, or unset it if JWT_ALGORITHM is not HS256"
            )
        _check_secret(secret, info)
        return secret

    @field_validator("legacy_jwt_until")
    @classmethod
    def _until_a_day(cls, until: date | None, info: ValidationInfo) -> date | None:
        secret: SecretStr | None = info.data.get("legacy_jwt_secret_key")
        if secret and until is None:
            raise ValueError(
                "is required with LEGACY_JWT_SECRET_KEY. Give the last day on which old tokens are "
                "accepted, as 2027-12-31"
            )
        if secret is not None and not secret and until:
            raise ValueError("is of no use without LEGACY_JWT_SECRET_KEY. Give both, or neither")
        return until

    @field_validator("jwt_audience")
    @classmethod
    def _audience_of_its_own(cls, audience: str, info: ValidationInfo) -> str:
        if audience == info.data.get("jwt_issuer"):
            raise ValueError("must differ from JWT_ISSUER, which is the audience of refresh tokens")
        return audience

    @field_validator("session_max_days")
    @classmethod
    def _outlasts_a_refresh(cls, days: int, info: ValidationInfo) -> int:
        refresh: int | None = info.data.get("refresh_token_expire_days")
        if refresh is not None and days < refresh:
            raise ValueError(f"must be at least REFRESH_TOKEN_EXPIRE_DAYS, which is {refresh}")
        return days

    @property
    def key_encryption_keys(self) -> tuple[bytes, ...]:
        """The keys of 32 bytes; the first seals, all open. Empty where none was given."""
        text = self.key_encryption_key.get_secret_value()
        return read_key_encryption_keys(text) if text else ()

    @property
    def grpc_address(self) -> str:
        """Host and port as gRPC takes them."""
        host = f"[{self.grpc_host}]" if ":" in self.grpc_host else self.grpc_host
        return f"{host}:{self.grpc_port}"

    @property
    def access_token_lifetime(self) -> timedelta:
        """How long an access token lives, unless its session ends before."""
        return timedelta(minutes=self.access_token_expire_minutes)

    @property
    def refresh_token_lifetime(self) -> timedelta:
        """How long a refresh token lives, from the last refresh."""
        return timedelta(days=self.refresh_token_expire_days)

    @property
    def session_lifetime(self) -> timedelta:
        """When a session ends however often it was refreshed."""
        return timedelta(days=self.session_max_days)

    @property
    def refresh_grace(self) -> timedelta:
        """How long the parent of a refresh token still gets the same successor."""
        return timedelta(seconds=self.refresh_grace_seconds)

    @property
    def longest_token_lifetime(self) -> timedelta:
        """How long any token lives at the most."""
        return max(self.access_token_lifetime, self.refresh_token_lifetime)

    @property
    def key_rotation(self) -> timedelta:
        """How long a key signs before its successor does."""
        return timedelta(days=self.key_rotation_days)

    @property
    def login_lock(self) -> timedelta:
        """How long a username is locked for logins."""
        return timedelta(minutes=self.login_lock_minutes)

    @property
    def audit_lifetime(self) -> timedelta:
        """How long the audit trail and the counts by user are kept."""
        return timedelta(days=self.audit_days)

    @property
    def clock_leeway(self) -> timedelta:
        """How far the clocks of two machines may be apart."""
        return timedelta(seconds=self.clock_leeway_seconds)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What the start should warn about."""
        return self._warnings

    def origin(self, name: str) -> str:
        """Where a field's value came from: the environment, .env, a file, or the default."""
        return self._origins.get(name, "default")

    def remember(self, origins: Mapping[str, str], warnings: Iterable[Fault]) -> None:
        """Keeps where each field came from, and what to warn about."""
        self._origins = dict(origins)
        self._warnings = tuple(warnings)
