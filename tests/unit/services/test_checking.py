"""Checking a password: what is counted, what is told, and when."""

import asyncio

import pytest
from support.account_use_cases import (
    LIMITS,
    PASSWORD,
    Accounts,
    CountingHasher,
    accounts_over,
)
from support.asking import ADA, NO_DEVICE, ORIGIN, PHONE
from support.use_cases import Authority
from support.waiting import until

from tokenauthority_server.adapters.memory import MemoryLoginStore, MemoryTimer
from tokenauthority_server.domain.errors import (
    AccountLockedError,
    InvalidCredentialsError,
    OverloadedError,
    RateLimitedError,
)
from tokenauthority_server.domain.logins import Attempt, Begun, LoginLimits
from tokenauthority_server.domain.passwords import Verification
from tokenauthority_server.domain.sessions import Device, Origin
from tokenauthority_server.services.checking import BUSY_ATTEMPTS, FLOOR_SECONDS, Proof
from tokenauthority_server.services.turns import Turns

WRONG = "the wrong password of her sister"


@pytest.fixture
async def ours(here: Authority) -> Accounts:
    ours = accounts_over(here)
    await ours.ada()
    return ours


async def check(
    ours: Accounts,
    password: str = WRONG,
    username: str = ADA.username,
    device: Device = NO_DEVICE,
    replacement: str | None = None,
) -> Proof:
    attempt = ours.checking.attempt(username, device, ORIGIN)
    return await ours.checking.proved(attempt, password, ORIGIN, replacement=replacement)


async def seconds_of(ours: Accounts, error: type[Exception], username: str) -> float:
    before = ours.timer.now()
    with pytest.raises(error):
        await check(ours, username=username)
    return ours.timer.now() - before


async def test_a_right_password_is_proved_at_once(ours: Accounts) -> None:
    before = ours.timer.now()
    proof = await check(ours, PASSWORD)
    assert proof.account.user_id == ADA.user_id
    assert proof.new_hash is None
    assert ours.timer.now() - before == pytest.approx(ours.hasher.seconds)


async def test_a_replacement_is_hashed(ours: Accounts) -> None:
    proof = await check(ours, PASSWORD, replacement="another password for her sister")
    assert proof.new_hash is not None
    found = await ours.hasher.verify("another password for her sister", proof.new_hash)
    assert found.right


@pytest.mark.parametrize("username", [ADA.username, "nobody", "without"])
async def test_all_that_is_wrong_is_answered_at_the_floor(ours: Accounts, username: str) -> None:
    assert await seconds_of(ours, InvalidCredentialsError, username) == pytest.approx(FLOOR_SECONDS)
    # Something is hashed for each.
    assert len(ours.hasher.checked) == 1


async def test_what_takes_longer_is_answered_at_the_next_floor(ours: Accounts) -> None:
    for seconds, floors in ((0.59, 1), (0.61, 2), (1.3, 3)):
        ours.hasher.seconds = seconds
        taken = await seconds_of(ours, InvalidCredentialsError, f"nobody {seconds}")
        assert taken == pytest.approx(floors * FLOOR_SECONDS)


@pytest.mark.parametrize("username", [ADA.username, "nobody"])
async def test_while_a_name_is_locked_nothing_is_hashed(ours: Accounts, username: str) -> None:
    for _ in range(LIMITS.failures):
        await seconds_of(ours, InvalidCredentialsError, username)
    ours.hasher.checked.clear()

    assert await seconds_of(ours, AccountLockedError, username) == pytest.approx(FLOOR_SECONDS)
    with pytest.raises(AccountLockedError):
        await check(ours, PASSWORD, username)

    assert ours.hasher.checked == []


async def test_names_are_counted_by_their_form_without_case_and_width(ours: Accounts) -> None:
    for username in ("ada", "ADA", "Ａda", "aDa", "adA"):  # noqa: RUF001
        with pytest.raises(InvalidCredentialsError):
            await check(ours, username=username)
    with pytest.raises(AccountLockedError):
        await check(ours, PASSWORD)


async def test_a_source_that_fails_at_many_names_is_slowed_at_the_floor_too(
    ours: Accounts,
) -> None:
    for number in range(LIMITS.source_failures + 1):
        with pytest.raises(InvalidCredentialsError):
            await check(ours, username=f"made up {number}", device=PHONE)
    before = ours.timer.now()
    with pytest.raises(RateLimitedError) as refused:
        await check(ours, username="another", device=PHONE)
    assert refused.value.retry_after_seconds == 1
    assert ours.timer.now() - before == pytest.approx(FLOOR_SECONDS)
    # It is the address of this caller that waits, not another one's.
    attempt = ours.checking.attempt("another", PHONE, Origin(caller="another shop"))
    with pytest.raises(InvalidCredentialsError):
        await ours.checking.proved(attempt, WRONG, ORIGIN)


def test_without_an_address_there_is_no_source(ours: Accounts) -> None:
    attempt = ours.checking.attempt("ada", NO_DEVICE, ORIGIN)
    assert (attempt.source, attempt.own) == (b"", b"")
    assert attempt.name == ours.checking.name_digest("ADA")


def test_a_source_is_a_caller_and_a_network(ours: Accounts) -> None:
    def source(address: str, caller: str = "shop") -> bytes:
        device = Device(device_id="any", ip_address=address)
        return ours.checking.attempt("ada", device, Origin(caller=caller)).source

    assert source("2001:db8::1") == source("2001:db8::2") != source("2001:db8:0:1::1")
    assert source("192.0.2.1") != source("192.0.2.2")
    assert source("192.0.2.1") != source("192.0.2.1", "another shop")


class BusyStore(MemoryLoginStore):
    """Other replicas have as many attempts under way as may fail, for a while."""

    times = 3

    async def begin(self, attempt: Attempt, limits: LoginLimits) -> Begun | None:
        if self.times:
            self.times -= 1
            return None
        return await super().begin(attempt, limits)


async def test_who_cannot_be_judged_yet_comes_again(here: Authority) -> None:
    store = BusyStore(here.database)
    ours = accounts_over(here, logins=store)
    await ours.ada()
    await check(ours, PASSWORD)
    store.times = BUSY_ATTEMPTS
    with pytest.raises(OverloadedError):
        await check(ours, PASSWORD)
    assert store.times == 0


async def test_who_goes_away_in_line_is_neither_counted_nor_hashed(ours: Accounts) -> None:
    async with ours.checking.turns.turn("before"):
        waiting = [asyncio.create_task(check(ours)) for _ in range(2 * LIMITS.failures)]
        await asyncio.sleep(0)
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
    assert ours.hasher.checked == []
    await check(ours, PASSWORD)


class SlowHasher(CountingHasher):
    """It comes to its end when it is told to."""

    def __init__(self, timer: MemoryTimer) -> None:
        super().__init__(timer)
        self.end = asyncio.Event()

    async def verify(self, password: str, stored: str | None) -> Verification:
        found = await super().verify(password, stored)
        await self.end.wait()
        return found


async def test_who_goes_away_while_it_is_looked_at_has_failed(here: Authority) -> None:
    # Else guesses would be free for whoever hangs up in time, or a lock would leave no event.
    hasher = SlowHasher(MemoryTimer())
    ours = accounts_over(here, hasher=hasher, turns=Turns(LIMITS.failures))
    await ours.ada()
    guesses = [asyncio.create_task(check(ours)) for _ in range(LIMITS.failures)]
    await until(lambda: len(hasher.checked) == LIMITS.failures)
    for guess in guesses:
        guess.cancel()
    await asyncio.sleep(0)
    # The thread is not free yet, and so the turn is nobody else's.
    assert not any(guess.done() for guess in guesses)
    hasher.end.set()
    await asyncio.wait(guesses)

    assert all(guess.cancelled() for guess in guesses)
    with pytest.raises(AccountLockedError):
        await check(ours)
    assert [one.kind for one in here.database.audit_events].count("login.locked") == 1


async def test_where_too_many_wait_nothing_is_counted(here: Authority) -> None:
    ours = accounts_over(here, turns=Turns(1, most_waiting=1))
    await ours.ada()
    async with ours.checking.turns.turn("before"):
        waiting = asyncio.create_task(check(ours, PASSWORD))
        await asyncio.sleep(0)
        for _ in range(2 * LIMITS.failures):
            with pytest.raises(OverloadedError):
                await check(ours)
    await waiting
    await check(ours, PASSWORD)


async def test_a_right_password_of_many_at_once_is_right_each_time(ours: Accounts) -> None:
    proofs = await asyncio.gather(*(ours.login() for _ in range(32)))
    assert len({one.session_id for one in proofs}) == 32
