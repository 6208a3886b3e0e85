"""Taking over the users of another system."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import islice

from tokenauthority_server.domain.admin_ports import UserImporter
from tokenauthority_server.domain.imports import Imported, ImportedUser
from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.domain.revocations import About, FactKey, about_user
from tokenauthority_server.domain.sessions import Origin

BATCH = 500
"""Users taken over in one transaction: some tenths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of what is taken over, by its number: a user, or why it is none."""

    number: int
    user: ImportedUser | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a line: None where it was no user.

    `published` is whether verifiers are told of what that may have ended.
    """

    line: Line
    imported: Imported | None
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """Takes users over, a batch at a time: memory holds no more than one."""

    importer: UserImporter
    propagation: Propagation
    replace_passwords: bool = False
    dry_run: bool = False

    async def take_over(self, lines: Iterable[Line], origin: Origin) -> AsyncIterator[Outcome]:
        """Give what became of each line, in order, when that is done.

        Raises StoreUnavailableError; all that was given before is done, and can be done again.
        """
        lines = iter(lines)
        while batch := list(islice(lines, BATCH)):
            users = [one.user for one in batch if one.user is not None]
            outcomes = iter(
                await self.importer.put_all(
                    users, origin, replace_passwords=self.replace_passwords, dry_run=self.dry_run
                )
                if users
                else ()
            )
            published = self.dry_run or await self.propagation.publish(_about(users))
            for line in batch:
                yield Outcome(
                    line=line,
                    imported=None if line.user is None else next(outcomes),
                    published=published,
                )


def _about(users: Iterable[ImportedUser]) -> About:
    none: frozenset[FactKey] = frozenset()
    return About(keys=none.union(*(about_user(one.profile.user_id).keys for one in users)))
