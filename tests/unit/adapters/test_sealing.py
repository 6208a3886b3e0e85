"""What is sealed opens with its key and its context, and otherwise not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_server.adapters.sealing import EncryptionKeys, UnsealError

OLD, NEW = bytes(range(32)), b"\x11" * 32


@given(st.binary(), st.binary())
def test_values_survive(value: bytes, context: bytes) -> None:
    sealer = EncryptionKeys([NEW]).sealer("values")
    assert sealer.open(sealer.seal(value, context), context) == value


def test_a_derived_key_is_the_known_answer_of_hkdf() -> None:
    assert [key.hex() for key in EncryptionKeys([OLD, NEW]).derive("known answer")] == [
        "03cc343e0d5a9365aec788056552051b947246bc89a9c7b3c9a068e3a9fe4ceb",
        "ed1a921d48cbf7b0bf78dcc19b8435a6f0d3a863276e1b26001bc366314653cf",
    ]


def test_labels_have_keys_of_their_own() -> None:
    keys = EncryptionKeys([OLD])
    assert len({keys.derive("one"), keys.derive("two"), (OLD,)}) == 3


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old, new = EncryptionKeys([OLD]).sealer("values"), EncryptionKeys([NEW]).sealer("values")
    both = EncryptionKeys([NEW, OLD]).sealer("values")
    assert both.open(old.seal(b"value", b""), b"") == b"value"
    assert new.open(both.seal(b"value", b""), b"") == b"value"
    with pytest.raises(UnsealError):
        old.open(both.seal(b"value", b""), b"")


def test_another_context_or_purpose_does_not_open_it() -> None:
    keys = EncryptionKeys([OLD])
    sealed = keys.sealer("values").seal(b"value", b"here")
    for sealer, context in ((keys.sealer("values"), b"there"), (keys.sealer("others"), b"here")):
        with pytest.raises(UnsealError):
            sealer.open(sealed, context)


def test_the_same_value_is_never_sealed_alike() -> None:
    sealer = EncryptionKeys([OLD]).sealer("values")
    assert len({sealer.seal(b"value", b"") for _ in range(100)}) == 100


def test_a_sealed_value_is_a_version_a_nonce_and_the_ciphertext_with_its_tag() -> None:
    sealed = EncryptionKeys([OLD]).sealer("values").seal(b"value", b"")
    assert sealed[0] == 1
    assert len(sealed) == 1 + 12 + len(b"value") + 16


def test_any_altered_byte_is_noticed() -> None:
    sealer = EncryptionKeys([OLD, NEW]).sealer("values")
    sealed = sealer.seal(b"value", b"")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 0x40
        with pytest.raises(UnsealError):
            sealer.open(bytes(altered), b"")


def test_any_missing_byte_is_noticed() -> None:
    sealer = EncryptionKeys([OLD]).sealer("values")
    sealed = sealer.seal(b"value", b"")
    for length in range(len(sealed)):
        with pytest.raises(UnsealError):
            sealer.open(sealed[:length], b"")


@pytest.mark.parametrize("keys", [[], [b""], [b"short"], [OLD, b"x" * 31], [b"x" * 33]])
def test_keys_of_another_size_are_refused_without_being_shown(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="KEY_ENCRYPTION_KEY must be one or more keys of 32 bytes"):
        EncryptionKeys(keys)


def test_nothing_of_a_key_is_shown() -> None:
    keys = EncryptionKeys([b"p" * 32])
    assert repr(keys) == str(keys) == "EncryptionKeys()"
    assert repr(keys.sealer("values")) == "Sealer()"
    assert "pp" not in repr(UnsealError())
