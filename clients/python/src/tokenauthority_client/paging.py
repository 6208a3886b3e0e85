"""Asking for page after page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


async def all_pages(
    ask: Callable[[str], Awaitable[tuple[Iterable[_Item], str]]],
) -> AsyncIterator[_Item]:
    """Yield what stands on all pages.

    `ask` takes a page token, empty for the first page, and returns what stands on the page and the
    token of the next one, empty on the last.
    """
    page_token = ""
    while True:
        items, page_token = await ask(page_token)
        for item in items:
            yield item
        if not page_token:
            return
