"""`tokenauthority users erase`: a person goes, and the events stay."""

import asyncio
import json

from support.authority import Served
from support.callers import ANN, BEN, LAPTOP, PHONE
from support.commands import HERE, Finished, run
from support.postgres import Connection

TABLES = """
SELECT string_agg(t::text, ' ') FROM (
    SELECT e::text AS t FROM tokenauthority.audit_events AS e WHERE user_id = 'u-ann'
    UNION ALL SELECT s::text FROM tokenauthority.sessions AS s WHERE user_id = 'u-ann'
    UNION ALL SELECT m::text FROM tokenauthority.token_metrics AS m WHERE user_id = 'u-ann'
    UNION ALL SELECT u::text FROM tokenauthority.users AS u WHERE user_id = 'u-ann'
    UNION ALL SELECT f::text FROM tokenauthority.former_profiles AS f
) AS everything
"""


async def command(database_url: str, *arguments: str) -> Finished:
    """Run it while the loop goes on: an authority in this process must not be held up."""
    given = {"DATABASE_URL": database_url}
    return await asyncio.to_thread(
        run, HERE / "tokenauthority", "users", "erase", *arguments, settings=given
    )


async def test_a_person_is_erased(
    authority: Served, database_url: str, database: Connection
) -> None:
    client = authority.client
    pair = await client.create_pair(ANN, device=LAPTOP)
    await client.create_pair(ANN, device=PHONE)
    await client.revoke_session(pair.session_id)
    await client.create_pair(BEN, device=LAPTOP)
    events = "SELECT count(*) FROM tokenauthority.audit_events WHERE user_id = 'u-ann'"
    before = await database.fetchval(events)

    asked = await command(database_url, "u-ann")
    assert (asked.code, "say --yes" in asked.text) == (2, True)
    there = await command(database_url, "u-ann", "--yes")
    assert (there.code, "Say --delete" in there.text) == (1, True)
    nobody = await command(database_url, "-nobody", "--yes")
    assert (nobody.code, nobody.text) == (1, "There never was a user of this id.\n")
    no_text = await command(database_url, "\udcff", "--yes")
    assert (no_text.code, "is no text in UTF-8" in no_text.text) == (2, True)
    assert LAPTOP.user_agent in await database.fetchval(TABLES)

    done = await command(database_url, "u-ann", "--yes", "--delete")
    assert done.code == 0, done.text
    assert "Nothing tells of the person any more" in done.text
    assert done.text.endswith("Servers learn of it within seconds.\n")
    left = await database.fetchval(TABLES)
    assert ANN.email is not None
    for word in ("laptop", "phone", LAPTOP.ip_address, PHONE.ip_address, "browser", ANN.email):
        assert word not in left
    # All that happened stays, with the deletion and the erasure themselves.
    assert await database.fetchval(events) == before + 2
    others = "SELECT device_id FROM tokenauthority.sessions WHERE user_id = 'u-ben'"
    assert await database.fetchval(others) == LAPTOP.device_id

    again = await command(database_url, "u-ann", "--yes")
    assert (again.code, ": 0 rows were cleared" in again.text) == (0, True)
    assert "Servers learn" not in again.text
    (row, _) = await database.fetch(
        "SELECT caller, details::text FROM tokenauthority.audit_events WHERE kind = 'user.erased'"
    )
    assert row["caller"].startswith("tokenauthority users (uid ")
    assert json.loads(row["details"]) == {}
