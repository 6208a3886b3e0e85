"""Calls without a deadline of their own get one."""

import asyncio
from dataclasses import replace

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from support.failures import failure_of
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.domain.deadlines import seconds_left

SHORT = 0.05
LONG = 30.0


class Slow:
    """A method that waits for a sign, and knows whether it was cancelled."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.cancelled = False
        self.handlers = {"Ask": unary(self.ask)}

    async def ask(self, request: StringValue, _context: object) -> StringValue:
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return request


async def test_a_call_that_sets_no_deadline_runs_into_the_methods() -> None:
    slow = Slow()
    policies = allowed(slow.handlers, default_deadline=SHORT)
    async with serving(hand_made(slow.handlers), policies=policies) as served:
        failure = await failure_of(ask(served.channel)(StringValue()))
        handled = served.handled(f"{NAME}.Ask", "UNAVAILABLE")

    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.reason == "OVERLOADED"
    assert failure.retry_after == 1.0
    assert slow.cancelled
    assert handled == 1


async def test_the_callers_own_deadline_is_the_callers() -> None:
    slow = Slow()
    policies = allowed(slow.handlers, default_deadline=SHORT)
    async with serving(hand_made(slow.handlers), policies=policies) as served:
        call = ask(served.channel)(StringValue(value="kept"), timeout=LONG)
        asyncio.get_running_loop().call_later(SHORT * 4, slow.go_on.set)

        assert (await call).value == "kept"


@pytest.mark.parametrize("default_deadline", [None, LONG])
async def test_a_call_in_time_is_left_alone(default_deadline: float | None) -> None:
    slow = Slow()
    slow.go_on.set()
    policies = allowed(slow.handlers, default_deadline=default_deadline)
    async with serving(hand_made(slow.handlers), policies=policies) as served:
        assert (await ask(served.channel)(StringValue(value="kept"))).value == "kept"


async def test_a_time_out_of_the_methods_own_is_no_overload() -> None:
    async def fail(_request: StringValue, _context: object) -> StringValue:
        raise TimeoutError

    handlers = {"Ask": unary(fail)}
    async with serving(
        hand_made(handlers), policies=allowed(handlers, default_deadline=LONG)
    ) as served:
        failure = await failure_of(ask(served.channel)(StringValue()))

    assert failure.reason == "INTERNAL"


@pytest.mark.parametrize("audited", [True, False])
@pytest.mark.parametrize("given", [None, LONG])
async def test_a_change_knows_how_long_its_call_goes_on(
    given: float | None, *, audited: bool
) -> None:
    # The guard: it is said before the method runs. Without it a change waited past its call's end.
    told: list[float | None] = []

    async def tell(request: StringValue, _context: object) -> StringValue:
        told.append(seconds_left())
        return request

    handlers = {"Ask": unary(tell)}
    policies = {
        path: replace(policy, audited=audited) for path, policy in allowed(handlers).items()
    }
    async with serving(hand_made(handlers), policies=policies) as served:
        await ask(served.channel)(StringValue(), timeout=given)

    (left,) = told
    if not audited:
        assert left is None
    else:
        assert left is not None
        # On its way gRPC rounds a deadline up, to three digits.
        assert (given or 5.0) - 1.0 < left <= (given or 5.0) * 1.01
