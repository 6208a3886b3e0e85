"""`tokenauthority dev`: everything that a developer needs, from one command."""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import typer
from pydantic import SecretStr

from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.config import (
    USERS_READ,
    Settings,
    ensure_dev_key,
    is_loopback,
    telling,
)
from tokenauthority_server.embedded import EmbeddedPostgres, EmbeddedValkey
from tokenauthority_server.signing import made_here
from tokenauthority_server.transport.binding import Addresses

_CREATE = '{"subject": {"user_id": "1", "username": "ann", "roles": ["admin"]}}'
_LIST = '{"user_id": "1"}'


class Serve(Protocol):
    """Serves until it is told to stop: see `app.serve`."""

    async def __call__(
        self, settings: Settings, *, dev: bool = ..., on_ready: Callable[[Addresses], None] = ...
    ) -> None:
        """See `app.serve`."""
        ...


def develop(settings: Settings, serve: Serve) -> None:
    """Serve until Ctrl-C, with embedded stores for those that the settings do not name.

    The embedded database is migrated; another one only with MIGRATE=1. Raises StartError.
    """
    with ExitStack() as stores:
        # Nobody balances load over this one, so there is nothing to drain.
        found: dict[str, object] = {"drain_seconds": 0}
        if not settings.database_url:
            postgres = stores.enter_context(EmbeddedPostgres.start(settings.data_dir))
            found["database_url"] = SecretStr(postgres.url)
        if not settings.redis_url:
            valkey = stores.enter_context(EmbeddedValkey.start(settings.data_dir))
            found["redis_url"] = SecretStr(valkey.url)
        if not settings.key_encryption_key:
            found["key_encryption_key"] = ensure_dev_key(settings.data_dir)
        complete = settings.model_copy(update=found)
        if "database_url" in found:
            stores.enter_context(telling(complete, USERS_READ))
        asyncio.run(_serve(complete, serve, own="database_url" in found))


async def _serve(settings: Settings, serve: Serve, *, own: bool) -> None:
    if own or settings.migrate:
        await migrate(settings.database_url.get_secret_value())
    await serve(settings, dev=True, on_ready=lambda addresses: _greet(settings, addresses))


def _greet(settings: Settings, addresses: Addresses) -> None:
    typer.secho("\nThe token authority is ready.", bold=True)
    typer.echo(
        f"  gRPC {addresses.grpc}   HTTP {addresses.http}   data in {settings.data_dir}   "
        "Ctrl-C stops it"
    )
    typer.echo(f"  {_callers(settings)}\n")
    rotate = f"{_keys(settings)} keys activate   # rotates the signing key"
    # Whose certificates are trusted, and which a client has, only whoever set up TLS knows.
    calls = () if settings.tls_cert_file else (("CreatePair", _CREATE), ("ListSessions", _LIST))
    for line in (
        *(_call(addresses.grpc, method, body) for method, body in calls),
        f"curl -s http://{addresses.http}/readyz",
        *([rotate] if made_here(settings) else []),
    ):
        typer.echo(f"  {line}")
    typer.echo()


def _callers(settings: Settings) -> str:
    if settings.callers_file:
        return f"Callers are those of {settings.callers_file}"
    if is_loopback(settings.grpc_host):
        return "Everyone on this machine may call everything, administration too"
    return "Everyone who reaches this port may call everything but administration"


def _call(address: str, method: str, body: str) -> str:
    """Return a line to copy, for the tool that is at hand."""
    path = f"tokenauthority.v1.TokenService/{method}"
    if Path(sys.executable).with_name("buf").exists() and not shutil.which("grpcurl"):
        return f"{_beside('buf')} curl --protocol grpc --http2-prior-knowledge -d '{body}' http://{address}/{path}"
    return f"grpcurl -plaintext -d '{body}' {address} {path}"


def _keys(settings: Settings) -> str:
    program = _beside("tokenauthority")
    if settings.data_dir == Settings.model_fields["data_dir"].default:
        return program
    return f"DATA_DIR={shlex.quote(str(settings.data_dir))} {program}"


def _beside(program: str) -> str:
    """Return the path of a program of this environment, as it is typed here."""
    return os.path.relpath(Path(sys.executable).with_name(program))
