"""How many connections this process can have and still open what it needs itself."""

import resource
from typing import Final

MOST_CONNECTIONS: Final = 4_096
"""A caller needs one or two; this is for thousands of callers of each replica."""
OWN_FILES: Final = 256
"""For connections to the stores, key files, HTTP and what the libraries keep."""


def most_connections() -> int:
    """Return how many connections to accept: each is an open file, and files are limited.

    A process that may have more files than it has now takes them: where none is left, neither a
    store nor a key file can be opened.
    """
    wanted = MOST_CONNECTIONS + OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(MOST_CONNECTIONS, soft - OWN_FILES))
