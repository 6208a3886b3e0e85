"""Base64url without padding (RFC 7515, section 2), in its one canonical spelling."""

import base64


def encode(data: bytes) -> str:
    """Return the text of the bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of the text; raise ValueError unless it is what `encode` gives for them.

    The library skips what it does not know and ignores trailing bits, so that many texts would mean
    the same bytes. Encoding again refuses all of them but one.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
