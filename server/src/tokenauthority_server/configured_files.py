"""The files that settings name: all of them are looked at before anything starts."""

from collections.abc import Callable, Iterator
from functools import partial

from tokenauthority_server.adapters.signing_keys.folder import KeyFolder
from tokenauthority_server.admission import callers_of
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.tls import tls_files


class BadFilesError(StartError):
    """Several files cannot be used; the text has a line for each fault."""

    exit_code = 2


def check_files(settings: Settings) -> None:
    """Read all files that a server reads; raise a StartError that tells every fault at once."""
    errors: list[StartError] = []
    for read in _reading(settings):
        try:
            read()
        except StartError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BadFilesError("\n".join(map(str, errors)))


def _reading(settings: Settings) -> Iterator[Callable[[], object]]:
    if files := tls_files(settings):
        yield files.read
    if settings.callers_file:
        yield partial(callers_of, settings)
    if settings.signing_keys_dir:
        yield KeyFolder(settings.signing_keys_dir, settings.jwt_algorithm).read
