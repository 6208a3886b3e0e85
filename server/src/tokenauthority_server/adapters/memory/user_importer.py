"""Taking users over, in memory."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields
from typing import Final

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent, UserRow
from tokenauthority_server.adapters.memory.user_store import put_user
from tokenauthority_server.domain.errors import UsernameTakenError
from tokenauthority_server.domain.imports import Imported, ImportedUser
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import UserStatus

_DISABLED: Final = {"status": UserStatus.DISABLED, "locked_until": None}


class MemoryUserImporter:
    """A UserImporter over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def put_all(
        self,
        users: Sequence[ImportedUser],
        origin: Origin,
        *,
        replace_passwords: bool,
        dry_run: bool,
    ) -> Sequence[Imported]:
        """Take all of them over, and return what became of each, in order."""
        before = deepcopy(self._database) if dry_run else None
        outcomes = [self._put(one, origin, replaces=replace_passwords) for one in users]
        if before is not None:
            for one in fields(before):
                setattr(self._database, one.name, getattr(before, one.name))
        return outcomes

    def _put(self, user: ImportedUser, origin: Origin, *, replaces: bool) -> Imported:
        database = self._database
        before = database.users.get(user.profile.user_id)
        if before is not None and before.status is UserStatus.DELETED:
            return Imported.USER_DELETED
        try:
            row = put_user(database, user.profile, user.profile_size, origin)
        except UsernameTakenError:
            return Imported.USERNAME_TAKEN
        has = row.password_hash
        keeps = bool(user.password_hash and has and not has.startswith("$2") and not replaces)
        sets = bool(user.password_hash) and not keeps and user.password_hash != has
        # A lock that ends would let the user in by itself.
        lets_in = row.status is UserStatus.ACTIVE or row.locked_until is not None
        disables = not user.active and lets_in
        reason = None
        if disables:
            reason = RevocationReason.USER_DISABLED
        elif sets and has is not None:
            reason = RevocationReason.PASSWORD_CHANGED
        if reason and before is not None:
            database.end_user_sessions(user.profile.user_id, reason)
        if sets:
            database.forget_sources(user.profile.user_id)
            self._change(user, origin, "user.password_imported", password_hash=user.password_hash)
        if disables:
            self._change(user, origin, "user.status_changed", **_DISABLED)
        if before is None:
            return Imported.CREATED
        if sets or disables or row.profile != before.profile:
            return Imported.CHANGED
        return Imported.PASSWORD_KEPT if keeps else Imported.UNCHANGED

    def _change(self, user: ImportedUser, origin: Origin, kind: str, **changes: object) -> UserRow:
        database, user_id = self._database, user.profile.user_id
        database.audit_events.append(
            AuditEvent(time=database.clock.now(), kind=kind, origin=origin, user_id=user_id)
        )
        return database.set_user(database.users[user_id], **changes)
