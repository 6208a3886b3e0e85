"""The way through a pooler in transaction mode, such as PgBouncer.

It hands each transaction to whichever server connection is free. So nothing may be prepared for
later, nor set when a connection starts: what is promised rests on settings, and each transaction
brings them along. That is four round trips in place of one.
"""

import re

import asyncpg
from asyncpg.pool import PoolConnectionProxy

_OPTION = re.compile(r"(?<=[?&])pooler=transaction(&|$)")


def without_pooler(url: str) -> tuple[str, bool]:
    """Return the address without `pooler=transaction`, and whether that was there."""
    plain = _OPTION.sub("", url)
    return (plain.rstrip("?&"), True) if plain != url else (url, False)


async def in_transaction(
    connection: "PoolConnectionProxy[asyncpg.Record]",
    settings: dict[str, str],
    statement: str,
    arguments: tuple[object, ...],
    *,
    writes: bool,
) -> list[asyncpg.Record]:
    """Run one statement as a transaction under these settings, and return its rows.

    Whoever writes is refused by a standby. Whoever asks says READ WRITE to be refused too: which
    server is behind the pooler is known at no other time.
    """
    mode = "" if writes else "READ WRITE"
    pinned = "".join(f"SET LOCAL {name} = '{value}';" for name, value in settings.items())
    try:
        try:
            await connection.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED {mode}; {pinned}")
        except asyncpg.FeatureNotSupportedError as error:
            raise asyncpg.ReadOnlySQLTransactionError("it is a standby") from error
        rows = await connection.fetch(statement, *arguments)
        await connection.execute("COMMIT")
    except BaseException:
        # It may be that nobody is there any more to end the transaction, and the pooler keeps a
        # server for it as long as the connection lasts.
        connection.terminate()
        raise
    return rows
