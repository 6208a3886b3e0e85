"""T3: how long the event loop pauses while all keys are opened anew and exchanged.

A pause is counted twice: by the clock, and in the processor's time of this whole process, whichever
thread of it had the interpreter meanwhile. The second one has nothing of what other processes took,
so it is the one with the budget.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

from benchmarks.figures import Spread
from benchmarks.rows import Line, Row, Verdict
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.following import KeyFollower
from tokenauthority_server.adapters.signing_keys.material import KEY_PAIR_ALGORITHMS, SealedKeys
from tokenauthority_server.domain.key_ports import SigningKeyStore
from tokenauthority_server.domain.keys import KeyState, SigningKey, StoredKey, StoredKeys

KEYS = 20
BUDGET_MS = 5.0
LULL_SECONDS = 0.001
"""Before and after, so that the loop is seen to tick."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """The longest pause of a round, and how long the whole of it took, in milliseconds."""

    processor: float
    clock: float
    whole: float


PROCESSOR = "longest pause, ms of processor"
READ: dict[str, Callable[[Pauses], float]] = {
    PROCESSOR: lambda one: one.processor,
    "longest pause, ms by the clock": lambda one: one.clock,
    "until all are exchanged, ms": lambda one: one.whole,
}


class FixedKeys:
    """Of the store of the keys what is asked here, at no cost."""

    def __init__(self, keys: StoredKeys) -> None:
        self._keys = keys

    async def load(self) -> StoredKeys:
        return self._keys


def loading(rounds: int) -> Row:
    return asyncio.run(_loading(rounds))


async def _loading(rounds: int) -> Row:
    sealed = SealedKeys(EncryptionKeys([secrets.token_bytes(32)]))
    store = cast("SigningKeyStore", FixedKeys(await _stored(sealed)))
    ours, bare = [], []
    for _ in range(rounds + 1):
        # A new follower has opened none of them.
        follower = KeyFollower(KeyRing("ES256"), store, sealed)
        ours.append(await _pauses(follower.catch_up))
        bare.append(await _pauses(partial(asyncio.sleep, ours[-1].whole / 1000)))
    figures = {
        what: (
            Spread.of([read(one) for one in ours[1:]]),
            Spread.of([read(one) for one in bare[1:]]),
        )
        for what, read in READ.items()
    }
    budgeted, _ = figures[PROCESSOR]
    return Row(
        id="T3",
        compares=f"{KEYS} sealed keys, half of them RSA, opened in a thread and exchanged, against "
        f"the same loop with nothing to do; the longest pause of each of {rounds} rounds",
        lines=tuple(
            Line(
                what,
                str(mine),
                f"{idle.median:.2f}",
                budget=f"≤ {BUDGET_MS:g}" if what == PROCESSOR else "",
            )
            for what, (mine, idle) in figures.items()
        ),
        verdict=Verdict.MET if budgeted.median <= BUDGET_MS else Verdict.BROKEN,
        details={
            what: {"ours": asdict(mine), "bare": asdict(idle)}
            for what, (mine, idle) in figures.items()
        },
    )


async def _pauses(work: Callable[[], Awaitable[object]]) -> Pauses:
    done = asyncio.Event()
    ticking = asyncio.create_task(_tick(done))
    await asyncio.sleep(LULL_SECONDS)
    begin = time.perf_counter()
    await work()
    whole = time.perf_counter() - begin
    await asyncio.sleep(LULL_SECONDS)
    done.set()
    processor, clock = await ticking
    return Pauses(1000 * processor, 1000 * clock, 1000 * whole)


async def _tick(done: asyncio.Event) -> tuple[float, float]:
    """Return the longest time between two turns of the loop: of the processor, and by the clock."""
    processor, clock = 0.0, 0.0
    last = time.process_time(), time.perf_counter()
    while not done.is_set():
        await asyncio.sleep(0)
        now = time.process_time(), time.perf_counter()
        processor, clock = max(processor, now[0] - last[0]), max(clock, now[1] - last[1])
        last = now
    return processor, clock


async def _stored(sealed: SealedKeys) -> StoredKeys:
    now = datetime.now(UTC)
    keys = []
    for number in range(KEYS):
        material = await sealed.make(KEY_PAIR_ALGORITHMS[number % len(KEY_PAIR_ALGORITHMS)])
        key = SigningKey(
            key_id=material.key_id,
            algorithm=material.algorithm,
            state=KeyState.RETIRED if number else KeyState.ACTIVE,
            create_time=now,
            last_expire_time=now + timedelta(days=8),
        )
        keys.append(StoredKey(key=key, material=material))
    return StoredKeys(keys=tuple(keys), revoked_key_ids=frozenset(), now=now)
