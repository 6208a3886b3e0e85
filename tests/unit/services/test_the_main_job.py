"""A session from its creation to its end, through the use cases."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from support.asking import ADA, ORIGIN, PHONE
from support.use_cases import EVERYTHING, LEEWAY, Authority, authority

from tokenauthority_server.adapters.memory import MemoryDatabase
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.revocations import CheckSource, RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenPair,
    TokenRefusedError,
    TokenType,
)
from tokenauthority_server.services.validating import YIELD_EVERY, Validating

ASKED = CreateRequest(user_id=ADA.user_id, profile=ADA, device=PHONE, scope=("shop:read",))


@dataclass
class Counting:
    """A verifier that refuses all, and counts them."""

    asked: int = 0

    def verify(self, token: str) -> Claims:
        del token
        self.asked += 1
        raise TokenRefusedError(InactiveReason.MALFORMED)


@dataclass
class Forgetful:
    """A memory that knows nothing, and counts for how much it is asked."""

    asked: int = 0

    def recall(self, token: str) -> None:
        del token
        self.asked += 1

    def forget(self, token: str) -> None:
        """Go on knowing nothing."""


async def most_between_turns(
    counting: Counting | Forgetful, validating: Validating, lists: Sequence[Sequence[str]]
) -> int:
    """Have all lists validated at once; return for how much it was asked in one turn of others."""
    most = 0

    async def other() -> None:
        nonlocal most
        while True:
            before = counting.asked
            await asyncio.sleep(0)
            most = max(most, counting.asked - before)

    beside = asyncio.create_task(other())
    await asyncio.gather(
        *(validating.validate_many(one, TokenType.ACCESS, EVERYTHING) for one in lists)
    )
    beside.cancel()
    assert counting.asked == sum(map(len, lists))
    return most


async def create(here: Authority, request: CreateRequest = ASKED) -> TokenPair:
    return await here.issuing.create_pair(request, ORIGIN)


async def reason(here: Authority, token: str, expected: TokenType = TokenType.ACCESS) -> object:
    return (await here.validating.validate(token, expected, EVERYTHING)).reason


async def test_an_access_token_says_who_may_do_what(here: Authority) -> None:
    pair = await create(here)
    verdict = await here.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    assert verdict.reason is None
    assert verdict.source is CheckSource.DATABASE
    claims = verdict.claims
    assert claims is not None
    assert (claims.user_id, claims.username, claims.roles, claims.permissions) == (
        ADA.user_id,
        ADA.username,
        ADA.roles,
        ADA.permissions,
    )
    assert (claims.session_id, claims.device_id, claims.scope) == (
        pair.session_id,
        "phone",
        ("shop:read",),
    )
    assert claims.expire_time == pair.access_expire_time.timestamp()
    assert pair.expires_in in {1799, 1800}


async def test_each_token_is_good_only_as_what_it_is(here: Authority) -> None:
    pair = await create(here)
    assert await reason(here, pair.refresh_token, TokenType.REFRESH) is None
    assert await reason(here, pair.refresh_token) is InactiveReason.WRONG_TYPE
    assert await reason(here, pair.access_token, TokenType.REFRESH) is InactiveReason.WRONG_TYPE


async def test_an_access_token_expires_with_leeway(here: Authority) -> None:
    pair = await create(here)
    here.database.clock.advance(timedelta(minutes=30, seconds=LEEWAY - 2))
    assert await reason(here, pair.access_token) is None
    here.database.clock.advance(timedelta(seconds=2))
    assert await reason(here, pair.access_token) is InactiveReason.EXPIRED


async def test_a_token_from_the_future_is_not_valid_yet(here: Authority) -> None:
    pair = await create(here)
    here.database.clock.advance(timedelta(seconds=-LEEWAY - 2))
    assert await reason(here, pair.access_token) is InactiveReason.NOT_YET_VALID


async def test_many_tokens_are_answered_in_their_order(here: Authority) -> None:
    first, second = await create(here), await create(here)
    await here.revoking.revoke_token(first.access_token, RevocationReason.LOGOUT, ORIGIN)
    tokens = (first.access_token, "garbage", second.access_token, first.refresh_token)
    verdicts = await here.validating.validate_many(tokens, TokenType.ACCESS, EVERYTHING)
    assert [one.reason for one in verdicts] == [
        InactiveReason.TOKEN_REVOKED,
        InactiveReason.MALFORMED,
        None,
        InactiveReason.WRONG_TYPE,
    ]
    assert verdicts[0].revocation_reason is RevocationReason.LOGOUT
    assert verdicts[1].source is None


async def test_a_long_list_lets_others_have_their_turn(here: Authority) -> None:
    long = asyncio.create_task(
        here.validating.validate_many(["garbage"] * (YIELD_EVERY + 1), TokenType.ACCESS, EVERYTHING)
    )
    await asyncio.sleep(0)
    assert not long.done()
    assert len(await long) == YIELD_EVERY + 1


async def test_many_long_lists_keep_others_waiting_no_longer_than_one(here: Authority) -> None:
    verifier = Counting()
    validating = replace(here.validating, verifier=verifier)
    lists = [["garbage"] * (3 * YIELD_EVERY)] * 10
    assert await most_between_turns(verifier, validating, lists) <= YIELD_EVERY


async def test_many_long_lists_are_looked_up_one_at_a_time(here: Authority) -> None:
    # Guard: without it a hundred lists of remembered tokens kept all others waiting for 0.3 s.
    memory = Forgetful()
    validating = replace(here.validating, memory=memory, verifier=Counting())
    lists = [["garbage"] * (3 * YIELD_EVERY)] * 10
    assert await most_between_turns(memory, validating, lists) <= 3 * YIELD_EVERY


async def test_one_token_waits_for_no_list(here: Authority) -> None:
    pair = await create(here)
    validating = here.validating
    async with validating.turn, validating.recalling, asyncio.timeout(5):
        assert await reason(here, pair.access_token) is None
        assert await reason(here, "garbage") is InactiveReason.MALFORMED
        # A short list is looked up at once, too.
        known = await validating.validate_many([pair.access_token], TokenType.ACCESS, EVERYTHING)
    assert [one.reason for one in known] == [None]


async def test_asking_for_nothing_gets_nothing(here: Authority) -> None:
    assert list(await here.validating.validate_many((), TokenType.ACCESS, EVERYTHING)) == []


async def test_a_refresh_hands_out_the_successor_and_takes_the_parent_out(here: Authority) -> None:
    pair = await create(here)
    refreshed = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert not refreshed.replayed
    assert await reason(here, refreshed.pair.access_token) is None
    assert await reason(here, refreshed.pair.refresh_token, TokenType.REFRESH) is None
    assert await reason(here, pair.refresh_token, TokenType.REFRESH) is InactiveReason.TOKEN_REVOKED
    assert await reason(here, pair.access_token) is None


async def test_a_replay_has_the_same_ids_times_and_claims(here: Authority) -> None:
    pair = await create(here)
    first = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    here.database.clock.advance(timedelta(seconds=10))
    again = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert again.replayed
    for one, other in (
        (first.pair.access_token, again.pair.access_token),
        (first.pair.refresh_token, again.pair.refresh_token),
    ):
        assert here.codec.verify(one) == here.codec.verify(other)
    assert again.pair.expires_in == first.pair.expires_in - 10


async def test_reuse_ends_the_session(here: Authority) -> None:
    pair = await create(here)
    chain = [pair.refresh_token]
    for _ in range(3):
        chain.append((await here.refreshing.refresh(chain[-1], PHONE, ORIGIN)).pair.refresh_token)
    assert len({here.codec.verify(one).token_id for one in chain}) == len(chain)
    assert all(one != other for one, other in pairwise(chain))
    with pytest.raises(errors.RefreshTokenReusedError):
        await here.refreshing.refresh(chain[0], PHONE, ORIGIN)
    with pytest.raises(errors.SessionEndedError):
        await here.refreshing.refresh(chain[-1], PHONE, ORIGIN)
    verdict = await here.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    assert verdict.reason is InactiveReason.SESSION_REVOKED
    assert verdict.revocation_reason is RevocationReason.REUSE_DETECTED


@pytest.mark.parametrize("kind", ["garbage", "access"])
async def test_only_a_refresh_token_refreshes(here: Authority, kind: str) -> None:
    token = (await create(here)).access_token if kind == "access" else "garbage"
    with pytest.raises(errors.RefreshTokenInvalidError):
        await here.refreshing.refresh(token, Device(), ORIGIN)


async def test_revoking_an_access_token_kills_it_alone(here: Authority) -> None:
    pair = await create(here)
    done = await here.revoking.revoke_token(pair.access_token, RevocationReason.LOGOUT, ORIGIN)
    assert (done.sessions, done.tokens, done.effective_everywhere) == (0, 1, True)
    assert await reason(here, pair.access_token) is InactiveReason.TOKEN_REVOKED
    refreshed = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert await reason(here, refreshed.pair.access_token) is None


async def test_revoking_any_refresh_token_of_a_session_ends_it(here: Authority) -> None:
    pair = await create(here)
    refreshed = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    done = await here.revoking.revoke_token(pair.refresh_token, RevocationReason.LOGOUT, ORIGIN)
    assert (done.sessions, done.tokens) == (1, 0)
    assert await reason(here, refreshed.pair.access_token) is InactiveReason.SESSION_REVOKED
    again = await here.revoking.revoke_token(pair.refresh_token, RevocationReason.LOGOUT, ORIGIN)
    assert (again.sessions, again.tokens, again.effective_everywhere) == (0, 0, True)


async def test_revoking_garbage_is_fine(here: Authority) -> None:
    done = await here.revoking.revoke_token("garbage", RevocationReason.LOGOUT, ORIGIN)
    assert (done.sessions, done.tokens, done.effective_everywhere) == (0, 0, True)


async def test_revoking_a_session_and_a_user(here: Authority) -> None:
    first, second, kept = await create(here), await create(here), await create(here)
    done = await here.revoking.revoke_session(first.session_id, RevocationReason.ADMIN, ORIGIN)
    assert done.sessions == 1
    done = await here.revoking.revoke_user(
        ADA.user_id, kept.session_id, RevocationReason.LOGOUT_ALL, ORIGIN
    )
    assert done.sessions == 1
    assert await reason(here, first.access_token) is InactiveReason.SESSION_REVOKED
    assert await reason(here, second.access_token) is InactiveReason.USER_REVOKED
    assert await reason(here, kept.access_token) is None


async def test_sessions_are_listed_page_by_page(here: Authority) -> None:
    pairs = []
    for _ in range(3):
        pairs.append(await create(here))
        here.database.clock.advance(timedelta(seconds=1))
    last_use = here.database.clock.now() + timedelta(minutes=1)
    here.activity.record(ADA.user_id, pairs[0].session_id, last_use)
    first = await here.listing.list_sessions(ADA.user_id, 2, "")
    second = await here.listing.list_sessions(ADA.user_id, 2, first.next_page_token)
    listed = [*first.sessions, *second.sessions]
    assert [one.session_id for one in listed] == [one.session_id for one in reversed(pairs)]
    assert second.next_page_token == ""
    assert listed[2].last_activity_time == last_use
    assert listed[1].last_activity_time == listed[1].create_time


async def test_a_page_token_is_for_its_request_alone(here: Authority) -> None:
    await create(here)
    await create(here)
    token = (await here.listing.list_sessions(ADA.user_id, 1, "")).next_page_token
    for user_id, given in ((ADA.user_id, token[:-1] + "~"), ("u-bob", token)):
        with pytest.raises(errors.InvalidRequestError) as refused:
            await here.listing.list_sessions(user_id, 1, given)
        assert [one.field for one in refused.value.violations] == ["page_token"]


async def test_the_same_request_id_gets_the_same_pair(here: Authority) -> None:
    request = CreateRequest(user_id=ADA.user_id, profile=ADA, request_id="r-1")
    first, again = await create(here, request), await create(here, request)
    assert first.session_id == again.session_id
    assert here.codec.verify(first.access_token) == here.codec.verify(again.access_token)
    assert here.codec.verify(first.refresh_token) == here.codec.verify(again.refresh_token)


async def test_what_no_token_holds_is_refused_before_anything_is_done(here: Authority) -> None:
    request = CreateRequest(
        user_id=ADA.user_id, profile=ADA, scope=tuple(f"{n:0128}" for n in range(64))
    )
    with pytest.raises(errors.ProfileTooLargeError):
        await create(here, request)
    assert ADA.user_id not in here.database.users


async def test_a_process_that_lacks_the_key_of_a_replay_says_ask_another() -> None:
    database = MemoryDatabase()
    old, new = bytes(range(32)), bytes(range(32, 64))
    before = await authority(database, EncryptionKeys([old]))
    after = await authority(database, EncryptionKeys([new, old]))
    pair = await create(before)
    refreshed = await after.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    with pytest.raises(errors.StoreUnavailableError):
        await before.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    again = await after.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert again.replayed
    assert after.codec.verify(again.pair.access_token) == after.codec.verify(
        refreshed.pair.access_token
    )


async def test_the_other_way_round_every_process_can_answer() -> None:
    database = MemoryDatabase()
    old, new = bytes(range(32)), bytes(range(32, 64))
    before = await authority(database, EncryptionKeys([old, new]))
    after = await authority(database, EncryptionKeys([new, old]))
    pair = await create(before)
    first = await before.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    again = await after.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert again.replayed
    assert after.codec.verify(again.pair.access_token) == after.codec.verify(
        first.pair.access_token
    )
