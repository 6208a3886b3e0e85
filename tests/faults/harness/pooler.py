"""A PgBouncer of one's own, in transaction mode."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from faults.harness.fleet import free_port
from support.processes import accepts
from support.waiting import wait_until

SERVER_CONNECTIONS = 4
"""Fewer than a worker's pools hold: they have to share them."""

# Debian keeps it where only root's PATH leads.
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """The same database through a PgBouncer as it comes, but for its mode and its few connections.

    The password is PgBouncer's own: whoever connects is let in.
    """
    assert PROGRAM
    parts = urlsplit(url)
    name = parts.path.removeprefix("/")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tests-pgbouncer-") as folder:
        Path(folder).chmod(0o711)
        configuration = Path(folder) / "pgbouncer.ini"
        configuration.write_text(
            f"""
[databases]
{name} = host={parts.hostname} port={parts.port} user={parts.username} password={parts.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 200
"""
        )
        configuration.chmod(0o644)
        # It does not run as root.
        user = ("-u", "nobody") if os.geteuid() == 0 else ()
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [PROGRAM, *user, configuration], stdout=log, stderr=log
            )
        try:
            address = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
            wait_until(lambda: accepts(address) or process.poll() is not None)
            assert process.poll() is None, (Path(folder) / "log").read_text()
            yield address
        finally:
            process.terminate()
            process.wait(10)
