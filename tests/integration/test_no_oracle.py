"""Who may not see reasons learns none: neither from what is said nor from when."""

import statistics
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

import pytest
from support.asking import ADA, LIFETIMES, ORIGIN, new_session, refresh_token_id
from unit.adapters.forging import CODEC, KEY, RING

from tokenauthority_server.adapters.clock import SystemClock
from tokenauthority_server.adapters.jwt.verified import VerifiedTokens
from tokenauthority_server.adapters.memory import MemoryActivityLog
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revocations import (
    DatabaseView,
    PostgresSessionRevoker,
)
from tokenauthority_server.adapters.postgres.sessions import PostgresSessionStore
from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenType
from tokenauthority_server.services.validating import Validating, Verdict

NOTHING = Rights()
EVERYTHING = Rights(see_reasons=True)
ROUNDS = 400
NOISE = 1.5
"""By which the slowest kind may be slower than the quickest. Seen: 1.04 to 1.15; and without the
question for the refused ones 2.5."""


class NoUpdates:
    """All keys are known here."""

    async def catch_up(self) -> None:
        """Return at once."""


@dataclass(frozen=True)
class Here:
    """Validating over PostgreSQL, and tokens of one length that are good or dead in many ways."""

    validating: Validating
    database: Database
    good: str
    dead: Mapping[InactiveReason, str]

    async def verdict(self, token: str, rights: Rights) -> Verdict:
        return await self.validating.validate(token, TokenType.ACCESS, rights)


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Here]:
    database = Database(database_url)
    await database.open()
    sessions, revoker = PostgresSessionStore(database), PostgresSessionRevoker(database)
    now = int(SystemClock().now().timestamp())

    async def claims(user_id: str, **changes: object) -> Claims:
        asked = new_session(replace(ADA, user_id=user_id, username=user_id), key_id=KEY.key_id)
        grant = await sessions.create(asked, LIFETIMES, ORIGIN)
        made = Claims(
            token_type=TokenType.ACCESS,
            user_id=user_id,
            session_id=grant.session_id,
            token_id=f"{refresh_token_id('', 0)} {user_id}".ljust(43, "-"),
            issue_time=now,
            expire_time=now + 600,
            epoch=grant.epoch,
            key_id=KEY.key_id,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    good, token, session, user, expired, early = [
        await claims(f"u-{number}", **changes)
        for number, changes in enumerate(
            [
                {},
                {},
                {},
                {},
                {"issue_time": now - 900, "expire_time": now - 600},
                {"issue_time": now + 600, "expire_time": now + 900},
            ]
        )
    ]
    await revoker.revoke_token(token, RevocationReason.LOGOUT, ORIGIN)
    await revoker.end_session(session.session_id, None, RevocationReason.LOGOUT, ORIGIN)
    await revoker.end_user_sessions(user.user_id, "", RevocationReason.LOGOUT, ORIGIN)
    text = CODEC.sign(good)
    header, payload, signature = text.split(".")
    other = CODEC.sign(token).split(".")[2]
    memory = VerifiedTokens(CODEC, RING)
    yield Here(
        validating=Validating(
            verifier=memory,
            memory=memory,
            keys=NoUpdates(),
            view=DatabaseView(database),
            sessions=sessions,
            clock=SystemClock(),
            leeway=5,
            activity=MemoryActivityLog(),
        ),
        database=database,
        good=text,
        dead={
            InactiveReason.TOKEN_REVOKED: CODEC.sign(token),
            InactiveReason.SESSION_REVOKED: CODEC.sign(session),
            InactiveReason.USER_REVOKED: CODEC.sign(user),
            InactiveReason.EXPIRED: CODEC.sign(expired),
            InactiveReason.NOT_YET_VALID: CODEC.sign(early),
            InactiveReason.BAD_SIGNATURE: f"{header}.{payload}.{other}",
            InactiveReason.MALFORMED: f"{header}.{payload[:-4]}AAAA.{signature}",
        },
    )
    await database.close()


async def test_the_same_tokens_have_reasons_for_who_may_see_them(here: Here) -> None:
    assert (await here.verdict(here.good, EVERYTHING)).reason is None
    for reason, token in here.dead.items():
        assert (await here.verdict(token, EVERYTHING)).reason is reason


async def test_all_that_is_not_good_is_invalid_and_nothing_more(here: Here) -> None:
    good = await here.verdict(here.good, NOTHING)
    assert good.claims is not None
    for token in here.dead.values():
        verdict = await here.verdict(token, NOTHING)
        assert verdict == Verdict(check_time=verdict.check_time, reason=InactiveReason.INVALID)


async def test_a_list_is_answered_in_its_order(here: Here) -> None:
    tokens = [*here.dead.values(), here.good, "garbage"]
    verdicts = await here.validating.validate_many(tokens, TokenType.ACCESS, NOTHING)
    assert [one.claims is not None for one in verdicts] == [False] * 7 + [True, False]


async def test_nothing_is_told_by_the_time_that_it_takes(here: Here) -> None:
    lengths = {len(token) for token in [here.good, *here.dead.values()]}
    assert max(lengths) - min(lengths) < 10
    kinds = {"good": here.good} | {str(reason): token for reason, token in here.dead.items()}
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, token in kinds.items():
            began = time.perf_counter()
            await here.verdict(token, NOTHING)
            taken[kind].append(time.perf_counter() - began)
    medians = {kind: statistics.median(times) * 1e6 for kind, times in taken.items()}
    assert max(medians.values()) < NOISE * min(medians.values()), medians


async def test_a_refused_token_is_invalid_also_while_the_store_is_away(here: Here) -> None:
    await here.database.close()
    refused = [here.dead[InactiveReason.EXPIRED], here.dead[InactiveReason.BAD_SIGNATURE]]
    verdicts = await here.validating.validate_many(refused, TokenType.ACCESS, NOTHING)
    assert {one.reason for one in verdicts} == {InactiveReason.INVALID}
    with pytest.raises(StoreUnavailableError):
        await here.validating.validate_many([*refused, here.good], TokenType.ACCESS, NOTHING)
