"""The callers of a good file, and what each of them is known by."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tokenauthority_server.adapters.callers.service_accounts import ServiceAccountTokens
from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.domain.errors import CallerUnknownError

_SALT: Final = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a caller's table names, and where it does."""

    name: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A caller as the file has it: what is decided about it, and where in the file that stands."""

    admission: Admission
    line: int
    rpcs: tuple[Named, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallersFile:
    """A good file: the port KnownCallers.

    `sources` are the files that it was read from, with the SHA-256 of what was in them.
    """

    entries: Mapping[str, Entry]
    uris: Mapping[str, Admission] = field(repr=False)
    dns_names: Mapping[str, Admission] = field(repr=False)
    keys: Mapping[bytes, Admission] = field(repr=False)
    service_accounts: Mapping[str, Admission] = field(repr=False)
    tokens: ServiceAccountTokens | None = field(repr=False)
    sources: Mapping[Path, bytes] = field(repr=False)

    @property
    def by_certificate_alone(self) -> tuple[str, ...]:
        """The names of the callers that have neither a key nor a service account."""
        by_credential = [*self.keys.values(), *self.service_accounts.values()]
        return tuple(sorted(self.entries.keys() - {one.caller.name for one in by_credential}))

    @property
    def path(self) -> Path:
        """The callers' file itself."""
        return next(iter(self.sources))

    def by_uri(self, uri: str) -> Admission | None:
        """See KnownCallers."""
        return self.uris.get(uri)

    def by_dns(self, name: str) -> Admission | None:
        """See KnownCallers."""
        # In lower case some letters of other alphabets are ASCII, such as the sign for kelvin.
        return self.dns_names.get(name.lower()) if name.isascii() else None

    def by_key(self, digest: bytes) -> Admission | None:
        """See KnownCallers."""
        return self.keys.get(salted(digest))

    def by_service_account(self, token: str) -> Admission | None:
        """See KnownCallers."""
        if self.tokens is None:
            raise CallerUnknownError("the credential is no caller key, and [kubernetes] is not set")
        return self.service_accounts.get(self.tokens.service_account(token))


def salted(digest: bytes) -> bytes:
    """Return what a digest is looked up by.

    Nobody outside this process can tell what becomes of a digest, so the time that a comparison
    takes says nothing about how much of it fits.
    """
    return hashlib.blake2b(digest, key=_SALT, digest_size=32).digest()
