"""The use cases over memory, with real tokens."""

from dataclasses import dataclass

from support.asking import LIFETIMES

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.memory import (
    MemoryActivityLog,
    MemoryDatabase,
    MemoryEntropy,
    MemoryRevocationView,
    MemorySessionRevoker,
    MemorySessionStore,
)
from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.page_tokens import SealedPageTokens
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys import load_keyring
from tokenauthority_server.adapters.token_ids import DerivedTokenIds
from tokenauthority_server.services.issuing import Issuing
from tokenauthority_server.services.listing import Listing
from tokenauthority_server.services.minting import Minting
from tokenauthority_server.services.refreshing import Refreshing
from tokenauthority_server.services.revoking import Revoking
from tokenauthority_server.services.validating import Validating

LEEWAY = 5


@dataclass(frozen=True)
class Authority:
    """One process of the authority; those over one MemoryDatabase share their sessions."""

    database: MemoryDatabase
    activity: MemoryActivityLog
    codec: TokenCodec
    issuing: Issuing
    refreshing: Refreshing
    validating: Validating
    revoking: Revoking
    listing: Listing


async def authority(
    database: MemoryDatabase, keys: EncryptionKeys, signing_keys: MemorySigningKeyStore
) -> Authority:
    ring = KeyRing("ES256")
    await load_keyring(ring, signing_keys, keys, database.clock)
    codec = TokenCodec(ring, issuer="wakedock", audience="wakedock-users")
    sessions = MemorySessionStore(database)
    view = MemoryRevocationView(database)
    activity = MemoryActivityLog()
    minting = Minting(codec, DerivedTokenIds(keys))
    return Authority(
        database=database,
        activity=activity,
        codec=codec,
        issuing=Issuing(sessions, minting, MemoryEntropy("services"), activity, LIFETIMES),
        refreshing=Refreshing(sessions, codec, minting, activity, LIFETIMES),
        validating=Validating(codec, view, sessions, database.clock, LEEWAY, activity),
        revoking=Revoking(MemorySessionRevoker(database), view, codec),
        listing=Listing(sessions, activity, SealedPageTokens(keys)),
    )
