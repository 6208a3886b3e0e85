"""The signing keys in memory."""

from collections.abc import Sequence

from tokenauthority_server.adapters.signing_keys import StoredKey
from tokenauthority_server.domain.keys import KeyState


class MemorySigningKeyStore:
    """A SigningKeyStore over a list, which replicas may share."""

    def __init__(self, keys: Sequence[StoredKey] = ()) -> None:
        self.keys = list(keys)

    async def load(self) -> Sequence[StoredKey]:
        """Return all keys."""
        return tuple(self.keys)

    async def add_if_none_active(self, key: StoredKey) -> None:
        """Add the key unless one of its algorithm is active."""
        active = {one.algorithm for one in self.keys if one.state is KeyState.ACTIVE}
        if key.algorithm not in active:
            self.keys.append(key)
