"""Takes a guard away, in a test's own database: what a test then sees is what it is there for."""

from collections.abc import Awaitable, Callable

import asyncpg

MOST_ROUNDS = 200


async def remove_guard(database_url: str, function: str, guard: str, instead: str = "") -> None:
    """Replace the guard in all versions of a database function that have it."""
    connection = await asyncpg.connect(database_url)
    try:
        definitions = [
            row["definition"]
            for row in await connection.fetch(
                """
                SELECT pg_get_functiondef(oid) AS definition FROM pg_proc
                WHERE pronamespace = 'tokenauthority'::regnamespace
                    AND proname ~ ('^' || $1 || '_v[0-9]+$')
                """,
                function,
            )
        ]
        guarded = [one for one in definitions if guard in one]
        assert guarded, f"none of {len(definitions)} versions of {function} has the guard"
        for definition in guarded:
            await connection.execute(definition.replace(guard, instead))
    finally:
        await connection.close()


async def try_often(a_round: Callable[[int], Awaitable[object]]) -> None:
    """Do rounds of a race until one of them raises: without its guard, one soon does."""
    for number in range(MOST_ROUNDS):
        await a_round(number)
