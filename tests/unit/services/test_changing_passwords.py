"""ChangePassword and SetPassword."""

import pytest
from support.account_use_cases import LIMITS, PASSWORD, Accounts, accounts_over
from support.asking import ADA, BOB, LIFETIMES, NO_DEVICE, ORIGIN, new_session
from support.use_cases import EVERYTHING, Authority

from tokenauthority_server.adapters.memory import (
    MemoryLoginStore,
    MemoryPasswordStore,
    MemorySessionStore,
    MemoryUserDirectory,
)
from tokenauthority_server.domain.errors import (
    AccessTokenInvalidError,
    AccountLockedError,
    InvalidCredentialsError,
    PasswordRefusedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.logins import (
    Account,
    Attempt,
    Begun,
    LoginLimits,
    PasswordExchange,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import TokenPair, TokenType
from tokenauthority_server.services.checking import FLOOR_SECONDS
from tokenauthority_server.services.revoking import Revoked

NEW = "quite another password"
REFUSED = ["too short", "a" * 1025, "password1234", "the password of ADA"]


@pytest.fixture
async def ours(here: Authority) -> Accounts:
    ours = accounts_over(here)
    await ours.ada()
    return ours


async def is_good(ours: Accounts, pair: TokenPair) -> bool:
    verdict = await ours.authority.validating.validate(
        pair.access_token, TokenType.ACCESS, EVERYTHING
    )
    return verdict.claims is not None


async def change(ours: Accounts, pair: TokenPair, old: str = PASSWORD, new: str = NEW) -> Revoked:
    return await ours.passwords.change_password(pair.access_token, old, new, ORIGIN)


async def test_a_change_keeps_the_session_and_ends_the_others(ours: Accounts) -> None:
    mine, other = await ours.login(), await ours.login()

    assert await change(ours, mine) == Revoked(sessions=1, effective_everywhere=True)

    assert await is_good(ours, mine)
    assert not await is_good(ours, other)
    with pytest.raises(InvalidCredentialsError):
        await ours.login()
    await ours.login(NEW)


async def test_a_wrong_old_password_changes_nothing(ours: Accounts) -> None:
    mine, other = await ours.login(), await ours.login()
    before = ours.timer.now()
    with pytest.raises(InvalidCredentialsError):
        await change(ours, mine, "the wrong old password")
    assert ours.timer.now() - before == pytest.approx(FLOOR_SECONDS)
    assert await is_good(ours, other)
    await ours.login()


async def test_strangers_keep_nobody_from_changing_the_password(ours: Accounts) -> None:
    mine = await ours.login(device=NO_DEVICE)
    for _ in range(LIMITS.failures):
        with pytest.raises(InvalidCredentialsError):
            await ours.login("a stranger's guess", device=NO_DEVICE)
    with pytest.raises(AccountLockedError):
        await ours.login(device=NO_DEVICE)

    await change(ours, mine)

    # Nor does that give them more guesses: the name is theirs for as long as they have locked it.
    with pytest.raises(AccountLockedError):
        await ours.login(NEW, device=NO_DEVICE)


async def test_guesses_with_a_stolen_token_count_as_failed_logins(ours: Accounts) -> None:
    stolen = await ours.login()
    for _ in range(LIMITS.failures):
        with pytest.raises(InvalidCredentialsError):
            await change(ours, stolen, "a guess at the password")
    with pytest.raises(AccountLockedError):
        await change(ours, stolen)
    # Where the owner logged in from, the account knows the owner.
    await ours.login()


@pytest.mark.parametrize("password", REFUSED)
async def test_a_password_that_is_nobodys_is_refused_before_any_is_checked(
    ours: Accounts, password: str
) -> None:
    mine = await ours.login()
    ours.hasher.checked.clear()
    with pytest.raises(PasswordRefusedError):
        await change(ours, mine, new=password)
    with pytest.raises(PasswordRefusedError):
        await ours.passwords.set_password(ADA.user_id, password, ORIGIN)
    assert ours.hasher.checked == []


async def test_only_a_good_access_token_speaks_for_its_user(ours: Accounts) -> None:
    mine = await ours.login()
    for token in ("garbage", mine.refresh_token):
        with pytest.raises(AccessTokenInvalidError):
            await ours.passwords.change_password(token, PASSWORD, NEW, ORIGIN)


async def test_a_password_that_is_set_ends_every_session(ours: Accounts) -> None:
    pairs = [await ours.login() for _ in range(2)]

    revoked = await ours.passwords.set_password(ADA.user_id, NEW, ORIGIN)

    assert revoked == Revoked(sessions=2, effective_everywhere=True)
    assert [await is_good(ours, one) for one in pairs] == [False, False]
    await ours.login(NEW)


async def test_nobody_has_no_password(ours: Accounts) -> None:
    await MemoryUserDirectory(ours.authority.database).delete(ADA.user_id, ORIGIN)
    for user_id in (ADA.user_id, "u-nobody"):
        with pytest.raises(UserNotFoundError):
            await ours.passwords.set_password(user_id, NEW, ORIGIN)


class Deleting(MemoryPasswordStore):
    """The user goes between the token and the password."""

    async def username_of(self, user_id: str) -> str:
        raise UserNotFoundError(user_id)


async def test_who_was_deleted_just_now_has_no_good_token(ours: Accounts, here: Authority) -> None:
    mine = await ours.login()
    object.__setattr__(ours.passwords, "store", Deleting(here.database))
    with pytest.raises(AccessTokenInvalidError):
        await change(ours, mine)


class Renamed(MemoryLoginStore):
    """Somebody else, with the same password, got the name just now."""

    async def begin(self, attempt: Attempt, limits: LoginLimits) -> Begun | None:
        begun = await super().begin(attempt, limits)
        assert begun is not None
        assert begun.account is not None
        account = Account(user_id=BOB.user_id, password_hash=begun.account.password_hash, epoch=0)
        return Begun(attempt=attempt, account=account, known_source=False)


async def test_a_name_that_moved_on_meanwhile_changes_nobodys_password(here: Authority) -> None:
    await MemorySessionStore(here.database).create(new_session(BOB), LIFETIMES, ORIGIN)
    before = accounts_over(here)
    await before.ada()
    mine = await before.login()
    overtaken = accounts_over(here, logins=Renamed(here.database))
    began = overtaken.timer.now()
    with pytest.raises(InvalidCredentialsError):
        await change(overtaken, mine)
    # Not at once, which would tell that this is the other's password.
    assert overtaken.timer.now() - began == pytest.approx(FLOOR_SECONDS)
    assert here.database.users[BOB.user_id].password_hash is None
    await before.login()


class Overtaken(MemoryPasswordStore):
    """Another change comes first."""

    async def exchange(self, exchange: PasswordExchange, origin: Origin) -> int:
        del exchange, origin
        raise InvalidCredentialsError


async def test_who_is_overtaken_is_refused_at_the_floor(ours: Accounts, here: Authority) -> None:
    mine = await ours.login()
    object.__setattr__(ours.passwords, "store", Overtaken(here.database))
    before = ours.timer.now()
    with pytest.raises(InvalidCredentialsError):
        await change(ours, mine)
    assert ours.timer.now() - before == pytest.approx(FLOOR_SECONDS)
