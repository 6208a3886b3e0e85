"""Every stateful port in memory, exact on the rules of the real stores: for tests and examples.

The forms that share a MemoryDatabase see one another's changes, as those over one PostgreSQL do.
Nothing here awaits, so on one event loop every method is atomic.
"""

from tokenauthority_server.adapters.memory.activity import MemoryActivityLog
from tokenauthority_server.adapters.memory.audit_trail import MemoryAuditTrail
from tokenauthority_server.adapters.memory.clock import MemoryClock, MemoryTimer
from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.entropy import MemoryEntropy
from tokenauthority_server.adapters.memory.erasure import MemoryErasure
from tokenauthority_server.adapters.memory.facts import MemoryFactStore
from tokenauthority_server.adapters.memory.logins import MemoryLoginStore
from tokenauthority_server.adapters.memory.passwords import MemoryPasswordStore
from tokenauthority_server.adapters.memory.propagation import MemoryPropagation
from tokenauthority_server.adapters.memory.revocations import (
    MemoryRevocationView,
    MemorySessionRevoker,
)
from tokenauthority_server.adapters.memory.session_ender import MemorySessionEnder
from tokenauthority_server.adapters.memory.sessions import MemorySessionStore
from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.memory.token_counts import MemoryTokenCounts
from tokenauthority_server.adapters.memory.upkeep import MemoryUpkeep
from tokenauthority_server.adapters.memory.user_directory import MemoryUserDirectory
from tokenauthority_server.adapters.memory.user_importer import MemoryUserImporter
from tokenauthority_server.adapters.memory.user_store import MemoryUserStore

__all__ = [
    "MemoryActivityLog",
    "MemoryAuditTrail",
    "MemoryClock",
    "MemoryDatabase",
    "MemoryEntropy",
    "MemoryErasure",
    "MemoryFactStore",
    "MemoryLoginStore",
    "MemoryPasswordStore",
    "MemoryPropagation",
    "MemoryRevocationView",
    "MemorySessionEnder",
    "MemorySessionRevoker",
    "MemorySessionStore",
    "MemorySigningKeyStore",
    "MemoryTimer",
    "MemoryTokenCounts",
    "MemoryUpkeep",
    "MemoryUserDirectory",
    "MemoryUserImporter",
    "MemoryUserStore",
]
