"""A service that installs the client gets nothing of the server."""

from pathlib import Path

from support.commands import run

SERVERS_OWN = (
    "tokenauthority_server",
    "asyncpg",
    "redis",
    "sqlalchemy",
    "starlette",
    "grpc_health",
)
PROGRAM = f"""
import importlib.util
import tokenauthority_client
print([name for name in {SERVERS_OWN} if importlib.util.find_spec(name)])
"""


def test_the_client_alone_is_enough(client_only: Path) -> None:
    done = run(client_only / "python", "-W", "error", "-c", PROGRAM)
    assert (done.code, done.text) == (0, "[]\n")
