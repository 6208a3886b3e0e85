"""No edit of an old token makes another one of it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.old_tokens import AUDIENCE, ISSUER, SECRET, old_token

from tokenauthority_server.adapters.legacy.tokens import OldTokens
from tokenauthority_server.domain.tokens import InactiveReason

OLD = OldTokens(SECRET.encode(), issuer=ISSUER, audience=AUDIENCE)
GOOD = old_token()
CLAIMS = OLD.verify(GOOD)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
positions = st.integers(0, len(GOOD))
characters = st.sampled_from(ALPHABET + ".=+/ \n\0é") | st.characters()


def refused(token: str) -> bool:
    return isinstance(OLD.verify(token), InactiveReason)


def test_the_token_is_good_as_it_is() -> None:
    assert not refused(GOOD)


@settings(max_examples=500)
@given(positions, characters)
def test_a_character_that_is_exchanged(position: int, character: str) -> None:
    at = position % len(GOOD)
    edited = GOOD[:at] + character + GOOD[at + 1 :]
    assert edited == GOOD or refused(edited)


@settings(max_examples=300)
@given(positions, characters)
def test_a_character_that_is_put_in(position: int, character: str) -> None:
    assert refused(GOOD[:position] + character + GOOD[position:])


@settings(max_examples=300)
@given(positions, st.integers(1, 8))
def test_characters_that_are_taken_out(position: int, length: int) -> None:
    at = position % len(GOOD)
    assert refused(GOOD[:at] + GOOD[at + length :])


def test_every_last_character_of_every_part() -> None:
    # Where the bits that a decoder ignores would be.
    parts = GOOD.split(".")
    for index, part in enumerate(parts):
        for character in ALPHABET:
            edited = ".".join([*parts[:index], part[:-1] + character, *parts[index + 1 :]])
            assert edited == GOOD or refused(edited)


@settings(max_examples=300)
@given(st.text(max_size=5), st.text(max_size=5))
def test_anything_around_it(before: str, after: str) -> None:
    assert before + after == "" or refused(before + GOOD + after)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_any_payload_and_signature_after_the_header(payload: bytes, signature: bytes) -> None:
    head = GOOD.partition(".")[0]
    assert refused(f"{head}.{payload.decode('latin-1')}.{signature.decode('latin-1')}")
