"""The session of a password that was right."""

from datetime import timedelta

import pytest
from support.asking import ADA, MAY_NOT, ORIGIN, access_claims, new_session
from support.logins import (
    AWAY,
    HASH,
    HOME,
    LIMITS,
    attempt_at,
    begin,
    exchange,
    exchange_of,
    fail,
    log_in,
    open_session,
    with_password,
)
from support.racing import race
from support.steps import death, live_session_ids, revoke_key
from support.stores import Status, Stores

from tokenauthority_server.domain.errors import (
    AccountDisabledError,
    InvalidCredentialsError,
    ProfileTooLargeError,
    SessionLimitReachedError,
    SigningKeyRevokedError,
)
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import SessionCap

ROUNDS = 30


async def test_a_login_opens_a_session_and_is_noted(stores: Stores) -> None:
    await with_password(stores)
    before = await stores.records.audit_kinds(ADA.user_id)

    grant = await log_in(stores, attempt_at(address=HOME))

    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}
    assert (grant.profile, grant.device_id, grant.epoch) == (ADA, "phone", 1)
    assert await death(stores, access_claims(grant)) is None
    last = await stores.records.last_login(ADA.user_id)
    assert last is not None
    assert abs(last - grant.now) < timedelta(seconds=1)
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds == sorted([*before, "login.succeeded", "session.created"])
    counted = await stores.records.metrics(ADA.user_id)
    assert counted["phone", "logins"] == 1


async def test_a_hash_is_renewed_by_the_login(stores: Stores) -> None:
    await with_password(stores)
    first, second = [await begin(stores, attempt_at()) for _ in range(2)]

    await open_session(stores, first, new_hash="renewed")
    # The other one has checked the hash of before: the same password all the same.
    await open_session(stores, second, new_hash="renewed again")

    assert await stores.records.password_hash(ADA.user_id) == "renewed"
    assert len(await live_session_ids(stores, ADA.user_id)) == 2


async def test_without_a_new_hash_the_old_one_stays(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, attempt_at())
    assert await stores.records.password_hash(ADA.user_id) == HASH


async def test_a_password_that_was_exchanged_meanwhile_opens_nothing(stores: Stores) -> None:
    await with_password(stores)
    begun = await begin(stores, attempt_at())
    await exchange(stores, exchange_of())

    with pytest.raises(InvalidCredentialsError):
        await open_session(stores, begun, new_hash="renewed")

    assert await live_session_ids(stores, ADA.user_id) == set()
    assert await stores.records.password_hash(ADA.user_id) == "a new hash"
    assert await stores.records.last_login(ADA.user_id) is None


async def test_no_session_survives_the_exchange_of_its_password(stores: Stores) -> None:
    await with_password(stores)
    for number in range(ROUNDS):
        begun = [await begin(stores, attempt_at()) for _ in range(3)]
        change = exchange_of(new_hash=f"hash {number}")
        await race(exchange(stores, change), *(open_session(stores, one) for one in begun))
        assert await live_session_ids(stores, ADA.user_id) == set()


async def test_a_logout_everywhere_meanwhile_is_no_other_password(stores: Stores) -> None:
    await with_password(stores)
    begun = await begin(stores, attempt_at())
    await stores.revoker.end_user_sessions(ADA.user_id, "", RevocationReason.LOGOUT_ALL, ORIGIN)

    grant = await open_session(stores, begun)

    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}


@pytest.mark.parametrize(("status", "locked_for"), MAY_NOT)
async def test_who_may_not_is_told_after_the_password(
    stores: Stores, status: Status, locked_for: timedelta | None
) -> None:
    await with_password(stores)
    await fail(stores, attempt_at(), LIMITS.failures - 1)
    begun = await begin(stores, attempt_at())
    await stores.records.set_status(ADA.user_id, status, locked_for)
    before = await stores.records.audit_kinds(ADA.user_id)
    counted = (await stores.records.metrics(ADA.user_id))["phone", "failed_logins"]

    with pytest.raises(AccountDisabledError):
        await open_session(stores, begun)

    assert await stores.records.last_login(ADA.user_id) is None
    # Somebody knows the password of a user who must not be there.
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds == sorted([*before, "login.failed"])
    after = (await stores.records.metrics(ADA.user_id))["phone", "failed_logins"]
    assert after == counted + 1
    # The password was right, so that nobody guesses here.
    await begin(stores, attempt_at())


async def test_a_deleted_user_is_nobody(stores: Stores) -> None:
    await with_password(stores)
    begun = await begin(stores, attempt_at())
    await stores.directory.delete(ADA.user_id, ORIGIN)
    with pytest.raises(InvalidCredentialsError):
        await open_session(stores, begun)
    assert (await begin(stores, attempt_at())).account is None


async def test_what_a_creation_refuses_a_login_does_too(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, attempt_at())
    begun = await begin(stores, attempt_at(address=AWAY))
    small = new_session(ADA.user_id, profile_budget=10)
    with pytest.raises(ProfileTooLargeError):
        await open_session(stores, begun, new=small)
    capped = new_session(ADA.user_id, cap=SessionCap(sessions=1, evicts=False))
    with pytest.raises(SessionLimitReachedError):
        await open_session(stores, begun, new=capped)
    assert await stores.records.known_sources(ADA.user_id) == 0

    evicting = new_session(ADA.user_id, cap=SessionCap(sessions=1))
    grant = await open_session(stores, begun, new=evicting)

    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}


async def test_a_revoked_key_signs_no_login(stores: Stores) -> None:
    await with_password(stores)
    await revoke_key(stores, "stolen")
    begun = await begin(stores, attempt_at())
    with pytest.raises(SigningKeyRevokedError):
        await open_session(stores, begun, new=new_session(ADA.user_id, key_id="stolen"))
    await open_session(stores, begun)
