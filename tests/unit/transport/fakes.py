"""Use cases that answer from what they were told, and remember what they were asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from tokenauthority_server.domain.callers import EVERY_RIGHT, Caller, Rights
from tokenauthority_server.domain.keys import KeyState, PublicKey
from tokenauthority_server.domain.revocations import CheckSource, RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device, Origin, Session
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenPair, TokenType
from tokenauthority_server.services.issuing import Issuing
from tokenauthority_server.services.listing import Listed, Listing
from tokenauthority_server.services.refreshing import Refreshed, Refreshing
from tokenauthority_server.services.revoking import Revoked, Revoking
from tokenauthority_server.services.validating import Validating, Verdict
from tokenauthority_server.transport.account_service import AccountUseCases, account_service
from tokenauthority_server.transport.admin.use_cases import AdminUseCases
from tokenauthority_server.transport.admin_service import admin_service
from tokenauthority_server.transport.service import Service
from tokenauthority_server.transport.token_service import UseCases, token_service
from tokenauthority_server.transport.watch import WatchCall

CALLER = Caller(name="shop", rights=EVERY_RIGHT)
NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

PAIR = TokenPair(
    access_token="access",
    refresh_token="refresh",
    session_id="sess_1",
    expires_in=1800,
    access_expire_time=LATER,
    refresh_expire_time=LATER,
)
CLAIMS = Claims(
    token_type=TokenType.ACCESS,
    user_id="u-ada",
    session_id="sess_1",
    token_id="jti",
    issue_time=1_700_000_000,
    expire_time=1_700_001_800,
    epoch=3,
    issuer="wakedock",
    audience="wakedock-users",
    key_id="kid",
    device_id="phone",
    scope=("a", "b"),
    username="ada",
    email="ada@example.com",
    roles=("author",),
    permissions=("read", "write"),
    profile_epoch=2,
)
GOOD = Verdict(check_time=NOW, claims=CLAIMS, source=CheckSource.DATABASE)
BAD = Verdict(check_time=NOW, reason=InactiveReason.MALFORMED)
SESSION = Session(
    session_id="sess_1",
    user_id="u-ada",
    device=Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1"),
    scope=("a",),
    create_time=NOW,
    last_activity_time=NOW,
    expire_time=LATER,
    end_time=LATER,
)
KEY = PublicKey(
    key_id="kid",
    algorithm="ES256",
    state=KeyState.ACTIVE,
    jwk='{"kty":"EC","kid":"kid"}',
    activate_time=NOW,
    retire_time=None,
)


@dataclass
class Script:
    """What happens in every use case, and the arguments of those that were called."""

    error: BaseException | None = None
    before: Callable[[], None] = lambda: None
    asked: list[object] = field(default_factory=list)

    def play(self, *arguments: object) -> None:
        self.asked.append(arguments[0] if len(arguments) == 1 else arguments)
        self.before()
        if self.error is not None:
            raise self.error


class Scripted:
    script: Script

    def __init__(self, script: Script) -> None:
        # The real use cases are frozen.
        object.__setattr__(self, "script", script)


class FakeIssuing(Scripted, Issuing):
    async def create_pair(self, request: CreateRequest, origin: Origin) -> TokenPair:
        self.script.play(request, origin)
        return PAIR


class FakeValidating(Scripted, Validating):
    async def validate(self, token: str, expected: TokenType, rights: Rights) -> Verdict:
        self.script.play(token, expected, rights)
        return GOOD if token == "good" else BAD

    async def validate_many(
        self, tokens: Sequence[str], expected: TokenType, rights: Rights
    ) -> Sequence[Verdict]:
        self.script.play(list(tokens), expected, rights)
        return [GOOD if token == "good" else BAD for token in tokens]


class FakeRefreshing(Scripted, Refreshing):
    async def refresh(self, refresh_token: str, device: Device, origin: Origin) -> Refreshed:
        self.script.play(refresh_token, device, origin)
        return Refreshed(PAIR, replayed=True)


class FakeRevoking(Scripted, Revoking):
    async def revoke_token(self, token: str, reason: RevocationReason, origin: Origin) -> Revoked:
        self.script.play("token", token, reason, origin)
        return Revoked(tokens=1, effective_everywhere=True)

    async def revoke_session(
        self, session_id: str, reason: RevocationReason, origin: Origin
    ) -> Revoked:
        self.script.play("session", session_id, reason, origin)
        return Revoked(sessions=1, effective_everywhere=True)

    async def revoke_user(
        self, user_id: str, except_session_id: str, reason: RevocationReason, origin: Origin
    ) -> Revoked:
        self.script.play("user", user_id, except_session_id, reason, origin)
        return Revoked(sessions=3, effective_everywhere=False)


class FakeListing(Scripted, Listing):
    async def list_sessions(self, user_id: str, page_size: int, page_token: str) -> Listed:
        self.script.play(user_id, page_size, page_token)
        return Listed((SESSION,), "next")


@dataclass
class FakePublicKeys:
    script: Script = field(default_factory=Script)
    keys: Sequence[PublicKey] = (KEY,)

    def public_keys(self) -> Sequence[PublicKey]:
        self.script.play("public_keys")
        return self.keys


def fake_use_cases(script: Script) -> UseCases:
    """Return use cases that all follow one script."""
    return UseCases(
        issuing=FakeIssuing(script),
        validating=FakeValidating(script),
        refreshing=FakeRefreshing(script),
        revoking=FakeRevoking(script),
        listing=FakeListing(script),
        public_keys=FakePublicKeys(script),
        watches=cast("WatchCall", None),
    )


def our_services(script: Script) -> list[Service]:
    """Return every service of ours; only the use cases of tokens are there to be called."""
    return [
        token_service(fake_use_cases(script)),
        account_service(cast("AccountUseCases", None)),
        admin_service(cast("AdminUseCases", None)),
    ]
