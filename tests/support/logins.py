"""Attempts at passwords, at the ports: what is right and wrong here only the test knows."""

from dataclasses import replace
from datetime import timedelta

from support.asking import ADA, LIFETIMES, ORIGIN, new_session
from support.stores import Stores

from tokenauthority_server.domain.logins import (
    Account,
    Attempt,
    Begun,
    LoginLimits,
    Opening,
    PasswordExchange,
)
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Device, Grant, NewSession

LIMITS = LoginLimits(failures=5, lock=timedelta(minutes=30))
HASH = "the hash of ada's password"
HOME, AWAY = "192.0.2.1", "192.0.2.9"


def attempt_at(username: str = ADA.username, address: str = "", *, name: str = "") -> Attempt:
    """An attempt at the username, which may be a form of another name."""
    return Attempt(
        username=username,
        name=f"name {name or username}".encode(),
        form=f"form {username}".encode(),
        source=f"source {address}".encode() if address else b"",
        own=f"{address} at {username}".encode() if address else b"",
        device=Device(device_id="phone", user_agent="app/1", ip_address=address),
        place=address,
    )


def within(session_id: str = "", username: str = ADA.username, *, name: str = "") -> Attempt:
    """An attempt of whoever has this session of the user's."""
    return replace(attempt_at(username, name=name), own=f"{session_id} at {username}".encode())


async def with_password(stores: Stores, password_hash: str = HASH) -> None:
    """Ada, with a password and without a session."""
    await stores.sessions.create(new_session(), LIFETIMES, ORIGIN)
    await stores.revoker.end_user_sessions(ADA.user_id, "", RevocationReason.LOGOUT, ORIGIN)
    await stores.records.set_password_hash(ADA.user_id, password_hash)


async def begin(stores: Stores, attempt: Attempt, limits: LoginLimits = LIMITS) -> Begun:
    begun = await stores.logins.begin(attempt, limits)
    assert begun is not None, "busy"
    return begun


async def fail(stores: Stores, attempt: Attempt, times: int = 1) -> None:
    for _ in range(times):
        await stores.logins.fail(await begin(stores, attempt), LIMITS, ORIGIN)


def opening_of(
    begun: Begun, *, new: NewSession | None = None, new_hash: str | None = None
) -> Opening:
    return Opening(
        attempt=begun.attempt,
        known_source=begun.known_source,
        account=account_of(begun),
        new=new or new_session(ADA.user_id, device=begun.attempt.device),
        new_hash=new_hash,
    )


async def open_session(
    stores: Stores,
    begun: Begun,
    *,
    new: NewSession | None = None,
    new_hash: str | None = None,
) -> Grant:
    opening = opening_of(begun, new=new, new_hash=new_hash)
    return await stores.logins.open(opening, LIMITS, LIFETIMES, ORIGIN)


async def log_in(stores: Stores, attempt: Attempt) -> Grant:
    return await open_session(stores, await begin(stores, attempt))


def account_of(begun: Begun) -> Account:
    assert begun.account is not None
    return begun.account


def exchange_of(
    verified: Account | None = None, *, new_hash: str = "a new hash", kept: str = ""
) -> PasswordExchange:
    return PasswordExchange(
        user_id=ADA.user_id,
        name=attempt_at().name,
        form=attempt_at().form,
        own=within(kept).own if verified else b"",
        verified=verified,
        new_hash=new_hash,
        except_session_id=kept,
    )


async def exchange(stores: Stores, asked: PasswordExchange) -> int:
    return await stores.passwords.exchange(asked, ORIGIN)
