"""Makes sessions old: the database's clock cannot be moved, so what has happened is."""

from support.postgres import Connection


async def age(database: Connection, session_id: str, seconds_left: int) -> None:
    """Move a session into the past, until it ends in so many seconds, or up to one less.

    Its end stays a whole second, as ends are. Tokens that it has given out keep their own times.
    """
    await database.execute(
        """
        UPDATE tokenauthority.sessions AS s SET
            created_at = created_at - moved, rotated_at = rotated_at - moved,
            ends_at = ends_at - moved, refresh_expires_at = ends_at - moved
        FROM (
            SELECT ends_at - date_trunc('second', now() + make_interval(secs => $2)) AS moved
            FROM tokenauthority.sessions WHERE session_id = $1
        ) AS by
        WHERE session_id = $1
        """,
        session_id,
        seconds_left,
    )
