"""The use cases of accounts over memory, with real hashes that cost next to nothing."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from support.asking import ADA, LIFETIMES, ORIGIN, PHONE, new_session
from support.use_cases import Authority

from tokenauthority_server.adapters.common_passwords import ListedPasswords
from tokenauthority_server.adapters.login_digests import KeyedDigests
from tokenauthority_server.adapters.memory import (
    MemoryLoginStore,
    MemoryPasswordStore,
    MemorySessionStore,
    MemoryTimer,
)
from tokenauthority_server.adapters.passwords import HashingThreads
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.logins import Credentials, LoginLimits
from tokenauthority_server.domain.passwords import Verification
from tokenauthority_server.domain.sessions import Device
from tokenauthority_server.domain.tokens import TokenPair
from tokenauthority_server.services.access_tokens import AccessTokens
from tokenauthority_server.services.checking import Checking
from tokenauthority_server.services.logging_in import LoggingIn
from tokenauthority_server.services.logging_out import LoggingOut
from tokenauthority_server.services.passwords import Passwords
from tokenauthority_server.services.turns import Turns

PASSWORD = "the right password of her sister"
KEYS = EncryptionKeys([bytes(range(32))])
LIMITS = LoginLimits(failures=5, lock=timedelta(minutes=30))


def cheap_hasher() -> HashingThreads:
    return HashingThreads(1, memory=8, passes=1)


class CountingHasher:
    """A hasher that remembers what it has checked, and how long that seems to have taken."""

    def __init__(self, timer: MemoryTimer) -> None:
        self._hasher, self._timer = cheap_hasher(), timer
        self.checked: list[str | None] = []
        self.seconds = 0.02

    async def hash(self, password: str) -> str:
        return await self._hasher.hash(password)

    async def verify(self, password: str, stored: str | None) -> Verification:
        self.checked.append(stored)
        self._timer.advance(self.seconds)
        return await self._hasher.verify(password, stored)

    def close(self) -> None:
        self._hasher.close()


@dataclass(frozen=True)
class Accounts:
    """One process of the authority, and its use cases of accounts."""

    authority: Authority
    timer: MemoryTimer
    hasher: CountingHasher
    checking: Checking
    logging_in: LoggingIn
    logging_out: LoggingOut
    passwords: Passwords

    async def login(
        self, password: str = PASSWORD, username: str = ADA.username, device: Device = PHONE
    ) -> TokenPair:
        credentials = Credentials(username=username, password=password)
        return await self.logging_in.login(credentials, device, ("shop:read",), ORIGIN)

    async def ada(self, password: str = PASSWORD) -> None:
        """Let there be Ada with this password, and no session."""
        database = self.authority.database
        await MemorySessionStore(database).create(new_session(), LIFETIMES, ORIGIN)
        await self.passwords.set_password(ADA.user_id, password, ORIGIN)
        self.hasher.checked.clear()


def accounts_over(authority: Authority, **changes: Any) -> Accounts:
    timer = MemoryTimer()
    hasher = CountingHasher(timer)
    logins = MemoryLoginStore(authority.database)
    parts: dict[str, Any] = {"logins": logins, "hasher": hasher, "turns": Turns(1)} | changes
    checking = Checking(digests=KeyedDigests(KEYS), timer=timer, limits=LIMITS, **parts)
    access_tokens = AccessTokens(authority.validating)
    return Accounts(
        authority=authority,
        timer=timer,
        hasher=hasher,
        checking=checking,
        logging_in=LoggingIn(checking, checking.logins, authority.issuing),
        logging_out=LoggingOut(authority.revoking, access_tokens),
        passwords=Passwords(
            MemoryPasswordStore(authority.database),
            checking,
            ListedPasswords(),
            access_tokens,
            authority.propagation,
        ),
    )
