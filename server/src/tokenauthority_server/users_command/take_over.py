"""`tokenauthority users import`: takes over the users of another system, and may be run again."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from rich.console import Console

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.postgres.audit_trail import PostgresAuditTrail
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.user_importer import PostgresUserImporter
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.audit import AuditNote
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.domain.ports import TokenSigner
from tokenauthority_server.propagation import standalone
from tokenauthority_server.services.importing import Importing, Line
from tokenauthority_server.signing import signing
from tokenauthority_server.users_command.database import ORIGIN, opened
from tokenauthority_server.users_command.duplicates import Seen
from tokenauthority_server.users_command.lines import read_lines
from tokenauthority_server.users_command.people import line_of
from tokenauthority_server.users_command.records import (
    Format,
    UnfitFileError,
    format_of,
    read_records,
)
from tokenauthority_server.users_command.report import Tally, watching

STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is to be taken over, and how."""

    file: str
    form: Format | None = None
    report: Path | None = None
    dry_run: bool = False
    replace_passwords: bool = False


async def take_over(settings: Settings, console: Console, wanted: Import) -> bool:
    """Take the users over and print what came of it; return whether every line was good.

    Raises StartError when it cannot be done, or not to its end: what was done stays, and running
    it again finds it done.
    """
    form = wanted.form or format_of(wanted.file)
    with ExitStack() as stack:
        stream, size = _source(stack, wanted.file)
        report = stack.enter_context(_report(wanted.report, wanted.file)) if wanted.report else None
        seen = stack.enter_context(Seen.nothing())
        async with opened(settings) as database, standalone(settings, database) as propagation:
            signer = await _signer(settings, database)
            importing = Importing(
                importer=PostgresUserImporter(database),
                propagation=propagation,
                replace_passwords=wanted.replace_passwords,
                dry_run=wanted.dry_run,
            )
            tally = Tally(console, report)
            with watching(console, stream, size) as show:
                lines = _lines(stream, form, signer, seen)
                async for outcome in importing.take_over(lines, ORIGIN):
                    tally.add(outcome)
                    show(tally)
            note = AuditNote(
                kind="admin.import_users",
                details=tally.details() | ({"dry_run": "true"} if wanted.dry_run else {}),
            )
            await PostgresAuditTrail(database).note(note, ORIGIN)
    tally.sum_up(dry_run=wanted.dry_run)
    return tally.refused == 0


def _lines(stream: BinaryIO, form: Format, signer: TokenSigner, seen: Seen) -> Iterator[Line]:
    for record in read_records(read_lines(stream), form):
        yield seen.checked(line_of(record, signer))


def _source(stack: ExitStack, name: str) -> tuple[BinaryIO, int | None]:
    """Return the file, and its size where it has one."""
    if name == STANDARD_INPUT:
        return sys.stdin.buffer, None
    path = Path(name)
    try:
        return stack.enter_context(path.open("rb")), path.stat().st_size
    except OSError as error:
        raise UnfitFileError(f"{name} cannot be read: {error.strerror}.") from error


@contextmanager
def _report(path: Path, source: str) -> Iterator[TextIO]:
    """Give the file of the report; raise UnfitFileError, or StartError when it is full."""
    try:
        if path.exists() and source != STANDARD_INPUT and path.samefile(source):
            raise UnfitFileError(f"{path} is the file itself; write the report into another one.")
        report = path.open("w", encoding="utf-8")
    except OSError as error:
        raise UnfitFileError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with report:
            yield report
    except OSError as error:
        raise StartError(
            f"{path} cannot be written: {error.strerror}. What was done stays done; run it again."
        ) from error


async def _signer(settings: Settings, database: Database) -> TokenSigner:
    """Return what knows which profiles fit a token: that depends on the keys that sign."""
    if not settings.key_encryption_keys:
        raise StartError("KEY_ENCRYPTION_KEY is required. Give it as the servers have it.")
    keyed = signing(settings, database, EncryptionKeys(settings.key_encryption_keys))
    await keyed.load()
    return TokenCodec(keyed.ring, issuer=settings.jwt_issuer, audience=settings.jwt_audience)
