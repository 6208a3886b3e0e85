"""Callers that live on while things break: each asks again, elsewhere, until it is told."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self, TypeVar

from faults.harness.caller import Caller, Refused
from faults.harness.fleet import Worker
from faults.harness.record import Record, SessionRecord
from support.waiting import until

Answer = TypeVar("Answer")

PAUSE = 0.01
"""Seconds between a caller's calls, as a load that two processors can bear."""
INSIST_SECONDS = 15.0
"""How long a caller asks for one thing. Whatever is broken heals sooner."""
SESSIONS = 4
"""A caller who has so many live ones opens no more."""

CHANGE, QUESTION = "change", "question"


class Load:
    """Callers of a fleet. Each keeps to sessions and a user of its own."""

    def __init__(self, record: Record, workers: Sequence[Worker]) -> None:
        self.record = record
        self.workers = workers
        self.answered: Counter[tuple[int, str]] = Counter()
        """Answers by the number of the worker and the kind of the call."""
        self.asked_again = 0

    @classmethod
    @asynccontextmanager
    async def on(
        cls, record: Record, workers: Sequence[Worker], name: str, callers: int = 8
    ) -> AsyncIterator[Self]:
        """A load that lasts as long as the block. A caller that fails ends the block."""
        load = cls(record, workers)
        lives = [Life(load, f"u-{name}-{number}") for number in range(callers)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(life.live()) for life in lives]
            yield load
            for life in lives:
                life.over = True
            await asyncio.wait(tasks)

    async def goes_on(
        self, workers: Sequence[Worker], each: int = 3, seconds: float = INSIST_SECONDS
    ) -> float:
        """Return when each of these has made and told so much more; tell how long that took."""
        before = self.answered.copy()
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while any(  # noqa: ASYNC110 - each of the callers counts
                self.answered[worker.number, kind] - before[worker.number, kind] < each
                for worker in workers
                for kind in (CHANGE, QUESTION)
            ):
                await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def is_asked_again(self) -> None:
        """Return when somebody was told nothing, and asks once more."""
        before = self.asked_again
        await until(lambda: self.asked_again > before)


class Life:
    """One caller, and the sessions that it has."""

    def __init__(self, load: Load, user_id: str) -> None:
        self.over = False
        self._load = load
        self._user_id = user_id
        self._sessions: list[SessionRecord] = []
        self._turn = secrets.randbelow(len(load.workers))

    async def live(self) -> None:
        """Do one thing after another until it is over; what was begun is asked to its end."""
        while not self.over:
            await self._step()
            await asyncio.sleep(PAUSE)

    async def _step(self) -> None:
        if len(self._sessions) < 2:
            await self._create()
            return
        session = secrets.choice(self._sessions)
        what = secrets.choice(
            [self._validate] * 8 + [self._refresh] * 8 + [self._end] * 2 + [self._end_all]
        )
        await what(session)
        if len(self._sessions) < SESSIONS:
            await self._create()

    async def _create(self) -> None:
        request_id = secrets.token_hex(8)
        session = await self._told(
            CHANGE, lambda caller: caller.create(self._user_id, request_id=request_id)
        )
        # The pair of a creation that was asked for again may be refused, if what ends all the
        # user's sessions came between. There is none here: each caller asks one thing at a time.
        assert isinstance(session, SessionRecord), session
        self._sessions.append(session)

    async def _validate(self, session: SessionRecord) -> None:
        await self._told(QUESTION, lambda caller: caller.validate(session))

    async def _refresh(self, session: SessionRecord) -> None:
        answer = await self._told(CHANGE, lambda caller: caller.refresh(session))
        assert not isinstance(answer, Refused), answer

    async def _end(self, session: SessionRecord) -> None:
        self._sessions.remove(session)
        await self._told(CHANGE, lambda caller: caller.revoke_session(session))
        await self._validate(session)

    async def _end_all(self, kept: SessionRecord) -> None:
        gone = [one for one in self._sessions if one is not kept]
        self._sessions = [kept]
        await self._told(CHANGE, lambda caller: caller.revoke_user(self._user_id, kept))
        for session in gone:
            await self._validate(session)

    async def _told(self, kind: str, ask: Callable[[Caller], Awaitable[Answer | None]]) -> Answer:
        """The answer of the first worker that gives one."""
        deadline = time.monotonic() + INSIST_SECONDS
        while True:
            self._turn += 1
            worker = self._load.workers[self._turn % len(self._load.workers)]
            answer = await ask(Caller(self._load.record, worker))
            if answer is not None:
                self._load.answered[worker.number, kind] += 1
                return answer
            assert time.monotonic() < deadline, f"no answer by anyone: {worker}"
            self._load.asked_again += 1
            await asyncio.sleep(PAUSE)
