"""Checking a password: reserved first, in turn, and answered alike whatever was wrong."""

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tokenauthority_server.domain.account_ports import (
    LoginDigests,
    LoginStore,
    PasswordHasher,
    Timer,
)
from tokenauthority_server.domain.errors import (
    AccountLockedError,
    AuthorityError,
    InvalidCredentialsError,
    OverloadedError,
    RateLimitedError,
)
from tokenauthority_server.domain.logins import Account, Attempt, LoginLimits, network
from tokenauthority_server.domain.passwords import folded
from tokenauthority_server.domain.sessions import Device, Origin
from tokenauthority_server.services.turns import Turns

FLOOR_SECONDS: Final = 0.6
"""More than twice what the slowest usual hash takes to verify, one of bcrypt at cost 12: see
docs/accounts.md."""

BUSY_SECONDS: Final = 0.1
BUSY_ATTEMPTS: Final = 20

_TELLING: Final = (InvalidCredentialsError, AccountLockedError, RateLimitedError)
"""What a guess is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whose password was right. `new_hash` is the one asked for, or one that renews an old one."""

    attempt: Attempt
    known_source: bool
    account: Account
    new_hash: str | None = field(repr=False)
    began: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """Checks passwords. `floor` is in seconds."""

    logins: LoginStore
    hasher: PasswordHasher
    digests: LoginDigests
    turns: Turns
    timer: Timer
    limits: LoginLimits
    floor: float = FLOOR_SECONDS

    def attempt_within(
        self, session_id: str, device_id: str, username: str, origin: Origin
    ) -> Attempt:
        """Return the attempt of whoever has a session of the user's: no stranger locks it."""
        own = self.digests.digest("session at a name", username, session_id)
        attempt = self.attempt(username, Device(device_id=device_id), origin)
        return replace(attempt, own=own)

    def attempt(self, username: str, device: Device, origin: Origin) -> Attempt:
        """Return the attempt at this name, from this device of this caller."""
        address = network(device.ip_address)
        source = (origin.caller, address)
        return Attempt(
            username=username,
            name=self.name_digest(username),
            form=self.form_digest(username),
            # All that a caller gives no address of is no source: anybody could slow everybody down.
            source=self.digests.digest("source", *source) if address else b"",
            own=self.digests.digest("source at a name", username, *source) if address else b"",
            device=device,
            place=f"{origin.caller} {address}",
        )

    def name_digest(self, username: str) -> bytes:
        """Return what the failures at a name are counted under: its form without case and width."""
        return self.digests.digest("name", folded(username))

    def form_digest(self, username: str) -> bytes:
        """Return what tells the forms of a name apart: the directory may know several."""
        return self.digests.digest("form of a name", username)

    async def proved(
        self, attempt: Attempt, password: str, origin: Origin, *, replacement: str | None = None
    ) -> Proof:
        """Return the proof of a right password, with a hash of the replacement where one is given.

        Raises InvalidCredentialsError, AccountLockedError and RateLimitedError, none of them before
        the floor is over, counted from the attempt's turn; and OverloadedError.
        """
        for _ in range(BUSY_ATTEMPTS):
            refusal: AuthorityError | None = None
            async with self.turns.turn(attempt.place):
                began = self.timer.now()
                try:
                    proof = await _to_its_end(
                        self._checked(attempt, password, origin, replacement, began)
                    )
                except _TELLING as error:
                    refusal = error
                else:
                    if proof is not None:
                        return proof
            if refusal is not None:
                await self.hold_back(began)
                raise refusal
            await self.timer.sleep(BUSY_SECONDS)
        raise OverloadedError

    async def hold_back(self, began: float) -> None:
        """Return at the floor, or at the next whole number of floors where it is past."""
        taken = self.timer.now() - began
        await self.timer.sleep(max(1, math.ceil(taken / self.floor)) * self.floor - taken)

    async def _checked(
        self, attempt: Attempt, password: str, origin: Origin, replacement: str | None, began: float
    ) -> Proof | None:
        begun = await self.logins.begin(attempt, self.limits)
        if begun is None:
            return None
        account = begun.account
        found = await self.hasher.verify(password, account.password_hash if account else None)
        if account is None or not found.right:
            await self.logins.fail(begun, self.limits, origin)
            raise InvalidCredentialsError
        renewed = replacement or (password if found.outdated else None)
        return Proof(
            attempt=attempt,
            known_source=begun.known_source,
            account=account,
            new_hash=await self.hasher.hash(renewed) if renewed else None,
            began=began,
        )


async def _to_its_end(checked: Coroutine[Any, Any, Proof | None]) -> Proof | None:
    """Return what it returns. Whoever hangs up meanwhile keeps the turn until it is there.

    Else the next one would have the turn while the thread is still busy with this one, and a name
    could be locked without an event.
    """
    task = asyncio.ensure_future(checked)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await asyncio.wait([task])
        task.exception()  # seen, though nobody is told
        raise
    return task.result()
