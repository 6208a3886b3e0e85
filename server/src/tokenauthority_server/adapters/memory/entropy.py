"""Names that look random and are the same in every run."""

import hashlib
from base64 import urlsafe_b64encode
from itertools import count


class MemoryEntropy:
    """An Entropy that a seed decides: its names are guessable, and for tests only."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._numbers = count()

    def session_id(self) -> str:
        """Return the next name, unlike all before it and those of other seeds."""
        digest = hashlib.sha256(f"{self._seed}/{next(self._numbers)}".encode()).digest()
        return "sess_" + urlsafe_b64encode(digest).rstrip(b"=").decode()
