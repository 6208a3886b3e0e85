"""Verified tokens are remembered: within bounds, one by one, and not beyond their keys."""

import sys
import tracemalloc
from dataclasses import replace
from typing import Final

import pytest
from unit.adapters.forging import (
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    KEY,
    REFRESH_HEADER,
    REFRESH_PAYLOAD,
    SYMMETRIC_KEY,
    make_key,
    ring_of,
    signed,
)
from unit.tokens.forging import KEY as PAIR

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.adapters.jwt.verified import MAX_BYTES, MAX_TOKENS, VerifiedTokens
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)

TOKEN: Final = signed(ACCESS_HEADER, ACCESS_PAYLOAD, PAIR)
REFRESH_TOKEN: Final = signed(REFRESH_HEADER, REFRESH_PAYLOAD, PAIR)
DISTINCT: Final = 3 * MAX_TOKENS
SMALL: Final = Claims(
    token_type=TokenType.ACCESS,
    user_id="u",
    session_id="s",
    token_id="t",
    issue_time=0,
    expire_time=1,
    epoch=0,
)


def remembering(ring: KeyRing, **bounds: int) -> VerifiedTokens:
    return VerifiedTokens(TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE), ring, **bounds)


@pytest.fixture
def ring() -> KeyRing:
    return ring_of()


class Everything:
    """Finds every token good, and takes no time for it."""

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, token: str) -> Claims:
        self.asked += 1
        return replace(SMALL, token_id=token)


def test_what_was_verified_is_recalled(ring: KeyRing) -> None:
    memory = remembering(ring)
    assert memory.recall(TOKEN) is None
    claims = memory.verify(TOKEN)

    recalled = memory.recall("".join(TOKEN))

    assert recalled
    assert recalled.claims is claims
    found = memory.reading()
    assert (found.hits, found.misses, found.tokens, found.evicted) == (1, 1, 1, 0)
    assert found.size == recalled.size > len(TOKEN)


def test_verifying_is_done_anew_each_time(ring: KeyRing) -> None:
    verifier = Everything()
    memory = VerifiedTokens(verifier, ring)
    for _ in range(3):
        memory.verify("a token")
    assert verifier.asked == 3
    assert memory.reading().tokens == 1


def test_what_is_refused_is_not_remembered(ring: KeyRing) -> None:
    memory = remembering(ring)
    for token in (
        "no token",
        f"{TOKEN}A",
        signed(ACCESS_HEADER, {**ACCESS_PAYLOAD, "iss": "x"}, PAIR),
    ):
        with pytest.raises(TokenRefusedError):
            memory.verify(token)
    assert memory.reading().tokens == 0


def test_refresh_tokens_are_not_remembered(ring: KeyRing) -> None:
    # They are asked of the store, each time.
    memory = remembering(ring)
    assert memory.verify(REFRESH_TOKEN).token_type is TokenType.REFRESH
    assert memory.recall(REFRESH_TOKEN) is None


def test_no_token_stands_in_for_one_that_differs_in_a_bit(ring: KeyRing) -> None:
    # Guard: with the first 64 characters of a token as its key all of them were this one.
    memory = remembering(ring)
    memory.verify(TOKEN)
    for at in range(len(TOKEN)):
        for bit in range(7):
            other = f"{TOKEN[:at]}{chr(ord(TOKEN[at]) ^ 1 << bit)}{TOKEN[at + 1 :]}"
            assert memory.recall(other) is None


def test_no_token_stands_in_for_another_spelling_of_it(ring: KeyRing) -> None:
    # The same claims: with white space, padded, in another order of members, signed once more.
    memory = remembering(ring)
    memory.verify(TOKEN)
    again = signed(ACCESS_HEADER, dict(reversed(ACCESS_PAYLOAD.items())), PAIR)
    for other in (f"{TOKEN} ", f" {TOKEN}", f"{TOKEN}=", f"{TOKEN}==", f"{TOKEN}\n", again):
        assert memory.recall(other) is None
    assert memory.verify(again).token_id == memory.verify(TOKEN).token_id
    memory.forget(TOKEN)
    assert memory.recall(TOKEN) is None
    assert memory.recall(again)


def test_what_is_forgotten_is_gone_from_either_generation() -> None:
    memory = VerifiedTokens(Everything(), ring_of(), max_tokens=4)
    for token in ("a", "b", "c"):
        memory.verify(token)
    memory.forget("a")  # of the old generation
    memory.forget("c")  # of the young one
    memory.forget("never heard of")
    assert [memory.recall(token) is None for token in ("a", "b", "c")] == [True, False, True]
    assert memory.reading().tokens == 1


def changed(change: str, kept: TokenKey) -> tuple[TokenKey, ...]:
    match change:
        case "dies":
            return (replace(KEY, state=KeyState.REVOKED), kept)
        case "is taken away":
            return (kept,)
        case "is exchanged under its id":
            other = make_key()
            return (replace(other, verifying=replace(other.verifying, key_id=KEY.key_id)), kept)
        case _:
            return (KEY, kept, make_key())


@pytest.mark.parametrize(
    "change", ["dies", "is taken away", "is exchanged under its id", "is beside a new one"]
)
def test_a_change_of_the_keys_forgets_everything_at_once(ring: KeyRing, change: str) -> None:
    # Guard: without looking at the ring the token was recalled whatever became of its key.
    memory = remembering(ring)
    memory.verify(TOKEN)
    ring.replace(changed(change, SYMMETRIC_KEY))
    assert memory.recall(TOKEN) is None
    assert memory.reading().tokens == 0


def test_the_same_keys_again_forget_nothing(ring: KeyRing) -> None:
    memory = remembering(ring)
    memory.verify(TOKEN)
    for revoked in ((), ("another key",)):
        ring.replace((KEY, SYMMETRIC_KEY), revoked=revoked)
        assert memory.recall(TOKEN)


def test_a_key_that_dies_while_its_token_is_verified(ring: KeyRing) -> None:
    # The ring is filled by another thread. Guard: with the keys taken after the verdict, the token
    # was remembered under keys that would have refused it.
    class Slow:
        def verify(self, token: str) -> Claims:
            claims = codec.verify(token)
            ring.replace((SYMMETRIC_KEY,))
            return claims

    codec = TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE)
    memory = VerifiedTokens(Slow(), ring)
    memory.verify(TOKEN)
    assert memory.recall(TOKEN) is None
    with pytest.raises(TokenRefusedError) as refused:
        codec.verify(TOKEN)
    assert refused.value.reason is InactiveReason.UNKNOWN_KEY


def test_before_any_key_is_known_nothing_is() -> None:
    memory = remembering(KeyRing("ES256"))
    with pytest.raises(StoreUnavailableError):
        memory.recall(TOKEN)


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    memory = VerifiedTokens(Everything(), ring_of(), max_tokens=100)
    memory.verify("asked for")
    for number in range(1_000):
        memory.verify(f"{number}")
        assert memory.recall("asked for")
    assert memory.recall("0") is None
    assert memory.recall("999")
    found = memory.reading()
    assert found.tokens <= 100
    assert found.evicted >= 1_000 - 100


def test_more_tokens_than_there_is_room_for_keep_the_bounds() -> None:
    # Guard: without exchanging the generations all of them were remembered.
    class Same:
        def verify(self, _token: str) -> Claims:
            return SMALL

    memory = VerifiedTokens(Same(), ring_of())
    most = 0
    for number in range(DISTINCT):
        memory.verify(f"{number:032}")
        if number % 1_000 == 0:
            most = max(most, memory.reading().tokens)
    found = memory.reading()
    assert MAX_TOKENS // 2 <= found.tokens <= most <= MAX_TOKENS
    assert found.tokens + found.evicted == DISTINCT
    assert found.size <= MAX_BYTES


def test_it_takes_no_more_memory_than_it_says() -> None:
    class OfItsOwn:
        def verify(self, token: str) -> Claims:
            texts = {one: f"{one} {token[-25:]}" for one in ("user_id", "session_id", "token_id")}
            lists = {one: tuple(f"{one} {n}" for n in range(6)) for one in ("scope", "roles")}
            times = {"issue_time": 10**9 + len(token), "expire_time": 10**9 + len(token)}
            return replace(SMALL, **texts, **lists, **times)  # type: ignore[arg-type]

    memory = VerifiedTokens(OfItsOwn(), ring_of(), max_tokens=2_000)
    tracemalloc.start()
    try:
        for number in range(4_000):
            token = f"{number:0700}"
            memory.verify(token)
            recalled = memory.recall(token)
            assert recalled
            recalled.written = bytes(400)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    found = memory.reading()
    assert found.evicted > 0
    assert 0.6 * found.size < taken < found.size


def test_large_tokens_are_bounded_by_their_bytes() -> None:
    memory = VerifiedTokens(Everything(), ring_of(), max_bytes=1_000_000)
    for number in range(300):
        memory.verify(f"{number:08000}")
        assert memory.reading().size <= 1_000_000 + 2 * 20_000
    assert memory.reading().tokens < 100


def test_its_size_counts_all_texts() -> None:
    class Many:
        def verify(self, token: str) -> Claims:
            return replace(SMALL, token_id=token, permissions=("p" * 50,) * 100)

    memory = VerifiedTokens(Many(), ring_of())
    memory.verify("a token")
    assert memory.reading().size > 100 * (sys.getsizeof("") + 50)
