"""What is removed once it matters no more, and for how long it is kept."""

from datetime import timedelta
from enum import StrEnum

FORMER_PROFILE_LIFETIME = timedelta(hours=1)
"""A replay needs the profile of its pair for ten minutes at the most: the longest grace, and the
time for which a request_id stands for its pair."""


class Leftover(StrEnum):
    """What outlives its use: rows of these kinds are swept."""

    SESSIONS = "sessions"
    FACTS = "facts"
    SIGNING_KEYS = "signing_keys"
    FORMER_PROFILES = "former_profiles"
    TOKEN_METRICS = "token_metrics"  # noqa: S105 - a table, no secret
    AUDIT_EVENTS = "audit_events"
    LOGIN_FAILURES = "login_failures"
    LOGIN_SOURCES = "login_sources"
