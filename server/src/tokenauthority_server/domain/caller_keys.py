"""Caller keys: secrets of one form, so that whoever finds one lying about knows what it is."""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import Final

PREFIX: Final = "tac_"
SECRET_BYTES: Final = 32

_FORM: Final = re.compile(r"tac_[A-Za-z0-9_-]{43}")


def caller_key(secret: bytes) -> str:
    """Return the key of these 32 random bytes: the prefix, and URL-safe base64 of them."""
    return PREFIX + urlsafe_b64encode(secret).rstrip(b"=").decode()


def is_caller_key(text: str) -> bool:
    """Return whether the text has the form of one."""
    return _FORM.fullmatch(text) is not None


def digest_of(key: str) -> bytes:
    """Return what is kept of a key: its SHA-256. It is random enough to need nothing slower."""
    return hashlib.sha256(key.encode()).digest()
