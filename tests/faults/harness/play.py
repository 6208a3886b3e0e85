"""The tokens that all verifiers are asked about, all the time: the same for all of them."""

from collections.abc import Callable
from typing import Final

LATEST: Final = 24
"""So many at a time: those that were added last."""


class Play:
    """Tokens by their names, the latest of them last."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.listeners: list[Callable[[str, str], None]] = []
        """Told the name and the token of each that is added."""

    def add(self, name: str, token: str) -> None:
        """Ask about this one, too, and no longer about the oldest where they are too many."""
        self.tokens.pop(name, None)
        self.tokens[name] = token
        if len(self.tokens) > LATEST:
            del self.tokens[next(iter(self.tokens))]
        for listener in self.listeners:
            listener(name, token)
