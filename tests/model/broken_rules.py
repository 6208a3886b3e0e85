"""Ways to break one rule of an authority that runs, each of which the machine has to notice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from model.running_authority import RunningAuthority

from tokenauthority_server.adapters.postgres import statements

NEWEST = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p
WHERE p.pronamespace = 'tokenauthority'::regnamespace AND p.proname ~ ('^' || $1 || '_v[0-9]+$')
ORDER BY substring(p.proname FROM '[0-9]+$')::integer DESC LIMIT 1
"""


@dataclass(frozen=True)
class BrokenRule:
    """A text of a function (its name without the version) or of a statement, put differently."""

    name: str
    where: str
    text: str
    instead: str = ""

    @contextmanager
    def broken(self, authority: RunningAuthority) -> Iterator[None]:
        if self.where.isupper():
            whole: str = getattr(statements, self.where)
            put: Callable[[str], None] = partial(setattr, statements, self.where)
        else:
            whole = authority.value(NEWEST, self.where)
            put = authority.execute
        assert self.text in whole, f"{self.where} has changed: {self.text!r} is not in it any more"
        put(whole.replace(self.text, self.instead))
        try:
            yield
        finally:
            put(whole)


EVERYDAY = [
    BrokenRule(
        "the grace has no end", "settle_refresh", "p_arrived_at <= s.rotated_at + p_grace", "true"
    ),
    BrokenRule(
        "a replay is counted",
        "settle_refresh",
        "RETURN tokenauthority.grant_of_v1('replayed', s, u, seen_at);",
        "PERFORM tokenauthority.count_v1(p_user_id, s.device_id, 'refreshed', 1);"
        "RETURN tokenauthority.grant_of_v1('replayed', s, u, seen_at);",
    ),
    BrokenRule(
        "a request_id stands for any body",
        "create_session",
        "s.request_digest <> p_request_digest",
        "false",
    ),
    BrokenRule("a refresh token ends nothing", "END_USERS_SESSION", "s.ended_at IS NULL", "false"),
    BrokenRule("ended sessions are listed", "PAGE", "AND s.ended_at IS NULL"),
    BrokenRule(
        "epochs are not compared", "FACTS", "r.reason, r.epoch,", "r.reason, r.epoch + 99 AS epoch,"
    ),
]
"""Noticed within a second each."""

RARE = [
    BrokenRule("a lost right is no fact", "create_session", "IF lost_rights THEN", "IF false THEN"),
    BrokenRule(
        "no session is excepted",
        "end_user_sessions",
        "IF p_except_session_id <> '' THEN",
        "IF false THEN",
    ),
    BrokenRule(
        "a session has no end",
        "ROTATE",
        "least(date_trunc('second', now()) + $6::interval, s.ends_at)",
        "date_trunc('second', now()) + $6::interval",
    ),
    BrokenRule("one session too many", "evict_sessions", "OFFSET p_room", "OFFSET p_room + 1"),
    BrokenRule(
        "the newest session makes room",
        "evict_sessions",
        "ORDER BY created_at DESC, session_id DESC OFFSET",
        "ORDER BY created_at, session_id OFFSET",
    ),
    BrokenRule(
        "there is no grace", "settle_refresh", "p_arrived_at <= s.rotated_at + p_grace", "false"
    ),
    BrokenRule(
        "another device may ask again", "settle_refresh", "p_device_id = s.device_id", "true"
    ),
    BrokenRule("a reuse ends nothing", "settle_refresh", "ended_at = seen_at", "ended_at = NULL"),
    BrokenRule(
        "a reuse ends no access token",
        "settle_refresh",
        "VALUES (p_user_id, 'session', p_session_id, 'REUSE_DETECTED'",
        "VALUES (p_user_id, 'session', p_session_id || '!', 'REUSE_DETECTED'",
    ),
    BrokenRule(
        "a replay tells the new profile",
        "grant_of",
        "s.profile_version <> u.profile_version",
        "false",
    ),
    BrokenRule(
        "the request_id of an ended session gives a pair",
        "create_session",
        "IF s.generation > 0 OR s.ended_at IS NOT NULL OR",
        "IF s.generation > 0 OR",
    ),
    BrokenRule(
        "a request_id holds for ever",
        "create_session",
        "AND created_at > seen_at - p_request_window",
    ),
    BrokenRule(
        "a dead session is excepted",
        "end_user_sessions",
        "AND session_id = p_except_session_id AND epoch = u.epoch",
        "AND session_id = p_except_session_id",
    ),
    BrokenRule("a revoked user refreshes", "ROTATE", "AND s.epoch >= u.epoch"),
    BrokenRule(
        "a disabled user refreshes",
        "ROTATE",
        "AND tokenauthority.allowed_v1(u.status, u.locked_until)",
    ),
    BrokenRule(
        "a profile of any size is refreshed", "ROTATE", "u.profile_bytes <= $10", "$10::integer > 0"
    ),
    BrokenRule(
        "a refresh without an agent wipes it",
        "ROTATE",
        "coalesce(nullif($8, ''), s.user_agent)",
        "$8",
    ),
    BrokenRule(
        "a rotated token is active",
        "REFRESH_TOKENS",
        "s.current_fingerprint,",
        "coalesce(s.parent_fingerprint, s.current_fingerprint) AS current_fingerprint,",
    ),
    BrokenRule("expired sessions are listed", "PAGE", "AND s.refresh_expires_at > now()"),
    BrokenRule(
        "pages overlap", "PAGE", "(s.created_at, s.session_id) <", "(s.created_at, s.session_id) <="
    ),
    BrokenRule("a dead session ends again", "END_SESSION_BY_ID", "AND s.ended_at IS NULL"),
    BrokenRule("an access token dies twice", "KILL", "AND NOT EXISTS", "AND true OR NOT EXISTS"),
]
"""Each of them was noticed too: most within seconds, the slowest within two minutes.

Where a token or a request_id that has been used gets a pair again, the server itself notices that
it cannot derive the pair, and gives none.
"""
