"""No edit of a token makes another one of it: it is refused, or it says the same."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.tokens.forging import ACCESS, PAIRS, REFRESH, issued, issued_by, verdict

from tokenauthority_tokens.values import Claims, InactiveReason

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# As short as tokens of both types can be, so that every position of them can be tried.
CLAIMS = {
    kind: Claims(
        token_type=claims.token_type,
        user_id="u",
        session_id="s",
        token_id="j",
        issue_time=claims.issue_time,
        expire_time=claims.expire_time,
        epoch=1,
        issuer=claims.issuer,
        audience=claims.audience,
    )
    for kind, claims in (("access", ACCESS), ("refresh", REFRESH))
}
ISSUED = {
    f"{name} {kind}": (issued(claims, pair), issued_by(pair, claims))
    for name, pair in PAIRS.items()
    for kind, claims in CLAIMS.items()
}
each_token = pytest.mark.parametrize("which", ISSUED)
tokens = st.sampled_from([token for token, _ in ISSUED.values()])
positions = st.integers(0, 10_000)
characters = st.sampled_from(ALPHABET + ".=+/ \n\0é") | st.characters()


def exchanges(token: str) -> Iterator[str]:
    for at, character in enumerate(token):
        place = ALPHABET.find(character)
        # One bit of the six, a sign of another form of base64, and what separates the parts.
        others = ".=+\n" if place < 0 else ALPHABET[place ^ 1] + ALPHABET[place ^ 32] + ".=/é"
        for other in others:
            if other != character:
                yield token[:at] + other + token[at + 1 :]


def insertions(token: str) -> Iterator[str]:
    for at in range(len(token) + 1):
        for character in "A_.= \n":
            yield token[:at] + character + token[at:]


def deletions(token: str) -> Iterator[str]:
    for at in range(len(token)):
        yield token[:at] + token[at + 1 :]


def test_what_is_edited_is_good() -> None:
    for token, claims in ISSUED.values():
        assert verdict(token) == claims


@each_token
def test_any_character_that_is_exchanged(which: str) -> None:
    assert {one for one in exchanges(ISSUED[which][0]) if isinstance(verdict(one), Claims)} == set()


@each_token
def test_any_character_that_is_put_in(which: str) -> None:
    assert {
        one for one in insertions(ISSUED[which][0]) if isinstance(verdict(one), Claims)
    } == set()


@each_token
def test_any_character_that_is_taken_out(which: str) -> None:
    assert {one for one in deletions(ISSUED[which][0]) if isinstance(verdict(one), Claims)} == set()


def test_every_last_character_of_every_part() -> None:
    # Where the bits that a decoder ignores would be.
    for token, _ in ISSUED.values():
        parts = token.split(".")
        for index, part in enumerate(parts):
            for character in ALPHABET:
                edited = ".".join([*parts[:index], part[:-1] + character, *parts[index + 1 :]])
                assert edited == token or isinstance(verdict(edited), InactiveReason)


def test_the_parts_of_any_two_tokens() -> None:
    everything = [(*token.split("."), claims) for token, claims in ISSUED.values()]
    for header, payload, _, one in everything:
        for _, _, signature, other in everything:
            answer = verdict(f"{header}.{payload}.{signature}")
            assert answer == one if one == other else isinstance(answer, InactiveReason)


@settings(max_examples=500)
@given(tokens, positions, characters)
def test_a_character_that_is_exchanged_for_any_other(
    token: str, position: int, character: str
) -> None:
    at = position % len(token)
    edited = token[:at] + character + token[at + 1 :]
    assert edited == token or isinstance(verdict(edited), InactiveReason)


@settings(max_examples=300)
@given(tokens, positions, st.integers(2, 8))
def test_characters_that_are_taken_out(token: str, position: int, length: int) -> None:
    at = position % (len(token) - 1)
    assert isinstance(verdict(token[:at] + token[at + length :]), InactiveReason)


@settings(max_examples=200)
@given(tokens, st.text(max_size=5), st.text(max_size=5))
def test_anything_around_it(token: str, before: str, after: str) -> None:
    answer = verdict(before + token + after)
    assert isinstance(answer, InactiveReason) or before + after == ""
