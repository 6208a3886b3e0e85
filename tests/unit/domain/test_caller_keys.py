"""Caller keys have one form, by which they are found wherever they are lost."""

import hashlib
import os
from base64 import urlsafe_b64decode

import pytest

from tokenauthority_server.domain.caller_keys import caller_key, digest_of, is_caller_key
from tokenauthority_server.telemetry.redaction import MASK, scrub


def test_a_key_is_the_prefix_and_its_secret() -> None:
    assert caller_key(bytes(32)) == "tac_" + "A" * 43


def test_every_key_has_the_form_and_is_masked() -> None:
    # One looks like the beginning of another secret, in its middle.
    looking_like_another = urlsafe_b64decode("K6Oo4weyJcAw6a0MeyJ23-bdRjIoiEAAAAAAAAAAAAA=")
    for secret in (looking_like_another, *(os.urandom(32) for _ in range(100))):
        key = caller_key(secret)
        assert is_caller_key(key)
        assert scrub(f"key_sha256 = {key}, and more") == f"key_sha256 = {MASK}, and more"
        assert scrub(f"cut {key[:20]}") == f"cut {MASK}"


@pytest.mark.parametrize(
    "text", ["", "tac_", "tac_" + "A" * 42, "tac_" + "A" * 44, "TAC_" + "A" * 43, "tac_" + "=" * 43]
)
def test_nothing_else_has(text: str) -> None:
    assert not is_caller_key(text)
    assert not is_caller_key("tac_" + "A" * 43 + "\n")


def test_a_digest_is_the_sha_256_of_the_whole_key() -> None:
    key = caller_key(bytes(range(32)))
    assert digest_of(key) == hashlib.sha256(key.encode()).digest()
