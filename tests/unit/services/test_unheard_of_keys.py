"""Keys that changed elsewhere, and that this process has not heard of."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from support.use_cases import EVERYTHING, Authority

from tokenauthority_server.domain.errors import SigningKeyRevokedError, StoreUnavailableError
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)
from tokenauthority_server.services.validating import YIELD_EVERY


@dataclass
class NothingNew:
    """Keys that are asked for in vain."""

    asked: int = 0

    async def catch_up(self) -> None:
        self.asked += 1


class KnowsNone:
    """A verifier without keys."""

    def verify(self, token: str) -> Claims:
        del token
        raise TokenRefusedError(InactiveReason.UNKNOWN_KEY)


async def test_a_key_that_stays_revoked_is_an_outage(here: Authority) -> None:
    keys = NothingNew()
    minting = replace(here.issuing.minting, keys=keys)
    made: list[str] = []

    async def change(key_id: str) -> Grant:
        made.append(key_id)
        raise SigningKeyRevokedError

    with pytest.raises(StoreUnavailableError):
        await minting.granted(change)

    assert (len(made), keys.asked) == (2, 1)


async def test_a_long_list_of_unknown_keys_is_one_question_and_lets_others_have_their_turn(
    here: Authority,
) -> None:
    keys = NothingNew()
    validating = replace(here.validating, verifier=KnowsNone(), keys=keys)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    tokens = ["a token"] * (4 * YIELD_EVERY)
    verdicts = await validating.validate_many(tokens, TokenType.ACCESS, EVERYTHING)
    beside.cancel()

    assert {one.reason for one in verdicts} == {InactiveReason.UNKNOWN_KEY}
    assert keys.asked == 1
    # Four while each is judged, and four while each is judged again.
    assert turns >= 8
