"""A client that verifies by itself in strict mode, written from the contract alone.

`python -m support.strict_client ADDRESS ISSUER AUDIENCE` (with `tests` on the path) answers each
line of its input, a token, with one line: `yes`, `no`, or `no lease` where it may not tell.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Self

from tokenauthority_client import (
    Fact,
    Heartbeat,
    KeyTarget,
    ProfileTarget,
    RevocationWatch,
    SessionTarget,
    Snapshot,
    TokenAuthorityClient,
    TokenTarget,
    UnavailableError,
    UserTarget,
    WatchMode,
)
from tokenauthority_tokens import jwk
from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import Claims, TokenType, unfit
from tokenauthority_tokens.verifier import Verifier

LEEWAY: Final = 5
PAUSE_SECONDS: Final = 0.1


def boot_time() -> float:
    """Seconds of the clock that also runs while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FactsInMemory:
    """All facts that the client was told. Nothing is ever dropped: tests are short."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.sessions: set[str] = set()
        self.keys: set[str] = set()
        self.users: dict[str, tuple[int, str]] = {}
        self.profiles: dict[str, int] = {}

    def add(self, fact: Fact) -> None:
        match fact.target:
            case TokenTarget(token_id):
                self.tokens.add(token_id)
            case SessionTarget(session_id):
                self.sessions.add(session_id)
            case KeyTarget(key_id):
                self.keys.add(key_id)
            case UserTarget(user_id, epoch, spared):
                if epoch > self.users.get(user_id, (-1, ""))[0]:
                    self.users[user_id] = (epoch, spared)
            case ProfileTarget(user_id, epoch):
                self.profiles[user_id] = max(epoch, self.profiles.get(user_id, 0))

    def kill(self, claims: Claims) -> bool:
        """Return whether one of them kills the token."""
        epoch, spared = self.users.get(claims.user_id, (-1, ""))
        return (
            claims.token_id in self.tokens
            or claims.session_id in self.sessions
            or claims.key_id in self.keys
            or (epoch > claims.epoch and spared != claims.session_id)
            or (
                claims.token_type is TokenType.ACCESS
                and self.profiles.get(claims.user_id, 0) > claims.profile_epoch
            )
        )


class StrictClient:
    """Watches while it is entered; `check` never waits."""

    def __init__(
        self,
        client: TokenAuthorityClient,
        *,
        issuer: str,
        audience: str,
        report_every: float = 0.5,
    ) -> None:
        self.facts = FactsInMemory()
        self.cursor = ""
        self.snapshots = 0
        self.leased_until = float("-inf")
        self.failures: list[UnavailableError] = []
        self._client = client
        self._verifier = Verifier(issuer=issuer, audience=audience)
        self._keys = KeySet.of([])
        self._report_every = report_every
        self._sent: dict[int, float] = {}
        self._report_id = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.load_keys()
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=5)

    async def load_keys(self) -> None:
        """Take the keys that verify now."""
        keys = await self._client.get_public_keys()
        self._keys = KeySet.of([jwk.public_key(key.jwk) for key in keys])

    def fail(self) -> None:
        """Raise what has ended the watch for good, if anything has."""
        if self._task and self._task.done():
            self._task.result()

    @property
    def lease_left(self) -> float:
        return max(0.0, self.leased_until - boot_time())

    def check(self, token: str) -> bool | None:
        """Return whether the token is good, or None without a lease."""
        claims = self._verifier.verify(self._keys, token)
        if not isinstance(claims, Claims):
            return False
        if unfit(claims, TokenType.ACCESS, now=time.time(), leeway=LEEWAY):
            return False
        dead = self.facts.kill(claims)
        # The clock is read last: what was seen was true under the lease.
        return None if boot_time() >= self.leased_until else not dead

    async def _watch(self) -> None:
        while True:
            try:
                watch = self._client.watch_revocations(WatchMode.STRICT, resume_cursor=self.cursor)
                async with watch:
                    await self._follow(watch)
            except UnavailableError as error:
                self.failures.append(error)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self, watch: RevocationWatch) -> None:
        self._sent = {}
        reporting = asyncio.create_task(self._report_regularly(watch))
        try:
            async for event in watch:
                if isinstance(event, Heartbeat):
                    self._extend(event.answered_report_id, event.lease)
                    continue
                self._apply(event.facts)
                if event.cursor:
                    self.cursor = event.cursor
                    self.snapshots += isinstance(event, Snapshot)
                    await self._report(watch)
        finally:
            reporting.cancel()

    def _apply(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self.facts.add(fact)

    def _extend(self, report_id: int, lease: timedelta) -> None:
        sent = self._sent.get(report_id)
        if sent is not None:
            self.leased_until = max(self.leased_until, sent + lease.total_seconds())
        self._sent = {one: at for one, at in self._sent.items() if one > report_id}

    async def _report_regularly(self, watch: RevocationWatch) -> None:
        try:
            while True:
                if self.cursor:
                    await self._report(watch)
                await asyncio.sleep(self._report_every)
        except UnavailableError:
            return  # whoever reads the stream is told too

    async def _report(self, watch: RevocationWatch) -> None:
        self._report_id += 1
        # Before it is sent: the lease counts from then.
        self._sent[self._report_id] = boot_time()
        await watch.report(self.cursor, self._report_id)


async def _main(address: str, issuer: str, audience: str) -> None:
    loop = asyncio.get_running_loop()
    async with (
        TokenAuthorityClient(address) as client,
        StrictClient(client, issuer=issuer, audience=audience) as strict,
    ):
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            verdict = {True: "yes", False: "no", None: "no lease"}[strict.check(line.strip())]
            print(verdict, flush=True)  # noqa: T201 - the answer to whoever started the process


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:4]))
