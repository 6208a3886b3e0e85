"""A real Redis-compatible store for the tests."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tokenauthority_server.embedded import EmbeddedValkey


@contextmanager
def redis_server() -> Iterator[str]:
    """The address of a server: TEST_REDIS_URL's, or an embedded one that ends with the block.

    Others may have written to it: tests use names of their own.
    """
    outside = os.environ.get("TEST_REDIS_URL")
    if outside:
        yield outside
        return
    with own_redis() as url:
        yield url


@contextmanager
def own_redis() -> Iterator[str]:
    """The address of an embedded one that nobody else uses; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="tests-redis-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root the server may run as another user
        with EmbeddedValkey.start(folder / "data") as server:
            yield server.url


NO_REDIS = "redis://127.0.0.1:1"
"""Where nobody listens: nobody gets a lease, and validations ask the database."""
