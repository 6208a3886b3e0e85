"""Login: from a name and a password to a pair."""

from dataclasses import replace

import bcrypt
import pytest
from support.account_use_cases import LIMITS, PASSWORD, Accounts, accounts_over
from support.asking import ADA, NO_DEVICE, ORIGIN, PHONE
from support.use_cases import EVERYTHING, Authority

from tokenauthority_server.adapters.memory import (
    MemoryLoginStore,
    MemoryPasswordStore,
    MemoryUserDirectory,
)
from tokenauthority_server.domain.errors import (
    AccountDisabledError,
    InvalidCredentialsError,
    ProfileTooLargeError,
)
from tokenauthority_server.domain.logins import (
    SETTLED_WITHIN,
    Attempt,
    Begun,
    Credentials,
    LoginLimits,
    PasswordExchange,
)
from tokenauthority_server.domain.tokens import TokenType
from tokenauthority_server.domain.users import UserStatus
from tokenauthority_server.services.checking import FLOOR_SECONDS


@pytest.fixture
async def ours(here: Authority) -> Accounts:
    ours = accounts_over(here)
    await ours.ada()
    return ours


async def test_a_login_gives_a_good_pair(ours: Accounts) -> None:
    pair = await ours.login()

    verdict = await ours.authority.validating.validate(
        pair.access_token, TokenType.ACCESS, EVERYTHING
    )
    assert verdict.claims is not None
    assert (verdict.claims.user_id, verdict.claims.device_id) == (ADA.user_id, "phone")
    assert verdict.claims.scope == ("shop:read",)
    refreshed = await ours.authority.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert refreshed.pair.session_id == pair.session_id
    (listed,) = (await ours.authority.listing.list_sessions(ADA.user_id, 0, "")).sessions
    assert listed.device == PHONE


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", PASSWORD + " "),
        ("ada", PASSWORD.upper()),
        ("nobody", PASSWORD),
        # The directory compares names as they are.
        ("Ada", PASSWORD),
        ("u-ada", PASSWORD),
    ],
)
async def test_all_else_gives_nothing(ours: Accounts, username: str, password: str) -> None:
    with pytest.raises(InvalidCredentialsError):
        await ours.login(password, username)
    listed = await ours.authority.listing.list_sessions(ADA.user_id, 0, "")
    assert listed.sessions == ()


async def test_a_hash_of_the_platform_is_renewed_by_a_login(ours: Accounts) -> None:
    database = ours.authority.database
    made = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    database.users[ADA.user_id] = replace(database.users[ADA.user_id], password_hash=made)

    await ours.login()

    renewed = database.users[ADA.user_id].password_hash
    assert renewed is not None
    assert renewed.startswith("$argon2id$")
    await ours.login()
    assert database.users[ADA.user_id].password_hash == renewed


async def test_a_disabled_user_is_told_after_the_right_password_only(ours: Accounts) -> None:
    directory = MemoryUserDirectory(ours.authority.database)
    await directory.set_status(ADA.user_id, UserStatus.DISABLED, None, ORIGIN)
    with pytest.raises(InvalidCredentialsError):
        await ours.login("the wrong password")
    with pytest.raises(AccountDisabledError):
        await ours.login()


async def test_a_deleted_user_is_nobody(ours: Accounts) -> None:
    await MemoryUserDirectory(ours.authority.database).delete(ADA.user_id, ORIGIN)
    with pytest.raises(InvalidCredentialsError):
        await ours.login()
    with pytest.raises(InvalidCredentialsError):
        await ours.login(username="")


async def test_what_fits_no_token_is_refused(ours: Accounts) -> None:
    credentials = Credentials(username=ADA.username, password=PASSWORD)
    with pytest.raises(ProfileTooLargeError):
        await ours.logging_in.login(credentials, NO_DEVICE, ("s" * 9000,), ORIGIN)


class Overtaken(MemoryLoginStore):
    """Between the reading of the hash and the session, the password is exchanged."""

    passwords: MemoryPasswordStore

    async def begin(self, attempt: Attempt, limits: LoginLimits) -> Begun | None:
        begun = await super().begin(attempt, limits)
        await self.passwords.exchange(
            PasswordExchange(
                user_id=ADA.user_id, name=b"", form=b"", verified=None, new_hash="another"
            ),
            ORIGIN,
        )
        return begun


async def test_who_is_overtaken_is_refused_at_the_floor(here: Authority) -> None:
    store = Overtaken(here.database)
    store.passwords = MemoryPasswordStore(here.database)
    ours = accounts_over(here, logins=store)
    await ours.ada()
    before = ours.timer.now()
    with pytest.raises(InvalidCredentialsError):
        await ours.login()
    assert ours.timer.now() - before == pytest.approx(FLOOR_SECONDS)


async def test_what_fits_no_token_is_no_failure(ours: Accounts) -> None:
    credentials = Credentials(username=ADA.username, password=PASSWORD)
    for _ in range(LIMITS.failures):
        # Also of the right password, whose attempt nobody would settle.
        with pytest.raises(ProfileTooLargeError):
            await ours.logging_in.login(credentials, NO_DEVICE, ("s" * 9000,), ORIGIN)
    ours.authority.database.clock.advance(SETTLED_WITHIN)
    await ours.login(device=NO_DEVICE)
