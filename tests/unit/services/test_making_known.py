"""Whatever is revoked, and was committed, the verifiers are told: by all that revokes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from support.account_use_cases import PASSWORD, Accounts, accounts_over
from support.administration import administration
from support.asking import ADA, BOB, LAPTOP, ORIGIN, PHONE

from tokenauthority_server.adapters.legacy.memory import MemoryDatedFacts
from tokenauthority_server.adapters.legacy.revoker import LegacyRevoker
from tokenauthority_server.adapters.memory import MemoryPropagation, MemorySessionRevoker
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.revocations import About, RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria
from tokenauthority_server.domain.sessions import CreateRequest, SessionCap
from tokenauthority_server.domain.tokens import Claims, TokenPair
from tokenauthority_server.domain.users import UserStatus
from tokenauthority_server.services.revoking import Revoked
from tokenauthority_server.transport.admin.use_cases import AdminUseCases

ADMIN = RevocationReason.ADMIN
NEW = "another password of the same sister"
NO_RIGHTS = replace(ADA, roles=(), permissions=())
ASKED = CreateRequest(user_id=ADA.user_id, profile=ADA, device=PHONE)
GRACE = timedelta(seconds=31)


@dataclass(frozen=True)
class Here:
    """A process of the authority, and a pair of Ada's with what its access token says."""

    accounts: Accounts
    admin: AdminUseCases
    pair: TokenPair
    claims: Claims

    @property
    def propagation(self) -> MemoryPropagation:
        return self.accounts.authority.propagation

    @property
    def is_known(self) -> bool:
        """Whether the verifiers refuse the pair's access token."""
        return self.propagation.death(self.claims) is not None

    def forget(self) -> None:
        """Let the verifiers be as if whoever revoked before had not come to telling them."""
        self.propagation.forget()


@pytest.fixture
async def here() -> Here:
    administering = await administration()
    accounts = accounts_over(administering.authority)
    await accounts.ada()
    pair = await accounts.login()
    claims = administering.authority.codec.verify(pair.access_token)
    accounts.authority.propagation.forget()
    return Here(accounts, administering.use_cases, pair, claims)


async def revoke_token(here: Here) -> bool:
    return effective(
        await here.accounts.authority.revoking.revoke_token(here.pair.access_token, ADMIN, ORIGIN)
    )


async def revoke_refresh_token(here: Here) -> bool:
    return effective(
        await here.accounts.authority.revoking.revoke_token(here.pair.refresh_token, ADMIN, ORIGIN)
    )


async def revoke_session(here: Here) -> bool:
    return effective(
        await here.accounts.authority.revoking.revoke_session(here.pair.session_id, ADMIN, ORIGIN)
    )


async def revoke_user(here: Here) -> bool:
    return effective(
        await here.accounts.authority.revoking.revoke_user(ADA.user_id, "", ADMIN, ORIGIN)
    )


async def log_out(here: Here) -> bool:
    return effective(await here.accounts.logging_out.logout(here.pair.refresh_token, ORIGIN))


async def log_out_all(here: Here) -> bool:
    token = (await here.accounts.login(device=LAPTOP)).access_token
    return effective(await here.accounts.logging_out.logout_all(token, ORIGIN, keep_current=True))


async def set_password(here: Here) -> bool:
    return effective(await here.accounts.passwords.set_password(ADA.user_id, PASSWORD, ORIGIN))


async def change_password(here: Here) -> bool:
    token = (await here.accounts.login(device=LAPTOP)).access_token
    return effective(await here.accounts.passwords.change_password(token, PASSWORD, NEW, ORIGIN))


async def disable(here: Here) -> bool:
    return effective(
        await here.admin.statuses.set_status(ADA.user_id, UserStatus.DISABLED, None, ORIGIN)
    )


async def delete(here: Here) -> bool:
    return effective(await here.admin.statuses.delete(ADA.user_id, ORIGIN))


async def put(here: Here) -> bool:
    return (await here.admin.users.put(NO_RIGHTS, ORIGIN)).effective_everywhere


async def revoke_key(here: Here) -> bool:
    key_id = here.claims.key_id
    return (await here.admin.keys.revoke(key_id, ORIGIN)).effective_everywhere


async def revoke_key_elsewhere(here: Here) -> bool:
    key_id = here.claims.key_id
    return (await here.admin.keys.revoke_elsewhere(key_id, ORIGIN)).effective_everywhere


async def end_sessions(here: Here) -> bool:
    criteria = SessionCriteria(device_id="phone")
    done = await here.admin.ending.revoke(criteria, ADMIN, ORIGIN, dry_run=False)
    return done.effective_everywhere


def effective(done: Revoked) -> bool:
    return done.effective_everywhere


Ending = Callable[[Here], Awaitable[bool]]
ENDINGS: list[Ending] = [
    revoke_token,
    revoke_refresh_token,
    revoke_session,
    revoke_user,
    log_out,
    log_out_all,
    set_password,
    change_password,
    disable,
    delete,
    put,
    revoke_key,
    revoke_key_elsewhere,
    end_sessions,
]
FINDING_NOTHING = {log_out_all, change_password, end_sessions}
"""These need a token that lives, or sessions that do."""


def named(ending: Ending) -> str:
    return getattr(ending, "__name__", "")


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
async def test_what_is_revoked_is_known(here: Here, ending: Ending) -> None:
    # Before the commit there would have been nothing to tell.
    assert await ending(here)
    assert here.is_known


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
async def test_what_is_not_known_everywhere_is_not_promised(here: Here, ending: Ending) -> None:
    here.propagation.reaches = False
    assert not await ending(here)


@pytest.mark.parametrize(
    "ending", [one for one in ENDINGS if one not in FINDING_NOTHING], ids=named
)
async def test_what_was_dead_before_is_made_known_as_well(here: Here, ending: Ending) -> None:
    # Whoever revoked it first may have died on the way, or still be on it.
    await ending(here)
    here.forget()
    assert await ending(here)
    assert here.is_known


@pytest.mark.parametrize("before", [revoke_user, disable, put, revoke_key_elsewhere], ids=named)
@pytest.mark.parametrize(
    "ending", [revoke_token, revoke_refresh_token, revoke_session, log_out], ids=named
)
async def test_so_is_what_it_died_of(here: Here, before: Ending, ending: Ending) -> None:
    await before(here)
    here.forget()
    assert await ending(here)
    assert here.is_known


async def test_a_token_of_a_revoked_key_is_known_to_be_dead_by_it(here: Here) -> None:
    await revoke_key(here)
    await here.accounts.authority.rotation.tick()
    here.forget()
    for token in (here.pair.refresh_token, here.pair.access_token):
        done = await here.accounts.authority.revoking.revoke_token(token, ADMIN, ORIGIN)
        assert done == Revoked(effective_everywhere=True)
        assert here.is_known
        here.forget()


async def test_nothing_is_known_of_what_nobody_revoked(here: Here) -> None:
    revoking = here.accounts.authority.revoking
    assert (await revoking.revoke_session("sess_unknown", ADMIN, ORIGIN)).effective_everywhere
    assert (await revoking.revoke_user(BOB.user_id, "", ADMIN, ORIGIN)).effective_everywhere
    assert not here.is_known


async def test_a_user_whom_only_old_tokens_know_is_told_of_too(here: Here) -> None:
    authority = here.accounts.authority
    old = replace(here.claims, user_id=BOB.user_id, key_id="legacy", epoch=-1)
    facts = MemoryDatedFacts(here.accounts.authority.database)
    revoking = replace(authority.revoking, revoker=LegacyRevoker(authority.revoking.revoker, facts))
    await revoking.revoke_user(BOB.user_id, "", ADMIN, ORIGIN)
    assert here.propagation.death(old) is not None


async def test_sessions_that_a_dry_run_counts_are_nothing_to_wait_for(here: Here) -> None:
    here.propagation.reaches = False
    for criteria, dry_run in (
        (SessionCriteria(device_id="phone"), True),
        (SessionCriteria(device_id="unknown"), False),
    ):
        done = await here.admin.ending.revoke(criteria, ADMIN, ORIGIN, dry_run=dry_run)
        assert done.effective_everywhere
    assert not here.is_known


async def test_a_reuse_is_published_and_any_other_refusal_is_not(here: Here) -> None:
    authority = here.accounts.authority
    await authority.refreshing.refresh(here.pair.refresh_token, PHONE, ORIGIN)
    authority.database.clock.advance(GRACE)
    with pytest.raises(errors.RefreshTokenReusedError):
        await authority.refreshing.refresh(here.pair.refresh_token, PHONE, ORIGIN)
    await here.propagation.settle(About())
    assert here.is_known
    here.forget()
    with pytest.raises(errors.SessionEndedError):
        await authority.refreshing.refresh(here.pair.refresh_token, PHONE, ORIGIN)
    await here.propagation.settle(About())
    assert not here.is_known


async def test_a_right_that_a_new_pair_takes_away_is_published(here: Here) -> None:
    authority = here.accounts.authority
    await authority.issuing.create_pair(ASKED, ORIGIN)
    await here.propagation.settle(About())
    assert not here.is_known
    await authority.issuing.create_pair(replace(ASKED, profile=NO_RIGHTS), ORIGIN)
    await here.propagation.settle(About())
    assert here.is_known


@pytest.mark.parametrize("opening", ["create_pair", "login"])
async def test_a_session_that_has_to_go_is_known_soon(here: Here, opening: str) -> None:
    issuing = replace(here.accounts.authority.issuing, cap=SessionCap(sessions=1, evicts=True))
    here.accounts.authority.database.clock.advance(timedelta(seconds=1))
    if opening == "login":
        logging_in = replace(here.accounts.logging_in, issuing=issuing)
        await replace(here.accounts, logging_in=logging_in).login(device=LAPTOP)
    else:
        await issuing.create_pair(replace(ASKED, profile=None), ORIGIN)
    assert here.is_known


async def test_a_pair_that_can_end_nothing_says_nothing(here: Here) -> None:
    authority = here.accounts.authority
    await MemorySessionRevoker(authority.database).end_session(
        here.pair.session_id, None, ADMIN, ORIGIN
    )
    await authority.issuing.create_pair(replace(ASKED, profile=None), ORIGIN)
    await here.accounts.login()
    assert not here.is_known


async def test_the_keys_of_a_successor_are_untouched(here: Here) -> None:
    await revoke_key(here)
    states = {key.key_id: key.state for key in await here.admin.keys.list_keys()}
    assert states[here.claims.key_id] is KeyState.REVOKED
    successor = next(one for one, state in states.items() if state is KeyState.ACTIVE)
    assert here.propagation.death(replace(here.claims, key_id=successor)) is None
