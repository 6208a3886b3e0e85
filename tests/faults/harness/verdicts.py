"""Calls about sessions whose fate is known, while a store misbehaves: no verdict may be wrong."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from faults.harness.caller import insist
from faults.harness.history import CONVERGES
from faults.harness.pace import Pace
from support.authority import Served
from support.waiting import eventually

from tokenauthority_client import (
    CheckSource,
    SessionEndedError,
    StoreUnavailableError,
    Subject,
    TokenAuthorityClient,
    TokenPair,
    TokenType,
)

Answer = TypeVar("Answer")

LATE = 2.5
"""Seconds. The authority gives up after 0.9; the rest is for processors that many callers share.
What the machine has taken from this process meanwhile does not count."""
BUSY = 0.3
"""Seconds. A call from which the machine has taken more may fail for that alone."""
PATIENCE = 10.0
"""Seconds until one of many calls gets through, where some do."""
PAUSE = 0.005
"""Seconds between a caller's calls: the callers of many faults share two processors."""


@dataclass
class Known:
    """A session whose callers know whether it lives. One of them at a time refreshes or ends it."""

    user_id: str
    pair: TokenPair
    ended: bool = False
    ended_for_all: float = math.inf
    """From when on no validation may be unaware of its end."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Verdicts:
    """Asks one authority, and counts what it says. `name` tells in an error which fault it was.

    The client is one over a channel that was given to it: that asks once, and not again by itself.
    """

    name: str
    client: TokenAuthorityClient
    sessions: list[Known]
    pace: Pace
    answered: Counter[str] = field(default_factory=Counter)
    unavailable: Counter[str] = field(default_factory=Counter)
    sources: Counter[CheckSource | None] = field(default_factory=Counter)
    """What validations of access tokens rested on."""
    busy: Counter[str] = field(default_factory=Counter)
    """Those that were unavailable while the machine was too busy to tell why."""

    async def ask(self, seconds: float, callers: int = 4) -> None:
        """Let so many callers ask for so long, each one thing after another."""
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._caller(end) for _ in range(callers)))

    async def _caller(self, end: float) -> None:
        calls = (self.validate, self.validate, self.validate_refresh_token, self.refresh, self.list)
        while time.monotonic() < end:
            session = random.choice(self.sessions)  # noqa: S311 - no secret
            async with session.turn:
                if time.monotonic() < end:
                    await random.choice(calls)(session)  # noqa: S311 - no secret
            await asyncio.sleep(PAUSE)

    async def get_through(self) -> None:
        """Ask on until something was validated."""
        end = time.monotonic() + PATIENCE
        while not self.answered["validate"]:
            assert time.monotonic() < end, self.name
            await self.validate(self.sessions[0])

    async def validate_by_view(self) -> None:
        """Ask on until something was validated by a leased view."""
        end = time.monotonic() + PATIENCE
        while not self.sources[CheckSource.LEASED_VIEW]:
            assert time.monotonic() < end, (self.name, self.sources)
            await self.validate(self.sessions[0])

    async def validate(self, session: Known) -> None:
        """A good token is never inactive, and a revoked one never active."""
        is_known = not session.ended or session.ended_for_all < time.monotonic()
        verdict = await self._told("validate", self.client.validate(session.pair.access_token))
        if verdict is not None:
            self.sources[verdict.source] += 1
            if is_known:
                assert verdict.active is not session.ended, (self.name, verdict)

    async def validate_refresh_token(self, session: Known) -> None:
        """Nor is a refresh token, unless a refresh that was never answered has replaced it."""
        token = session.pair.refresh_token
        verdict = await self._told(
            "validate refresh token", self.client.validate(token, expected_type=TokenType.REFRESH)
        )
        assert verdict is None or not (verdict.active and session.ended), (self.name, verdict)

    async def refresh(self, session: Known) -> None:
        """The next pair, or the one that was lost on its way, or a session that has ended."""
        try:
            result = await self._told("refresh", self.client.refresh(session.pair.refresh_token))
        except SessionEndedError:
            assert session.ended, self.name
            return
        if result is not None:
            assert not session.ended, self.name
            session.pair = result.pair

    async def list(self, session: Known) -> None:
        """A live session is in its user's list, and one that has ended is not."""
        page = await self._told("list", self.client.list_sessions(session.user_id))
        if page is not None:
            listed = session.pair.session_id in {one.session_id for one in page.sessions}
            assert listed is not session.ended, self.name

    async def _told(self, what: str, call: Awaitable[Answer]) -> Answer | None:
        """The answer, or None when the authority says that it cannot tell; either of them soon."""
        began, lost_before = time.monotonic(), self.pace.lost
        try:
            answer = await call
        except StoreUnavailableError:
            busy = self.pace.lost - lost_before > BUSY
            (self.busy if busy else self.unavailable)[what] += 1
            return None
        finally:
            taken = time.monotonic() - began - (self.pace.lost - lost_before)
            assert taken < LATE, (self.name, what, taken)
        self.answered[what] += 1
        return answer

    async def heals(self) -> None:
        """Every session's verdict is to be had again within five seconds, and is right."""

        for session in self.sessions:
            async with session.turn:
                await eventually(partial(self._is_told, session))

    async def _is_told(self, session: Known) -> bool:
        before = self.answered.total()
        await self.validate(session)
        await self.refresh(session)
        return self.answered.total() > before + (not session.ended)


async def known_sessions(authority: Served, name: str, count: int) -> list[Known]:
    """So many live sessions, each of a user of its own."""
    users = [f"u-{name}-{number}".replace(" ", "-") for number in range(count)]
    return [Known(user, await opened(authority, user)) for user in users]


async def opened(authority: Served, user_id: str) -> TokenPair:
    """A session's first pair, however busy the machine is."""

    async def ask() -> TokenPair | None:
        with suppress(StoreUnavailableError):
            return await authority.client.create_pair(Subject(user_id=user_id, username=user_id))
        return None

    return await insist(ask)


async def end_session(authority: Served, session_id: str) -> float | None:
    """End it; return since when every verifier knows, and None where there was no answer."""
    with suppress(StoreUnavailableError):
        result = await authority.client.revoke_session(session_id)
        return time.monotonic() + (0.0 if result.effective_everywhere else CONVERGES)
    return None


@asynccontextmanager
async def ending(authority: Served, sessions: list[Known], every: float) -> AsyncIterator[None]:
    """End one session after another through an authority that has no faults, half of them all."""

    over = asyncio.Event()

    async def end() -> None:
        for session in sessions[::2]:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), every)
            if over.is_set():
                return
            # Never cancelled: then nobody would know whether it has ended.
            async with session.turn:
                end = partial(end_session, authority, session.pair.session_id)
                session.ended_for_all = await insist(end)
                session.ended = True

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        yield
        over.set()
