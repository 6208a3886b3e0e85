"""SigningKeyStore over PostgreSQL."""

from collections.abc import Collection, Sequence

import asyncpg

from tokenauthority_server.adapters.postgres import key_statements as statements
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.domain import key_refusals
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import (
    KeyMaterial,
    KeyState,
    KeyTerms,
    SigningKey,
    StoredKey,
    StoredKeys,
)
from tokenauthority_server.domain.revocations import (
    AS_GOOD_AS_EVER,
    FACT_MARGIN,
    LONGEST_REFRESH_LIFETIME,
)
from tokenauthority_server.domain.sessions import Origin


class PostgresSigningKeyStore:
    """The table of signing keys, whose private halves are sealed. Its clock decides."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> StoredKeys:
        """See SigningKeyStore.load."""
        rows = await self._database.ask(statements.LOAD)
        return StoredKeys(
            # Where there is no key there is one row all the same, for the rest of it.
            keys=tuple(_stored(row) for row in rows if row["kid"] is not None),
            revoked_key_ids=frozenset(rows[0]["revoked"]),
            now=rows[0]["now"],
        )

    async def prepare(self, material: KeyMaterial, terms: KeyTerms, origin: Origin) -> SigningKey:
        """See SigningKeyStore.prepare."""
        (row,) = await self._database.change(
            statements.PREPARE,
            material.key_id,
            material.algorithm,
            material.public_jwk,
            material.sealed_private_key,
            terms.horizon,
            origin.caller,
            origin.request_id,
        )
        return _key(row)

    async def supply(
        self, materials: Sequence[KeyMaterial], terms: KeyTerms, origin: Origin
    ) -> bool:
        """See SigningKeyStore.supply."""
        (row,) = await self._database.change(
            statements.SUPPLY,
            materials[0].algorithm,
            [one.key_id for one in materials],
            [one.public_jwk for one in materials],
            [one.sealed_private_key for one in materials],
            terms.horizon,
            origin.caller,
            origin.request_id,
        )
        return bool(row["done"])

    async def activate(
        self, algorithm: str, key_id: str | None, terms: KeyTerms, origin: Origin
    ) -> SigningKey:
        """See SigningKeyStore.activate."""
        (row,) = await self._database.change(
            statements.ACTIVATE,
            algorithm,
            key_id,
            None,
            terms.published_for,
            terms.horizon,
            origin.caller,
            origin.request_id,
        )
        match row["outcome"]:
            case "unknown":
                raise (
                    key_refusals.unknown(key_id)
                    if key_id is not None
                    else key_refusals.none_prepared(algorithm)
                )
            case "not_prepared":
                raise key_refusals.not_prepared(_key(row))
            case "too_young":
                raise key_refusals.too_young(_key(row), terms)
        return _key(row)

    async def rotate(self, algorithm: str, terms: KeyTerms, origin: Origin) -> bool:
        """See SigningKeyStore.rotate."""
        (row,) = await self._database.change(
            statements.ACTIVATE,
            algorithm,
            None,
            terms.rotate_after,
            terms.published_for,
            terms.horizon,
            origin.caller,
            origin.request_id,
        )
        return bool(row["outcome"] == "done")

    async def retire(self, key_id: str, in_use: Collection[str], origin: Origin) -> SigningKey:
        """See SigningKeyStore.retire."""
        (row,) = await self._database.change(
            statements.RETIRE, key_id, list(in_use), origin.caller, origin.request_id
        )
        match row["outcome"]:
            case "unknown":
                raise key_refusals.unknown(key_id)
            case "revoked":
                raise key_refusals.already_revoked(_key(row))
            case "in_use":
                raise key_refusals.still_signing(_key(row))
        return _key(row)

    async def revoke(
        self, key_id: str, replacement: KeyMaterial, terms: KeyTerms, origin: Origin
    ) -> tuple[SigningKey, int | None]:
        """See SigningKeyStore.revoke."""
        (row,) = await self._database.keep_up(
            statements.REVOKE,
            key_id,
            replacement.key_id,
            replacement.public_jwk,
            replacement.sealed_private_key,
            terms.horizon,
            LONGEST_REFRESH_LIFETIME,
            FACT_MARGIN,
            origin.caller,
            origin.request_id,
        )
        if row["outcome"] == "unknown":
            raise key_refusals.unknown(key_id)
        is_new = row["outcome"] == "done"
        return _key(row), await self._sessions_of(key_id, origin, is_new=is_new)

    async def revoke_elsewhere(self, key_id: str, origin: Origin) -> int | None:
        """See SigningKeyStore.revoke_elsewhere."""
        (row,) = await self._database.keep_up(
            statements.REVOKE_ELSEWHERE,
            key_id,
            AS_GOOD_AS_EVER,
            origin.caller,
            origin.request_id,
        )
        return await self._sessions_of(key_id, origin, is_new=row["is_new"])

    async def _sessions_of(self, key_id: str, origin: Origin, *, is_new: bool) -> int | None:
        """Return how many sessions hang on a revoked key; None where that takes too long."""
        try:
            (row,) = await self._database.keep_up(
                statements.COUNT_SESSIONS, key_id, is_new, origin.caller, origin.request_id
            )
        except StoreUnavailableError:
            return None
        return int(row["ended"])

    async def extend(self, terms: KeyTerms) -> bool:
        """See SigningKeyStore.extend."""
        return bool(await self._database.change(statements.EXTEND, terms.short, terms.horizon))

    async def reseal(self, former: KeyMaterial, material: KeyMaterial) -> bool:
        """See SigningKeyStore.reseal."""
        rows = await self._database.change(
            statements.RESEAL,
            former.key_id,
            former.sealed_private_key,
            material.sealed_private_key,
            event_id(),
        )
        return bool(rows)


def _key(row: asyncpg.Record) -> SigningKey:
    return SigningKey(
        key_id=row["kid"],
        algorithm=row["algorithm"],
        state=KeyState(row["state"]),
        create_time=row["created_at"],
        activate_time=row["activated_at"],
        retire_time=row["retired_at"],
        last_expire_time=row["last_expires_at"],
    )


def _stored(row: asyncpg.Record) -> StoredKey:
    material = KeyMaterial(
        key_id=row["kid"],
        algorithm=row["algorithm"],
        public_jwk=row["public_jwk"],
        sealed_private_key=row["sealed_private_key"],
    )
    return StoredKey(key=_key(row), material=material)
