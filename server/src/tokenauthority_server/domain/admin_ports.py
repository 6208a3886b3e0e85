"""What administration needs of the world.

As in ports.py, every method raises StoreUnavailableError when it cannot ask its store, and a change
is atomic, audited in its own transaction, and may be asked for again.
"""

from collections.abc import Sequence
from typing import Protocol

from tokenauthority_server.domain.audit import AuditFilter, AuditNote, AuditPage
from tokenauthority_server.domain.imports import Imported, ImportedUser
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria, Span, Stretch
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import Profile, User, UserPage


class UserStore(Protocol):
    """The profiles of users. A tombstone is nobody to those who read."""

    async def put(self, profile: Profile, profile_size: int, origin: Origin) -> User:
        """Create the user or replace the profile, and return the user as it is now.

        A right that is taken away raises the profile epoch, with its fact. Putting what is there
        already changes nothing. A tombstone becomes a user again, ACTIVE and without a password;
        its epochs stay. Raises UsernameTakenError.
        """
        ...

    async def by_id(self, user_id: str) -> User:
        """Return the user; raise UserNotFoundError. May be asked again after a failure."""
        ...

    async def by_username(self, username: str) -> User:
        """Return the user; raise UserNotFoundError. May be asked again after a failure."""
        ...

    async def page(self, prefix: str, size: int, after: str) -> UserPage:
        """Return up to `size` users whose username begins so, by its bytes, after that one.

        May be asked again after a failure.
        """
        ...


class SessionEnder(Protocol):
    """Goes through the sessions in the order of their keys, a stretch at a time."""

    async def count_stretch(self, criteria: SessionCriteria, span: Span) -> Stretch:
        """Count the live sessions of the span that meet the criteria."""
        ...

    async def end_stretch(
        self, criteria: SessionCriteria, span: Span, reason: RevocationReason, origin: Origin
    ) -> Stretch:
        """Do the same, and end those that do, each with its fact, its count and its event.

        One that is refreshed meanwhile ends all the same, whatever it would match then.
        """
        ...


class AuditTrail(Protocol):
    """What happened."""

    async def note(self, note: AuditNote, origin: Origin) -> None:
        """Write an event; it is durable when this returns."""
        ...

    async def page(self, wanted: AuditFilter, size: int, before: str) -> AuditPage:
        """Return up to `size` events before the one of this id ("": from the newest one on).

        May be asked again after a failure.
        """
        ...


class UserImporter(Protocol):
    """Takes users over. Nobody waits for it, so a call may take half a minute."""

    async def put_all(
        self,
        users: Sequence[ImportedUser],
        origin: Origin,
        *,
        replace_passwords: bool,
        dry_run: bool,
    ) -> Sequence[Imported]:
        """Take all of them over in one change, and return what became of each, in order.

        The profile becomes what is given. A password is set where there is none, or where the one
        that is there was taken over too; any other is kept, unless `replace_passwords`. An inactive
        user becomes DISABLED; nobody is let in again. What that ends, rights or sessions, ends as
        by any other change. A tombstone stays one. A dry run tells the same and changes nothing.
        """
        ...


class Erasure(Protocol):
    """Removes a person from what is kept of a deleted user, and leaves what happened."""

    async def begin(self, user_id: str, origin: Origin) -> None:
        """Write into the audit trail that it begins.

        Raises UserNotFoundError for a user who never was, and UserNotDeletedError.
        """
        ...

    async def clear(self, user_id: str, batch: int) -> int:
        """Clear at most `batch` rows of each kind, and return how many there were to clear.

        Devices, agents and addresses go from the user's events, sessions and counts, and all
        details of the events but IMPERSONAL_DETAILS. Raises UserNotDeletedError when the user came
        back meanwhile.
        """
        ...
