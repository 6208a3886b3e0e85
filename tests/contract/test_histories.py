"""The memory form and the real store, told the same random history, answer alike at every step.

The suites name the rules one by one; this looks for what their mixture does.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from support.asking import (
    ADA,
    BOB,
    LAPTOP,
    NO_DEVICE,
    ORIGIN,
    PHONE,
    access_claims,
    new_session,
    refresh_claims,
    rotation_of,
)
from support.memory_stores import memory_stores
from support.stores import Stores

from tokenauthority_server.domain.errors import AuthorityError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Grant, Lifetimes
from tokenauthority_server.domain.tokens import Claims
from tokenauthority_server.domain.users import Profile, UserStatus

LIFETIMES = Lifetimes(
    access=timedelta(minutes=30),
    refresh=timedelta(minutes=45),
    session=timedelta(minutes=100),
    grace=timedelta(seconds=30),
)
NAMESAKE = Profile(user_id="u-namesake", username=ADA.username)
USERS = [ADA, BOB, NAMESAKE]
STATUSES = [UserStatus.DISABLED, UserStatus.LOCKED, UserStatus.DELETED, *[UserStatus.ACTIVE] * 6]
STEPS = 80


@dataclass
class Told:
    """A store and what it has granted, with the time that had been let pass by then."""

    stores: Stores
    moves_rows: bool
    passed: timedelta = timedelta()
    grants: list[tuple[Grant, timedelta]] = field(default_factory=list)

    async def advance(self, by: timedelta) -> None:
        self.passed += by
        await self.stores.advance(by)

    def keep(self, grant: Grant) -> object:
        """Keep a grant; return what of it has to be the same in every store."""
        self.grants.append((grant, self.passed))
        lifetime = grant.refresh_expire_time - grant.issue_time
        return (
            *(grant.session_id, grant.refresh_fingerprint, grant.generation, grant.replayed),
            *(grant.profile, grant.profile_epoch, grant.device_id, grant.scope, grant.key_id),
            grant.access_expire_time - grant.issue_time > timedelta(minutes=29),
            # The clocks are a part of a second apart, which an absolute end shows.
            round(lifetime / timedelta(minutes=1)),
        )

    def claims(self, number: int) -> Claims:
        """What the access token says; where rows are moved into the past, so is the token."""
        grant, at = self.grants[number]
        claims = access_claims(grant)
        moved = int((self.passed - at).total_seconds()) if self.moves_rows else 0
        return replace(claims, expire_time=claims.expire_time - moved)


Step = Callable[[Told], Awaitable[object]]


def creation(choice: random.Random) -> Step:
    user = choice.choice([ADA, ADA, BOB, BOB, NAMESAKE])
    roles = choice.choice([user.roles, user.roles, (), ("editor", "owner")])
    by: Profile | str = choice.choice([user, user, replace(user, roles=roles)])
    budget = 6_000
    if choice.random() < 0.3:
        by, budget = user.user_id, choice.choice([6_000, 6_000, 100])
    new = new_session(
        by,
        device=choice.choice([PHONE, PHONE, LAPTOP, NO_DEVICE]),
        request_id=choice.choice(["", "r-1", "r-1"]),
        profile_budget=budget,
    )

    async def step(told: Told) -> object:
        return told.keep(await told.stores.sessions.create(new, LIFETIMES, ORIGIN))

    return step


def rotation(choice: random.Random, number: int) -> Step:
    device = choice.choice([NO_DEVICE, NO_DEVICE, PHONE, LAPTOP])
    budget = choice.choice([6_000, 6_000, 6_000, 100])

    async def step(told: Told) -> object:
        wanted = rotation_of(told.grants[number][0], device=device, profile_budget=budget)
        return told.keep(await told.stores.sessions.rotate(wanted, LIFETIMES, ORIGIN))

    return step


def revocation(choice: random.Random, number: int) -> Step:
    reason = choice.choice([RevocationReason.LOGOUT, RevocationReason.ADMIN])
    how = choice.choice(["token", "token", "session", "session", "user", "others"])

    async def step(told: Told) -> object:
        revoker, (grant, _) = told.stores.revoker, told.grants[number]
        user_id, session_id = grant.profile.user_id, grant.session_id
        if how == "token":
            return await revoker.revoke_token(told.claims(number), reason, ORIGIN)
        if how == "session":
            return await revoker.end_session(session_id, None, reason, ORIGIN)
        kept = session_id if how == "others" else ""
        return await revoker.end_user_sessions(user_id, kept, reason, ORIGIN)

    return step


def passing(choice: random.Random) -> Step:
    by = timedelta(seconds=choice.choice([11, 7 * 60, 7 * 60]))

    async def step(told: Told) -> object:
        await told.advance(by)
        return None

    return step


def new_status(choice: random.Random, user_id: str) -> Step:
    status = choice.choice(STATUSES)
    locked_for = choice.choice([None, timedelta(minutes=10)])

    async def step(told: Told) -> object:
        directory = told.stores.directory
        if status is UserStatus.DELETED:
            return await directory.delete(user_id, ORIGIN)
        until = await told.stores.records.now() + locked_for if locked_for else None
        return await directory.set_status(user_id, status, until, ORIGIN)

    return step


def any_step(choice: random.Random, grants: list[tuple[Grant, timedelta]]) -> Step:
    if not grants or choice.random() < 0.2:
        return creation(choice)
    number = choice.randrange(max(0, len(grants) - 8), len(grants))
    kind = choice.random()
    if kind < 0.6:
        return rotation(choice, number)
    if kind < 0.7:
        return revocation(choice, number)
    if kind < 0.95:
        return passing(choice)
    return new_status(choice, grants[number][0].profile.user_id)


async def outcome(step: Step, told: Told) -> object:
    try:
        return await step(told)
    except AuthorityError as error:
        return type(error)


async def state(told: Told) -> dict[str, object]:
    """All that can be seen: what lives, why the rest is dead, and what was written."""
    stores = told.stores
    claims = [told.claims(number) for number in range(len(told.grants))]
    refresh = [refresh_claims(grant) for grant, _ in told.grants]
    seen: dict[str, object] = {
        "access": list((await stores.view.check(claims)).deaths),
        "refresh": list(await stores.sessions.refresh_token_deaths(refresh)),
    }
    for user in USERS:
        page = await stores.sessions.page(user.user_id, 1_000, None)
        seen[user.user_id] = (
            {(one.session_id, one.device, one.scope) for one in page.sessions},
            await stores.records.facts(user.user_id),
            await stores.records.metrics(user.user_id),
            await stores.records.audit_kinds(user.user_id),
            await two_days(stores, user.user_id),
        )
    seen["all"] = await two_days(stores, "")
    return seen


async def two_days(stores: Stores, user_id: str) -> tuple[list[int], int]:
    """What was counted today and yesterday, should midnight have passed, and what lives now."""
    today = (await stores.records.now()).date()
    await stores.counts.count_live_sessions(timedelta())
    days = [
        await stores.counts.read(day, user_id, "") for day in (today, today - timedelta(days=1))
    ]
    (live,) = {day.live_sessions.count for day in days if day.live_sessions is not None}
    counted = [
        sum(getattr(day, name) for day in days)
        for name in ("created", "refreshed", "revoked", "bulk_revoked", "reuse_detected")
    ]
    return counted, live


@pytest.mark.parametrize("seed", range(12))
async def test_both_forms_answer_alike(postgres: Stores, seed: int) -> None:
    choice = random.Random(seed)  # noqa: S311 - the same histories in every run
    memory = Told(memory_stores(), moves_rows=False)
    real = Told(postgres, moves_rows=True)
    for number in range(STEPS):
        step = any_step(choice, memory.grants)
        assert await outcome(step, memory) == await outcome(step, real), f"step {number}"
    assert await state(memory) == await state(real)
