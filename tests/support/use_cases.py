"""The use cases over memory, with real tokens."""

from dataclasses import dataclass
from datetime import timedelta

from support.asking import LIFETIMES

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.verified import VerifiedTokens
from tokenauthority_server.adapters.memory import (
    MemoryActivityLog,
    MemoryDatabase,
    MemoryEntropy,
    MemoryPropagation,
    MemoryRevocationView,
    MemorySessionRevoker,
    MemorySessionStore,
)
from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.page_tokens import SealedPageTokens
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.following import KeyFollower
from tokenauthority_server.adapters.signing_keys.material import (
    KEY_PAIR_ALGORITHMS,
    SealedKeys,
)
from tokenauthority_server.adapters.token_ids import DerivedTokenIds
from tokenauthority_server.domain.callers import Rights
from tokenauthority_server.domain.keys import KeyTerms
from tokenauthority_server.services.issuing import Issuing
from tokenauthority_server.services.key_rotation import KeyRotation
from tokenauthority_server.services.listing import Listing
from tokenauthority_server.services.minting import Minting
from tokenauthority_server.services.recognition import Recognition
from tokenauthority_server.services.refreshing import Refreshing
from tokenauthority_server.services.revoking import Revoking
from tokenauthority_server.services.signing_keys import SigningKeys
from tokenauthority_server.services.validating import Validating

LEEWAY = 5
EVERYTHING = Rights(see_reasons=True)


@dataclass(frozen=True)
class Authority:
    """One process of the authority; those over one MemoryDatabase share their sessions."""

    database: MemoryDatabase
    propagation: MemoryPropagation
    activity: MemoryActivityLog
    codec: TokenCodec
    issuing: Issuing
    refreshing: Refreshing
    validating: Validating
    revoking: Revoking
    listing: Listing
    rotation: KeyRotation
    keys: SigningKeys
    ring: KeyRing


TERMS = KeyTerms(rotate_after=timedelta(days=30), longest=LIFETIMES.refresh)


async def authority(
    database: MemoryDatabase,
    keys: EncryptionKeys,
    algorithm: str | None = "ES256",
    *,
    started: bool = True,
) -> Authority:
    """One that makes keys of this algorithm, or none; `started` with the keys that there are."""
    ring, sealed = KeyRing(algorithm or "HS256"), SealedKeys(keys)
    store = MemorySigningKeyStore(database)
    follower = KeyFollower(ring, store, sealed)
    rotation = KeyRotation(
        store=store, maker=sealed, updates=follower, algorithm=algorithm, terms=TERMS
    )
    if started:
        await rotation.tick()
    codec = TokenCodec(ring, issuer="wakedock", audience="wakedock-users")
    memory = VerifiedTokens(codec, ring)
    recognition = Recognition(codec, follower)
    sessions = MemorySessionStore(database)
    view = MemoryRevocationView(database)
    propagation = MemoryPropagation(database)
    activity = MemoryActivityLog()
    minting = Minting(codec, DerivedTokenIds(keys), follower)
    return Authority(
        database=database,
        propagation=propagation,
        activity=activity,
        codec=codec,
        issuing=Issuing(
            sessions, minting, MemoryEntropy("services"), activity, LIFETIMES, propagation
        ),
        refreshing=Refreshing(sessions, recognition, minting, activity, LIFETIMES, propagation),
        validating=Validating(
            memory, memory, follower, view, sessions, database.clock, LEEWAY, activity
        ),
        revoking=Revoking(MemorySessionRevoker(database), propagation, recognition),
        rotation=rotation,
        keys=SigningKeys(
            store=store,
            maker=sealed,
            propagation=propagation,
            algorithm=ring.algorithm,
            algorithms=KEY_PAIR_ALGORITHMS,
            terms=TERMS,
        ),
        ring=ring,
        listing=Listing(sessions, activity, SealedPageTokens(keys)),
    )
