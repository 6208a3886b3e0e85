"""No edit of a token makes another one of it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.adapters.forging import ACCESS, CODEC, REFRESH, SYMMETRIC_KEY, verdict

from tokenauthority_server.domain.tokens import Claims, InactiveReason

SYMMETRIC = replace(ACCESS, key_id=SYMMETRIC_KEY.key_id)
TOKENS = {
    CODEC.sign(SYMMETRIC): SYMMETRIC,
    CODEC.sign(ACCESS): ACCESS,
    CODEC.sign(REFRESH): REFRESH,
}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
tokens = st.sampled_from(list(TOKENS))
positions = st.integers(0, 10_000)
characters = st.sampled_from(ALPHABET + ".=+/ \n\0é") | st.characters()


def refused_or_the_same(token: str, original: str) -> bool:
    answer = verdict(token)
    return isinstance(answer, InactiveReason) or answer == TOKENS[original]


@settings(max_examples=500)
@given(tokens, positions, characters)
def test_a_character_that_is_exchanged(original: str, position: int, character: str) -> None:
    at = position % len(original)
    edited = original[:at] + character + original[at + 1 :]
    assert edited == original or isinstance(verdict(edited), InactiveReason)


@settings(max_examples=300)
@given(tokens, positions, characters)
def test_a_character_that_is_put_in(original: str, position: int, character: str) -> None:
    at = position % (len(original) + 1)
    assert isinstance(verdict(original[:at] + character + original[at:]), InactiveReason)


@settings(max_examples=300)
@given(tokens, positions, st.integers(1, 8))
def test_characters_that_are_taken_out(original: str, position: int, length: int) -> None:
    at = position % len(original)
    assert isinstance(verdict(original[:at] + original[at + length :]), InactiveReason)


def test_every_last_character_of_every_part() -> None:
    # Where the bits that a decoder ignores would be.
    for original in TOKENS:
        parts = original.split(".")
        for index, part in enumerate(parts):
            for character in ALPHABET:
                edited = [*parts[:index], part[:-1] + character, *parts[index + 1 :]]
                token = ".".join(edited)
                assert token == original or isinstance(verdict(token), InactiveReason)


@given(tokens, tokens, st.integers(1, 2))
def test_parts_of_two_tokens(one: str, other: str, count: int) -> None:
    mixed = ".".join([*one.split(".")[:count], *other.split(".")[count:]])
    answer = verdict(mixed)
    assert isinstance(answer, InactiveReason) or (mixed == one == other)


@settings(max_examples=200)
@given(tokens, st.text(max_size=5), st.text(max_size=5))
def test_anything_around_it(original: str, before: str, after: str) -> None:
    assert refused_or_the_same(before + original + after, original)
    assert before + after == "" or not isinstance(verdict(before + original + after), Claims)
