"""Page tokens that only we can make and that open for their own request alone."""

from typing import Final

from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_tokens import base64url

MAX_PAGE_TOKEN_CHARACTERS: Final = 1024
"""No longer page token is made, nor looked at. The longest cursor takes less than half of it."""


class SealedPageTokens:
    """The port PageTokens: the cursor sealed, with the request as its context."""

    __slots__ = ("_sealer",)

    def __init__(self, keys: EncryptionKeys) -> None:
        self._sealer = keys.sealer("page tokens")

    def seal(self, request: str, cursor: str) -> str:
        """Return a page token; raise ValueError for a cursor that is too long for one."""
        token = base64url.encode(self._sealer.seal(cursor.encode(), request.encode()))
        if len(token) > MAX_PAGE_TOKEN_CHARACTERS:
            raise ValueError("the cursor is too long for a page token")
        return token

    def open(self, request: str, token: str) -> str:
        """Return the cursor; raise ValueError when the token is altered or another request's."""
        if len(token) > MAX_PAGE_TOKEN_CHARACTERS:
            raise ValueError("the page token is too long")
        return self._sealer.open(base64url.decode(token), request.encode()).decode()
