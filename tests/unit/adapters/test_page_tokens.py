"""A page token opens for its own request, unaltered, and otherwise not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_server.adapters.page_tokens import (
    MAX_PAGE_TOKEN_CHARACTERS,
    SealedPageTokens,
)
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.ports import PageTokens

OLD, NEW = bytes(range(32)), b"\x11" * 32
TOKENS: PageTokens = SealedPageTokens(EncryptionKeys([OLD]))
REQUEST, CURSOR = "ListSessions user-1", "2026-01-01T00:00:00+00:00 sess_1"


@given(st.text(max_size=200), st.text(max_size=200))
def test_cursors_survive(request: str, cursor: str) -> None:
    assert TOKENS.open(request, TOKENS.seal(request, cursor)) == cursor


def test_tokens_outlive_a_change_of_the_first_key() -> None:
    after = SealedPageTokens(EncryptionKeys([NEW, OLD]))
    assert after.open(REQUEST, TOKENS.seal(REQUEST, CURSOR)) == CURSOR


def test_the_cursor_cannot_be_read_from_the_token() -> None:
    assert TOKENS.seal(REQUEST, CURSOR) != TOKENS.seal(REQUEST, CURSOR)


@pytest.mark.parametrize("other", ["", "ListSessions user-2", "ListUsers user-1", REQUEST + " "])
def test_another_request_is_refused(other: str) -> None:
    with pytest.raises(ValueError, match="no key opens"):
        TOKENS.open(other, TOKENS.seal(REQUEST, CURSOR))


def test_any_altered_character_is_noticed() -> None:
    token = TOKENS.seal(REQUEST, CURSOR)
    for position, character in enumerate(token):
        other = "A" if character != "A" else "B"
        with pytest.raises(ValueError, match=r"."):
            TOKENS.open(REQUEST, token[:position] + other + token[position + 1 :])


@given(st.text(max_size=300))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        TOKENS.open(REQUEST, token)


@pytest.mark.parametrize("addition", ["=", "==", "A", " ", "\n", "\0", "é"])
def test_additions_are_refused(addition: str) -> None:
    token = TOKENS.seal(REQUEST, CURSOR)
    for altered in (token + addition, addition + token):
        with pytest.raises(ValueError, match=r"."):
            TOKENS.open(REQUEST, altered)


def test_the_length_is_looked_at_first() -> None:
    with pytest.raises(ValueError, match="too long"):
        TOKENS.open(REQUEST, "A" * (MAX_PAGE_TOKEN_CHARACTERS + 1))
    with pytest.raises(ValueError, match="no key opens"):
        TOKENS.open(REQUEST, "A" * MAX_PAGE_TOKEN_CHARACTERS)


def test_no_token_is_made_that_would_be_refused() -> None:
    longest = MAX_PAGE_TOKEN_CHARACTERS * 3 // 4 - (1 + 12 + 16)
    token = TOKENS.seal(REQUEST, "x" * longest)
    assert len(token) == MAX_PAGE_TOKEN_CHARACTERS
    assert TOKENS.open(REQUEST, token) == "x" * longest
    with pytest.raises(ValueError, match="cursor is too long"):
        TOKENS.seal(REQUEST, "x" * (longest + 1))
