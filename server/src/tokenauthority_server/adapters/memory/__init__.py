"""Every stateful port in memory, exact on the rules of the real stores: for tests and examples.

The forms that share a MemoryDatabase see one another's changes, as those over one PostgreSQL do.
Nothing here awaits, so on one event loop every method is atomic.
"""

from tokenauthority_server.adapters.memory.activity import MemoryActivityLog
from tokenauthority_server.adapters.memory.clock import MemoryClock
from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.entropy import MemoryEntropy
from tokenauthority_server.adapters.memory.revocations import (
    MemoryRevocationView,
    MemorySessionRevoker,
)
from tokenauthority_server.adapters.memory.sessions import MemorySessionStore
from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.memory.token_counts import MemoryTokenCounts
from tokenauthority_server.adapters.memory.upkeep import MemoryUpkeep
from tokenauthority_server.adapters.memory.user_directory import MemoryUserDirectory

__all__ = [
    "MemoryActivityLog",
    "MemoryClock",
    "MemoryDatabase",
    "MemoryEntropy",
    "MemoryRevocationView",
    "MemorySessionRevoker",
    "MemorySessionStore",
    "MemorySigningKeyStore",
    "MemoryTokenCounts",
    "MemoryUpkeep",
    "MemoryUserDirectory",
]
