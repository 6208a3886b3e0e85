"""SigningKeyStore over PostgreSQL."""

from collections.abc import Sequence

from tokenauthority_server.adapters.postgres import statements
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.signing_keys import StoredKey
from tokenauthority_server.domain.keys import KeyState


class PostgresSigningKeyStore:
    """The table of signing keys, whose private halves are sealed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[StoredKey]:
        """See SigningKeyStore.load."""
        return [
            StoredKey(
                kid=row["kid"],
                algorithm=row["algorithm"],
                public_jwk=row["public_jwk"],
                sealed_private_key=row["sealed_private_key"],
                state=KeyState(row["state"]),
                create_time=row["created_at"],
                activate_time=row["activated_at"],
                retire_time=row["retired_at"],
            )
            for row in await self._database.ask(statements.SIGNING_KEYS)
        ]

    async def add_if_none_active(self, key: StoredKey) -> None:
        """See SigningKeyStore.add_if_none_active."""
        await self._database.change(
            statements.ADD_SIGNING_KEY,
            key.kid,
            key.algorithm,
            key.public_jwk,
            key.sealed_private_key,
            key.create_time,
        )
