"""`tokenauthority callers`: make keys for callers, and see what is decided about them."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from tokenauthority_server.commands.settings import WRONG_CONFIGURATION, settings_for

if TYPE_CHECKING:
    from tokenauthority_server.adapters.callers.known import CallersFile, Entry
    from tokenauthority_server.config import Settings

callers = typer.Typer(
    help="Make keys for callers, and see what the callers' file allows them.",
    no_args_is_help=True,
)

NOT_ALLOWED = 1

Name = Annotated[str, typer.Argument(help="The caller's name, as in the file.")]


@callers.command()
def new(name: Name) -> None:
    """Make a key for a caller, and print the lines for the file: `callers new NAME >> FILE`.

    The key goes to standard error, this once, so that it does not end up in the file.
    """
    from tokenauthority_server.adapters.callers.table import check_name
    from tokenauthority_server.domain.caller_keys import SECRET_BYTES, caller_key, digest_of

    try:
        check_name(name)
    except ValueError as error:
        raise _wrong(f"{name!a} {error}") from None
    key = caller_key(secrets.token_bytes(SECRET_BYTES))
    typer.echo("The key, for the caller alone. It is shown this once:\n", err=True)
    typer.echo(f"  {key}\n", err=True)
    typer.echo(
        "The lines for the file of CALLERS_FILE go to standard output. A caller that is there "
        "already gets the hash beside its own.\n",
        err=True,
    )
    table = name if "." not in name else f'"{name}"'
    typer.echo(
        f'[callers.{table}]\nkey_sha256 = ["{digest_of(key).hex()}"]\nrpcs = ["TokenService"]\n'
    )


@callers.command("list")
def list_callers() -> None:
    """List the callers of the file, with what each may call."""
    for name, entry in sorted(_read(settings_for("callers")).entries.items()):
        typer.echo(f"{name}: {', '.join(rpc.name for rpc in entry.rpcs)}")


@callers.command()
def check(
    name: Name,
    rpc: Annotated[str, typer.Argument(help="As in the file: TokenService/Validate.")],
) -> None:
    """Tell whether a caller may call an RPC, and by which line. Exits with 0 if it may, else 1."""
    from tokenauthority_server.adapters.callers.rpc_names import RpcNames
    from tokenauthority_server.transport.policy import POLICIES, Callers

    settings = settings_for("callers")
    file, names = _read(settings), RpcNames(POLICIES)
    entry = file.entries.get(name)
    if entry is None:
        raise _wrong(f"{file.path} has no caller {name!a}. It has {', '.join(file.entries)}")
    try:
        path = names.path(rpc)
    except ValueError as error:
        raise _wrong(str(error)) from None
    if POLICIES[path].callers is Callers.OPEN and not settings.health_requires_caller:
        typer.echo("allowed: to everybody, since HEALTH_REQUIRES_CALLER is not true")
        return
    if path not in entry.admission.rpcs:
        where = f"{file.path}:{entry.line}"
        typer.echo(f"not allowed: the rpcs of {name} ({where}) do not name {rpc} or its service")
        raise typer.Exit(NOT_ALLOWED)
    by = next(one for one in entry.rpcs if path in names.paths(one.name))
    typer.echo(f'allowed: by "{by.name}" ({file.path}:{by.line})')
    _tell_the_rest(entry, path)


def _tell_the_rest(entry: "Entry", path: str) -> None:
    rights = entry.admission.caller.rights
    given = [name for name in ("write_profiles", "see_reasons") if getattr(rights, name)]
    typer.echo(f"rights: {', '.join(given) or 'none'}")
    typer.echo(f"reasons: {', '.join(sorted(rights.claimable_reasons)) or 'none'}")
    typer.echo(f"rate: {entry.admission.rates.get(path, 'unlimited')}")


def _read(settings: "Settings") -> "CallersFile":
    from tokenauthority_server.admission import callers_of

    return callers_of(settings)


def _wrong(problem: str) -> typer.Exit:
    typer.echo(problem, err=True)
    return typer.Exit(WRONG_CONFIGURATION)
