"""Databases of an earlier release."""

import tokenauthority_server.adapters.postgres.migrate as migrating


async def bring_to(url: str, revision: str) -> None:
    """Bring an empty database to the schema of an earlier release."""
    await migrating._upgrade(url, revision)
