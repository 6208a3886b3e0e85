"""Of the many ways to write an object in JSON, those that leave a doubt are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_tokens import strict_json

LARGEST = 2**63 - 1
values = st.text() | st.integers(0, LARGEST) | st.booleans() | st.none() | st.lists(st.text())


@given(st.dictionaries(st.text(), values))
def test_objects_survive(members: dict[str, object]) -> None:
    assert strict_json.loads(strict_json.dumps(members)) == members


def test_no_byte_is_wasted() -> None:
    assert strict_json.dumps({"a": ["é", "日本"], "b": 1}) == '{"a":["é","日本"],"b":1}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b"{",
        b"{}{}",
        b'{"a":1,}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":{}}',
        b'{"a":{"b":1}}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":1E400}',
        b'{"a":-1}',
        b'{"a":-9223372036854775808}',
        b'{"a":9223372036854775808}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":0x10}',
        b'{"a":1' + b"0" * 400 + b"}",
        b'{"a":' + b"9" * 6000 + b"}",
        b'{"a":"\n"}',
        b'{"a":"\0"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":1}'.encode("utf-16"),
        b"[" * 6000,
        b'{"a":' * 1200,
    ],
)
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json.loads(data)


@pytest.mark.parametrize("depth", [10, 900, 3000])
def test_nesting_of_any_depth_is_an_object_or_a_value_error(depth: int) -> None:
    # How deep the library goes before it gives up is each Python version's own.
    try:
        assert strict_json.loads(b'{"a":' + b"[" * depth + b"]" * depth + b"}").keys() == {"a"}
    except ValueError:
        assert depth > 10


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(strict_json.loads(data), dict)


def test_an_object_in_a_list_is_left_as_nothing_of_ours() -> None:
    assert strict_json.loads(b'{"a":[{"b":1,"b":2},{}]}') == {"a": [(("b", 1), ("b", 2)), ()]}


def test_the_largest_integer_is_read_exactly() -> None:
    assert strict_json.loads(b'{"a":9223372036854775807}') == {"a": LARGEST}
