"""Every text means other bytes, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_tokens import base64url


@given(st.binary())
def test_bytes_survive(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data)) == data


@given(st.text("AZaz09-_", max_size=12))
def test_a_text_that_is_accepted_is_the_only_one_of_its_bytes(text: str) -> None:
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


def test_known_answers() -> None:
    assert base64url.encode(b"\xfb\xff\xfe") == "-__-"
    assert base64url.encode(b"\x00\x00\x00\x00") == "AAAAAA"
    assert base64url.decode("") == b""


@pytest.mark.parametrize(
    "text",
    [
        "QQ==",
        "QQ=",
        "=",
        "QR",  # bits after the last byte
        "QUF",  # the same, after two bytes
        "A",  # no whole byte
        "AAAAA",
        "+//+",  # the other alphabet
        "AA AA",
        " AAAA",
        "AAAA\n",
        "AA\tAA",
        "AA.A",
        "AA\0A",
        "ÄÄÄÄ",
        "\ud800AAA",
        "ＡＡＡＡ",  # noqa: RUF001 - full-width letters are the point
    ],
)
def test_every_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
