"""What failed logins are counted under (HMAC-SHA256, RFC 2104)."""

import hmac
import json
from typing import Final

from tokenauthority_server.adapters.sealing import EncryptionKeys

_LABEL: Final = "failed logins"


class KeyedDigests:
    """The port LoginDigests, under the first key: exchanging KEY_ENCRYPTION_KEY forgets them."""

    __slots__ = ("_key",)

    def __init__(self, keys: EncryptionKeys) -> None:
        self._key = keys.derive(_LABEL)[0]

    def digest(self, kind: str, *parts: str) -> bytes:
        """Return 32 bytes that are the same in every process for the same kind and parts."""
        # As JSON no two lists of parts are written alike.
        return hmac.digest(self._key, json.dumps([kind, *parts]).encode(), "sha256")
