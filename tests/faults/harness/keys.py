"""The keys of a fleet: made older than they are, rotated by hand, and seen to sign."""

import asyncio
import base64
import json

import asyncpg
from faults.harness.caller import Caller, insist
from faults.harness.fleet import Worker
from faults.harness.record import Record
from support.commands import HERE, KEY, environment
from support.waiting import eventually

HEARD_SECONDS = 20.0
"""By when every worker has heard of a key, on a machine that is busy: its turn comes every five."""

PAUSE = 0.1
"""Seconds between two looks at which key a worker signs with."""

AGE = """
UPDATE tokenauthority.signing_keys SET
    created_at = created_at - make_interval(days => $1),
    activated_at = activated_at - make_interval(days => $1)
"""


async def age_keys(database_url: str, days: int) -> None:
    """Move the past of all keys further into the past."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(AGE, days)
    await connection.close()


async def states(database_url: str) -> dict[str, str]:
    """The state of each key."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT kid, state FROM tokenauthority.signing_keys")
    await connection.close()
    return {row["kid"]: row["state"] for row in rows}


async def active_key(database_url: str) -> str:
    """The id of the one that signs."""
    (found,) = [kid for kid, state in (await states(database_url)).items() if state == "ACTIVE"]
    return found


async def keys_command(database_url: str, *arguments: str) -> str:
    """What `tokenauthority keys` writes, with these arguments; that it fails is a fault."""
    settings = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY}
    process = await asyncio.create_subprocess_exec(
        HERE / "tokenauthority",
        "keys",
        *arguments,
        env=environment(settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def signs_with(record: Record, worker: Worker, key_id: str) -> None:
    """Return when the pairs of the worker are signed with this key."""
    caller = Caller(record, worker)

    async def does() -> bool:
        session = await caller.open(f"u-keys-{worker.number}")
        await insist(lambda: caller.revoke_session(session))
        used = {signer(session.last.access_token), signer(session.last.refresh_token)}
        await asyncio.sleep(PAUSE)
        return used == {key_id}

    await eventually(does, HEARD_SECONDS)


def signer(token: str) -> str:
    """The `kid` of a token."""
    header = token.partition(".")[0]
    members = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    key_id: str = members["kid"]
    return key_id
