"""`tokenauthority users erase`: a person is forgotten, and what happened is not."""

from rich.console import Console

from tokenauthority_server.adapters.postgres.directory import PostgresUserDirectory
from tokenauthority_server.adapters.postgres.erasure import PostgresErasure
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import (
    StartError,
    UserNotDeletedError,
    UserNotFoundError,
)
from tokenauthority_server.propagation import LATER, standalone
from tokenauthority_server.services.erasing import Erasing
from tokenauthority_server.services.user_statuses import UserStatuses
from tokenauthority_server.users_command.database import ORIGIN, opened


async def erase(settings: Settings, console: Console, user_id: str, *, delete: bool) -> None:
    """Erase the person, and print how many rows told of one; raise StartError.

    With `delete` the user is deleted first, with every session.
    """
    known = True
    async with opened(settings) as database, standalone(settings, database) as propagation:
        try:
            if delete:
                statuses = UserStatuses(PostgresUserDirectory(database), propagation)
                known = (await statuses.delete(user_id, ORIGIN)).effective_everywhere
            cleared = await Erasing(PostgresErasure(database)).erase(user_id, ORIGIN)
        except UserNotFoundError:
            raise StartError("There never was a user of this id.") from None
        except UserNotDeletedError:
            raise StartError(
                "The user is not deleted, and what is kept of those who are there tells of them. "
                "Say --delete to delete the user first."
            ) from None
    console.print(
        f"Nothing tells of the person any more: {cleared} rows were cleared, and the events stay.",
        highlight=False,
    )
    if not known:
        console.print(LATER, highlight=False)
