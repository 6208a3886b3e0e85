"""Cut a plan that fails down to the events that it fails by."""

from collections.abc import Callable
from typing import Final

from model.revocation.checker import ViolationError
from model.revocation.plan import Plan

MOST_RUNS: Final = 150


def shrunk(
    plan: Plan, failed: ViolationError, attempt: Callable[[Plan], ViolationError | None]
) -> tuple[Plan, ViolationError]:
    """Return the least plan that was found to break the same part of the promise, and how it did.

    Events are left out in ever smaller groups, until none can be, or MOST_RUNS plans were tried.
    """
    runs, size = 0, len(plan.events) // 2
    while size:
        start = 0
        while start < len(plan.events) and runs < MOST_RUNS:
            runs += 1
            less = plan.without(start, start + size)
            found = attempt(less)
            if found is not None and found.part == failed.part:
                plan, failed = less, found
            else:
                start += size
        size //= 2
    return plan, failed
