"""The one definition of the tables; migrations bring a database to it, and a test compares them.

Every key begins with the user, so that the tables can be partitioned by it as they are. There are
no foreign keys: a session must not lock its user's row. Opaque ids are compared as bytes.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import UserDefinedType

SCHEMA = "tokenauthority"

metadata = MetaData(schema=SCHEMA)


class TransactionId(UserDefinedType[str]):
    """A transaction of this database server, which it never counts anew."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return PostgreSQL's name of the type."""
        return "xid8"


def _id(name: str) -> Column[str]:
    return Column(name, Text(collation="C"), nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _texts(name: str) -> Column[list[str]]:
    return Column(name, ARRAY(Text), nullable=False, server_default="{}")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


users = Table(
    "users",
    metadata,
    _id("user_id"),
    # Null for a tombstone, so that another user may take the name.
    Column("username", Text),
    _text("email"),
    _texts("roles"),
    _texts("permissions"),
    # What the profile takes of a token's payload, in bytes.
    Column("profile_bytes", Integer, nullable=False, server_default="0"),
    # Raised by each change of the profile; a replay finds the former ones by it.
    _count("profile_version"),
    # Raised when the profile loses a right: kills the access tokens minted before.
    _count("profile_epoch"),
    # Raised by all that ends the user's sessions. It never goes back, not even by deletion.
    _count("epoch"),
    Column("status", Text, nullable=False, server_default="ACTIVE"),
    # With status LOCKED: until when; null is for good.
    _time("locked_until", nullable=True),
    Column("password_hash", Text),
    Column("failed_logins", Integer, nullable=False, server_default="0"),
    _time("last_login_at", nullable=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("user_id", name="users_pkey"),
    UniqueConstraint("username", name="users_username_key"),
    # By bytes, in which order users are listed.
    Index("users_by_username", "username", postgresql_ops={"username": "text_pattern_ops"}),
    CheckConstraint(
        "status IN ('ACTIVE', 'DISABLED', 'LOCKED', 'DELETED')", name="users_status_check"
    ),
)

# The profiles that a replay may have to be signed from, after the directory's has changed.
former_profiles = Table(
    "former_profiles",
    metadata,
    _id("user_id"),
    _count("profile_version"),
    _text("username"),
    _text("email"),
    _texts("roles"),
    _texts("permissions"),
    _count("profile_epoch"),
    Column("replaced_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("user_id", "profile_version", name="former_profiles_pkey"),
    Index("former_profiles_by_replacement", "replaced_at"),
)

sessions = Table(
    "sessions",
    metadata,
    _id("user_id"),
    _id("session_id"),
    # The user's epoch when the session was authorised; it is live only while they are equal.
    _count("epoch"),
    # The whole rotation state. Fingerprints are the SHA-256 of a refresh token's jti.
    _count("generation"),
    Column("current_fingerprint", LargeBinary, nullable=False),
    Column("parent_fingerprint", LargeBinary),
    _time("rotated_at"),
    _time("access_expires_at"),
    _time("refresh_expires_at"),
    # The latest expiry of any access token of the session: until then facts about it matter.
    _time("last_token_expires_at"),
    Column("key_id", Text, nullable=False),
    _count("profile_version"),
    _text("device_id"),
    _text("user_agent"),
    _text("ip_address"),
    _texts("scope"),
    _time("created_at"),
    _time("ends_at"),
    _time("ended_at", nullable=True),
    Column("end_reason", Text),
    _text("caller"),
    _text("request_id"),
    Column("request_digest", LargeBinary),
    # The day from which the row may be swept. It changes once a day, so that the refreshes between
    # stay heap-only: no index names a column that every refresh changes.
    Column("sweep_on", Date, nullable=False),
    PrimaryKeyConstraint("user_id", "session_id", name="sessions_pkey"),
    Index("sessions_by_id", "session_id"),
    # Neither a list nor a count walks over what has ended, alone or by its user's epoch.
    Index(
        "sessions_live",
        "user_id",
        "epoch",
        "created_at",
        "session_id",
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "sessions_by_request",
        "user_id",
        "caller",
        "request_id",
        postgresql_where=text("request_id <> ''"),
    ),
    Index("sessions_by_sweep", "sweep_on"),
    postgresql_with={"fillfactor": "85"},
)

revocations = Table(
    "revocations",
    metadata,
    _id("user_id"),
    Column("kind", Text(collation="C"), nullable=False),
    _id("target"),
    Column("reason", Text, nullable=False),
    _count("epoch"),
    _text("except_session_id"),
    _text("caller"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    _time("expires_at"),
    # The transaction that wrote it as it is, by a trigger. Null for what is older than the column.
    Column("changed_by", TransactionId),
    # The key is the fact, so that revoking twice is once.
    PrimaryKeyConstraint("user_id", "kind", "target", name="revocations_pkey"),
    Index("revocations_by_expiry", "expires_at"),
    Index("revocations_by_change", "changed_by"),
)

# A subject is a name, a source, or a source at a name, as an HMAC: what people type into a field
# for names may be a password. Keyed by no user, since most names that are guessed are nobody's.
login_failures = Table(
    "login_failures",
    metadata,
    Column("subject", LargeBinary, nullable=False),
    # Of a name's: the one form of it that was tried, or NULL for several.
    Column("form", LargeBinary),
    # Those of sources wear off evenly, and so by parts.
    Column("failures", Double, nullable=False, server_default="0"),
    # Attempts that are under way.
    Column("pending", Integer, nullable=False, server_default="0"),
    _time("blocked_until", nullable=True),
    _time("changed_at"),
    _time("expires_at"),
    PrimaryKeyConstraint("subject", name="login_failures_pkey"),
    Index("login_failures_by_expiry", "expires_at"),
)

# Where a user has logged in from, as an HMAC.
login_sources = Table(
    "login_sources",
    metadata,
    _id("user_id"),
    Column("source", LargeBinary, nullable=False),
    _time("expires_at"),
    PrimaryKeyConstraint("user_id", "source", name="login_sources_pkey"),
    Index("login_sources_by_expiry", "expires_at"),
)

token_metrics = Table(
    "token_metrics",
    metadata,
    _id("user_id"),
    Column("day", Date, nullable=False),
    _id("device_id"),
    Column("metric_type", Text(collation="C"), nullable=False),
    _count("count"),
    PrimaryKeyConstraint("user_id", "day", "device_id", "metric_type", name="token_metrics_pkey"),
    Index("token_metrics_by_day", "day", "device_id"),
    postgresql_with={"fillfactor": "85"},
)

token_totals = Table(
    "token_totals",
    metadata,
    Column("day", Date, nullable=False),
    Column("metric_type", Text(collation="C"), nullable=False),
    _count("count"),
    PrimaryKeyConstraint("day", "metric_type", name="token_totals_pkey"),
)

# What is counted now and then, with the time of the count.
token_gauges = Table(
    "token_gauges",
    metadata,
    Column("name", Text(collation="C"), nullable=False),
    _count("value"),
    _time("as_of"),
    PrimaryKeyConstraint("name", name="token_gauges_pkey"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text(collation="C"), nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("public_jwk", Text, nullable=False),
    Column("sealed_private_key", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    _time("created_at"),
    _time("activated_at", nullable=True),
    _time("retired_at", nullable=True),
    # No token that it signs expires later. The default is for those whose tokens nobody counted.
    Column(
        "last_expires_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now() + interval '366 days'"),
    ),
    PrimaryKeyConstraint("kid", name="signing_keys_pkey"),
    # Exactly one key of an algorithm signs: replicas that start together agree by it.
    Index(
        "signing_keys_one_active",
        "algorithm",
        unique=True,
        postgresql_where=text("state = 'ACTIVE'"),
    ),
)

# event_id is a UUIDv7, so that a range of it is a range of time.
audit_events = Table(
    "audit_events",
    metadata,
    _id("user_id"),
    Column("event_id", UUID, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("kind", Text, nullable=False),
    _text("caller"),
    _text("session_id"),
    _text("device_id"),
    _text("user_agent"),
    _text("ip_address"),
    _text("outcome"),
    _text("reason"),
    _text("request_id"),
    Column("details", JSONB, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("user_id", "event_id", name="audit_events_pkey"),
    Index("audit_events_by_time", "event_id"),
    Index(
        "audit_events_by_session",
        "session_id",
        "event_id",
        postgresql_where=text("session_id <> ''"),
    ),
    postgresql_partition_by="RANGE (event_id)",
)
