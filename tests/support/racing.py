"""Doing things at the same time."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeAlias, TypeVar

from support.stores import Stores

from tokenauthority_server.domain.errors import (
    AuthorityError,
    SigningKeyRevokedError,
    TemporaryError,
)

Result = TypeVar("Result")
Refusal: TypeAlias = AuthorityError | SigningKeyRevokedError


async def race(*racers: Awaitable[Result]) -> list[Result | Refusal]:
    """Run all of them at once and return what each came to, in order.

    A refusal is an outcome; a deadlock, a time-out or any other fault is raised.
    """
    outcomes = await asyncio.gather(*racers, return_exceptions=True)
    results: list[Result | Refusal] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and (
            not isinstance(outcome, Refusal) or isinstance(outcome, TemporaryError)
        ):
            raise outcome
        results.append(outcome)
    return results


async def in_line(
    stores: Stores, session_id: str, *callers: Coroutine[Any, Any, Result]
) -> list[Result | Refusal]:
    """Let all of them wait for one session's row, in order, and return what each came to.

    Each has begun, and seen the database as it was, before the first could change anything.
    """
    tasks: list[asyncio.Task[Result]] = []
    async with stores.records.holding(session_id) as line:
        for caller in callers:
            tasks.append(asyncio.ensure_future(caller))
            await line.joined(tasks[-1])
    return await race(*tasks)
