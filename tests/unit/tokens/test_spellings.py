"""However a token is encoded again, it is refused, or it says the same."""

import base64
import json
from collections.abc import Callable, Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tokens.forging import ACCESS_PAYLOAD, PAIRS, header_of, segment, signed, verdict

from tokenauthority_tokens import base64url
from tokenauthority_tokens.values import Claims, InactiveReason

# HS256 is the cheapest of all, and the parts are the same for each.
PAIR = PAIRS["HS256"]
HEADER = header_of(PAIR)
UNICODE_PAYLOAD = {**ACCESS_PAYLOAD, "username": 'Zoë "日本" 🚀\\', "email": "a/b@é"}
# Thousands of draws a text are a matter of seconds otherwise.
chances = st.randoms(use_true_random=True)


def text_spelt(text: str, chance: Random) -> str:
    """A JSON string, with any of its characters written as escapes."""
    written = []
    for character in text:
        units = character.encode("utf-16-be").hex()
        escapes = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        ways = [json.dumps(character, ensure_ascii=plain)[1:-1] for plain in (False, True)]
        ways += [escapes, escapes.upper().replace("U", "u"), *["\\/"] * (character == "/")]
        written.append(chance.choice(ways))
    return '"' + "".join(written) + '"'


def spelt(value: object, chance: Random) -> str:
    """A JSON text of the value: members in any order, white space anywhere, escapes."""

    def around(text: str) -> str:
        before, after = ("".join(chance.choices(" \t\r\n", k=chance.randint(0, 2))) for _ in "ab")
        return before + text + after

    if isinstance(value, str):
        return around(text_spelt(value, chance))
    if isinstance(value, list):
        return around("[" + ",".join(spelt(one, chance) for one in value) + "]")
    if isinstance(value, Mapping):
        members = chance.sample(list(value.items()), len(value))
        written = (f"{spelt(name, chance)}:{spelt(one, chance)}" for name, one in members)
        return around("{" + ",".join(written) + "}")
    return around(json.dumps(value))


@given(chances)
def test_json_written_otherwise_and_signed_says_the_same(chance: Random) -> None:
    payload = spelt(UNICODE_PAYLOAD, chance)
    assert json.loads(payload) == UNICODE_PAYLOAD
    expected = verdict(signed(HEADER, UNICODE_PAYLOAD, PAIR))
    assert isinstance(expected, Claims)
    assert verdict(signed(spelt(HEADER, chance), payload, PAIR)) == expected


@given(chances)
def test_json_written_otherwise_and_not_signed_is_refused(chance: Random) -> None:
    _, _, signature = signed(HEADER, ACCESS_PAYLOAD, PAIR).split(".")
    header, payload = (spelt(part, chance) for part in (HEADER, ACCESS_PAYLOAD))
    for token in (
        f"{segment(header)}.{segment(ACCESS_PAYLOAD)}.{signature}",
        f"{segment(HEADER)}.{segment(payload)}.{signature}",
        f"{segment(header)}.{segment(payload)}.{signature}",
    ):
        assert verdict(token) is InactiveReason.BAD_SIGNATURE


@given(st.sampled_from(list(ACCESS_PAYLOAD)), chances, st.booleans())
def test_a_member_that_stands_twice_is_refused_whatever_its_spelling(
    name: str,
    chance: Random,
    first: bool,  # noqa: FBT001
) -> None:
    body = spelt(ACCESS_PAYLOAD, chance).strip()
    again = f"{spelt(name, chance)}:{spelt(ACCESS_PAYLOAD[name], chance)}"
    twice = f"{{{again},{body[1:]}" if first else f"{body[:-1]},{again}}}"
    assert json.loads(twice) == ACCESS_PAYLOAD
    assert verdict(signed(HEADER, twice, PAIR)) is InactiveReason.MALFORMED


def padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def unused_bits(text: str) -> str:
    """Another text of the same bytes, where they leave bits of the last character unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(text[-1])
    return text if len(text) % 4 == 0 else text[:-1] + alphabet[last ^ 1]


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "padding": padded,
    "more padding": lambda text: padded(text) + "====",
    "the other alphabet": lambda text: base64.b64encode(base64url.decode(text)).decode(),
    "lines": lambda text: base64.encodebytes(base64url.decode(text)).decode(),
    "a space": lambda text: text[:4] + " " + text[4:],
    "unused bits": unused_bits,
    "what decoders skip": lambda text: text[:4] + "!*" + text[4:],
    "base 32": lambda text: base64.b32encode(base64url.decode(text)).decode(),
    "hexadecimal": lambda text: base64url.decode(text).hex(),
    "twice": lambda text: base64url.encode(text.encode()),
    "percent": lambda text: text.replace("_", "%5F").replace("-", "%2D"),
}


# Of lengths that leave room for padding and for unused bits in every part.
USERS = ("u", "us", "use")


def good_parts(name: str, user_id: str) -> list[str]:
    pair = PAIRS[name]
    return signed(header_of(pair), {**ACCESS_PAYLOAD, "sub": user_id}, pair).split(".")


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("part", [0, 1, 2])
def test_any_other_base64_is_refused(name: str, way: str, part: int) -> None:
    for user_id in USERS:
        parts = good_parts(name, user_id)
        good = ".".join(parts)
        parts[part] = ENCODINGS[way](parts[part])
        assert ".".join(parts) == good or isinstance(verdict(".".join(parts)), InactiveReason)


def test_the_table_meets_padding_and_unused_bits_in_each_part() -> None:
    met = {
        (part, way)
        for name in PAIRS
        for user_id in USERS
        for part, text in enumerate(good_parts(name, user_id))
        for way in ("padding", "unused bits")
        if ENCODINGS[way](text) != text
    }
    assert met == {(part, way) for part in range(3) for way in ("padding", "unused bits")}
