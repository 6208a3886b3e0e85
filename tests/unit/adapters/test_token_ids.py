"""Ids that every process derives alike, release after release."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.token_ids import DerivedTokenIds
from tokenauthority_server.domain.ports import TokenIds

OLD, NEW = bytes(range(32)), b"\x11" * 32
IDS: TokenIds = DerivedTokenIds(EncryptionKeys([OLD, NEW]))


def test_known_answers() -> None:
    # A release that derived other ids could not sign the pairs again that the last one issued.
    assert list(IDS.first("sess_one")) == [
        "7vHRILdhqyxPBpLUb-AXVxtURfHkg8XnGvL3W3w5Jao",
        "rUl7DqYsZUph3As_QfSOJ-ImZBBwgDnY5CG7UH5pk1A",
    ]
    assert list(IDS.successor("one")) == [
        "Bcqus961bVhpoPnOFX_4Thh9QjsXhNut3xgINXotd14",
        "zm665jw7CJQMoGiYN3TDrJoqYrnVHQgwsR96LBX55h4",
    ]
    assert IDS.access("one", 7) == "xwXW6ij-HmRC9e3QxqnZHsIt5CblP1JsfR66uqBvJds"


def test_the_order_of_the_keys_is_the_order_of_the_candidates() -> None:
    turned = DerivedTokenIds(EncryptionKeys([NEW, OLD]))
    assert list(turned.first("sess_one")) == list(reversed(IDS.first("sess_one")))
    assert list(turned.successor("one")) == list(reversed(IDS.successor("one")))


def test_the_access_id_of_a_refresh_id_does_not_change_with_the_keys() -> None:
    refresh_id = IDS.successor("one")[0]
    others = DerivedTokenIds(EncryptionKeys([NEW]))
    assert others.access(refresh_id, 7) == IDS.access(refresh_id, 7)


@given(st.text(min_size=1, max_size=60), st.integers(0, 2**31))
def test_ids_are_32_bytes_and_no_two_purposes_share_one(name: str, generation: int) -> None:
    ids = [*IDS.first(name), *IDS.successor(name), IDS.access(name, generation)]
    assert len(set(ids)) == 5
    assert {len(one) for one in ids} == {43}
    assert {len(base64.urlsafe_b64decode(one + "=")) for one in ids} == {32}


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_each_generation_has_an_access_id_of_its_own(one: int, other: int) -> None:
    assert (IDS.access("refresh", one) == IDS.access("refresh", other)) is (one == other)


def test_nothing_of_a_key_is_shown() -> None:
    shown = repr(DerivedTokenIds(EncryptionKeys([b"p" * 32])))
    assert "pp" not in shown
