"""RevocationLog over Redis: `ta:{revocation}:identity`, `:verifiers`, `:log` and `:reports`."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final

from tokenauthority_server.adapters.redis.connection import GONE, NAME, Client, reconnect
from tokenauthority_server.adapters.redis.entries import decode, encode
from tokenauthority_server.adapters.redis.script import Script
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Entry,
    Granted,
    OtherData,
    Position,
    Renewed,
    Row,
    Rows,
    Standing,
    Struck,
    position_of,
)
from tokenauthority_server.domain.revocations import LiveFact

IDENTITY: Final = "ta:{revocation}:identity"
VERIFIERS: Final = "ta:{revocation}:verifiers"
LOG: Final = "ta:{revocation}:log"
REPORTS: Final = "ta:{revocation}:reports"
KEYS: Final = (IDENTITY, VERIFIERS, LOG, REPORTS)

MOST_ENTRIES: Final = 100
"""Entries that are read at once while following."""

ANSWER_SECONDS: Final = 0.9
"""How long an answer may take with all that it takes to ask, connecting included."""

_SCRIPTS: Final = files(__package__) / "scripts"
_DATA_SET: Final = (_SCRIPTS / "data_set.lua").read_text("utf-8")


def _script(name: str) -> Script:
    return Script(_DATA_SET + (_SCRIPTS / f"{name}.lua").read_text("utf-8"))


_LOOK: Final = _script("look")
_APPEND: Final = _script("append")
_GRANT: Final = _script("grant")
_RENEW: Final = _script("renew")
_ROWS: Final = _script("rows")
_STRIKE: Final = _script("strike")
_LEAVE: Final = _script("leave")


class RedisRevocationLog:
    """The port RevocationLog. Each method but the two that wait is one script."""

    def __init__(self, client: Client, patient: Client) -> None:
        """Take a client for what is answered at once, and a patient one for what waits.

        So that nothing short is kept waiting by what waits on purpose.
        """
        self._client = client
        self._patient = patient
        self._identity = ""
        self._told: str | None = None
        self._failed = False

    async def look(self) -> Standing:
        """See RevocationLog.look."""
        async with _answered():
            return await self._standing(await self._run(_LOOK))

    async def append(self, facts: Sequence[LiveFact]) -> Standing:
        """See RevocationLog.append."""
        async with _answered():
            return await self._standing(await self._run(_APPEND, *encode(facts)))

    async def follow(self, after: Position, seconds: float) -> Sequence[Entry]:
        """See RevocationLog.follow."""
        async with _answered(seconds):
            return [
                decode(place, fields)
                for place, fields in await self._read(LOG, str(after), seconds, MOST_ENTRIES)
            ]

    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        """See RevocationLog.grant."""
        async with _answered():
            answer = await self._run(_GRANT, identity, row, str(position))
            standing = await self._standing(answer)
            if standing.identity != identity:
                return OtherData(standing.identity)
            entries = [decode(place, _pairs(fields)) for place, fields in json.loads(answer[2])]
            return Granted(entries, standing.position)

    async def renew(
        self, identity: str, row: str, moved: Row, *, tell: bool
    ) -> Renewed | Struck | OtherData:
        """See RevocationLog.renew."""
        async with _answered():
            answer = await self._run(
                _RENEW, identity, row, f"{moved.counter} {moved.position}", int(tell)
            )
            standing = await self._standing(answer)
            if standing.identity != identity:
                return OtherData(standing.identity)
            return Renewed(standing.position) if answer[2] else Struck()

    async def rows(self) -> Rows:
        """See RevocationLog.rows."""
        async with _answered():
            answer = await self._run(_ROWS)
            standing = await self._standing(answer)
            rows = _pairs(answer[2])
            # The data set's name stands among them.
            del rows["identity"]
            return Rows(
                standing.identity,
                standing.position,
                {name: _row(text) for name, text in rows.items()},
            )

    async def wait_for_reports(self, seconds: float) -> None:
        """See RevocationLog.wait_for_reports."""
        try:
            async with _answered(seconds):
                if self._told is None:
                    self._told = await self._last_report()
                    if self._failed:
                        self._failed = False
                        return
                reports = await self._read(REPORTS, self._told, seconds)
        except StoreUnavailableError:
            # Another server's ids may be lower. What it told meanwhile the next call makes up for.
            self._told, self._failed = None, True
            raise
        if reports:
            self._told = reports[-1][0]

    async def strike(self, identity: str, row: str, counter: int) -> bool:
        """See RevocationLog.strike."""
        async with _answered():
            return bool(await self._run(_STRIKE, identity, row, counter))

    async def leave(self, row: str) -> None:
        """See RevocationLog.leave."""
        async with _answered():
            await self._run(_LEAVE, row)

    async def _run(self, script: Script, *arguments: str | int) -> Any:
        return await script.run(self._client, KEYS, secrets.token_hex(16), *arguments)

    async def _standing(self, answer: list[Any]) -> Standing:
        standing = Standing(answer[0], position_of(answer[1]))
        former, self._identity = self._identity, standing.identity
        if former not in {"", standing.identity}:
            # What waits may wait at a server that is not the primary any more, and nobody's.
            await reconnect(self._patient)
        return standing

    async def _last_report(self) -> str:
        last = await self._patient.xrevrange(REPORTS, count=1)
        return str(last[0][0]) if last else str(BEGINNING)

    async def _read(
        self, key: str, after: str, seconds: float, most: int | None = None
    ) -> list[tuple[str, dict[str, str]]]:
        # To Redis zero is no end.
        milliseconds = max(1, int(seconds * 1000))
        streams: Any = await self._patient.xread({key: after}, count=most, block=milliseconds)
        return streams[0][1] if streams else []


@asynccontextmanager
async def _answered(seconds: float = 0.0) -> AsyncIterator[None]:
    """Raise what the port says when there is no answer, or none that can be read."""
    before = _cancellations()
    try:
        async with asyncio.timeout(seconds + ANSWER_SECONDS):
            yield
    except (*GONE, ValueError, LookupError, TypeError) as error:
        raise StoreUnavailableError(NAME, type(error).__name__) from error
    finally:
        if _cancellations() > before:
            # The library loses some of them while it connects, and whoever goes on for ever would.
            raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _row(text: str) -> Row:
    counter, position = text.split(" ")
    return Row(int(counter), position_of(position))


def _pairs(texts: list[str]) -> dict[str, str]:
    return dict(zip(texts[::2], texts[1::2], strict=True))
