"""`tokenauthority keys`: the signing keys from the command line, beside the running servers."""

import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revision import check_revision
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import (
    InvalidRequestError,
    KeyNotFoundError,
    KeyStateError,
    StartError,
    StoreUnavailableError,
)
from tokenauthority_server.domain.keys import SigningKey
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.propagation import LATER, standalone
from tokenauthority_server.services.key_rotation import TICK
from tokenauthority_server.services.signing_keys import SigningKeys
from tokenauthority_server.signing import signing_keys

WIDTH = 120
"""Where there is no terminal that has one: a line for each key."""

KEY_ID_WIDTH = 43
"""An id is typed into other commands, so it is never cut."""

_FINGERPRINT = 8

Work = Callable[["Hand"], Awaitable[None]]


async def run(settings: Settings, console: Console, work: "Work") -> None:
    """Do the work with the keys of these settings, and print what came of it.

    Raises StartError when it cannot be done; then nothing was changed.
    """
    if not console.is_terminal:
        console = Console(width=WIDTH)
    encryption_keys = settings.key_encryption_keys
    database = Database(settings.database_url.get_secret_value())
    await database.open()
    try:
        check_revision(await database.revision())
        async with standalone(settings, database) as propagation:
            sealing = EncryptionKeys(encryption_keys)
            keys = signing_keys(settings, database, sealing, propagation)
            await work(Hand(keys, console, encryption_keys))
    except StoreUnavailableError as error:
        why = f" ({error.why})" if error.why else ""
        origin = settings.origin("database_url")
        raise StartError(f"{error}{why}: the one of DATABASE_URL, from {origin}.") from error
    except (KeyNotFoundError, KeyStateError, InvalidRequestError) as error:
        raise StartError(f"{error}") from None
    finally:
        await database.close()


class Hand:
    """An administrator's, at the keyboard."""

    def __init__(
        self, keys: SigningKeys, console: Console, encryption_keys: Sequence[bytes]
    ) -> None:
        self._keys = keys
        self._console = console
        self._encryption_keys = encryption_keys
        # For the audit trail.
        self._origin = Origin(caller=f"tokenauthority keys (uid {os.getuid()})")

    async def list_keys(self) -> None:
        """Print the keys."""
        self._console.print(_table(await self._keys.list_keys()))

    async def prepare(self, algorithm: str) -> None:
        """Print the key that was made."""
        self._console.print(_table([await self._keys.prepare(algorithm, self._origin)]))

    async def activate(self, key_id: str) -> None:
        """Print the key that signs from now on."""
        key = await self._keys.activate(key_id, self._origin)
        self._console.print(_table([key]))
        self._say(
            f"Every server with JWT_ALGORITHM={key.algorithm} signs with it within "
            f"{TICK.total_seconds():.0f} seconds."
        )

    async def retire(self, key_id: str) -> None:
        """Print the key that signs no more."""
        self._console.print(_table([await self._keys.retire(key_id, self._origin)]))

    async def revoke(self, key_id: str, *, elsewhere: bool, lost: bool = False) -> None:
        """Print what the revocation ended."""
        if elsewhere:
            revoked = await self._keys.revoke_elsewhere(key_id, self._origin)
            self._say(f"Nothing that a key {key_id} has signed is good any more.")
        else:
            revoked = await self._keys.revoke(key_id, self._origin, with_lost_encryption_key=lost)
            self._console.print(_table([revoked.key] if revoked.key else []))
        many = revoked.sessions is None
        count = (
            "Its sessions, too many to be counted now," if many else f"{revoked.sessions} sessions"
        )
        self._say(f"{count} have ended.")
        if not revoked.effective_everywhere:
            self._say(LATER)

    async def rewrap(self) -> None:
        """Print by which key all are sealed now."""
        sealed, of = await self._keys.rewrap()
        first, *others = self._encryption_keys
        fingerprint = hashlib.sha256(first).hexdigest()[:_FINGERPRINT]
        self._say(
            f"{of} of {of} keys are sealed by the first key of KEY_ENCRYPTION_KEY (its SHA-256 "
            f"begins with {fingerprint}), {sealed} of them anew."
        )
        if not others:
            self._say("It is the only one. To exchange it, give the new one first: new,old.")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _table(keys: Sequence[SigningKey]) -> Table:
    id_column = Column("key", min_width=KEY_ID_WIDTH, overflow="fold")
    table = Table(id_column, "algorithm", "state", "since", "needed until", box=SIMPLE_HEAD)
    for key in keys:
        since = key.retire_time or key.activate_time or key.create_time
        table.add_row(
            key.key_id,
            key.algorithm,
            key.state.value,
            _shown(since),
            _shown(key.last_expire_time),
        )
    return table


def _shown(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
