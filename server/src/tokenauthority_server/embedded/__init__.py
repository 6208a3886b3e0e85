"""A real PostgreSQL and a real Valkey as children of this process, for ``dev`` and the tests.

They listen on 127.0.0.1 alone, ask for a password, run without root, keep everything under the
folder that the caller gives, and end with the process that started them, however it ends.
"""

from tokenauthority_server.embedded.errors import EmbeddedStoreError
from tokenauthority_server.embedded.postgres import EmbeddedPostgres
from tokenauthority_server.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedStoreError", "EmbeddedValkey"]
