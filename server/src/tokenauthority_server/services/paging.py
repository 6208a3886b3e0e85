"""What all lists that come in pages have in common."""

from tokenauthority_server.domain.errors import InvalidRequestError, Violation
from tokenauthority_server.domain.ports import PageTokens

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500


def size_of(page_size: int) -> int:
    """Return how many a page may hold; 0 means the default."""
    return min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def cursor_of(page_tokens: PageTokens, request: str, page_token: str) -> str:
    """Return where the page begins, "" for the first one.

    Raises InvalidRequestError for a page token that is altered or of another request.
    """
    if not page_token:
        return ""
    try:
        return page_tokens.open(request, page_token)
    except ValueError as error:
        raise InvalidRequestError(
            Violation("page_token", "is not one that was given for this request")
        ) from error
