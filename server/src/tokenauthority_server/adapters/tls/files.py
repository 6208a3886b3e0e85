"""The files that TLS comes from, and what was last good in them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from tokenauthority_server.adapters.mounted_files import (
    as_named,
    read_content,
    settled,
    unreadable,
)
from tokenauthority_server.adapters.tls.material import (
    CERTIFICATE,
    CLIENT_CA,
    KEY,
    TlsMaterial,
    UnfitTlsError,
    check,
)
from tokenauthority_server.domain.errors import StartError

_CHANGES: Final = "the file changes while it is read. Let it be for a moment"
# Lists of authorities are as long as those who keep them like; a system's own has 200 KiB.
_MOST_BYTES: Final = {CERTIFICATE: 64 * 1024, KEY: 64 * 1024, CLIENT_CA: 1024 * 1024}

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

now_utc: Final = partial(datetime.now, UTC)


class TlsFilesError(StartError):
    """The files are not fit for TLS.

    `faults` has a line for each that is wrong, with its setting and what to do; never a part of it.
    """

    exit_code = 2

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class TlsFiles:
    """The files of TLS_CERT_FILE and TLS_KEY_FILE, and of TLS_CLIENT_CA_FILE where that is set."""

    def __init__(
        self,
        certificate: Path,
        key: Path,
        client_ca: Path | None = None,
        *,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._paths = {CERTIFICATE: certificate, KEY: key}
        if client_ca:
            self._paths[CLIENT_CA] = client_ca
        self._now = now
        self._digest = b""
        self._material: TlsMaterial | None = None
        self._told: frozenset[str] = frozenset()

    @property
    def settings(self) -> Sequence[str]:
        """The settings whose certificates expire."""
        return [setting for setting in self._paths if setting != KEY]

    def read(self) -> TlsMaterial:
        """Return what the files hold; raise TlsFilesError with every fault there is.

        What has not changed since it was last good is not parsed again. The files' contents tell
        whether it has: their times stand still in a copy, or where two changes are close.
        """
        contents, faults = settled(self._contents) or ({}, [(one, _CHANGES) for one in self._paths])
        digest = _digest(contents)
        if self._material and digest == self._digest:
            return self._material
        material = None
        try:
            material = check(contents, self._now())
        except UnfitTlsError as error:
            faults.extend((one, f"{_named(self._paths[one])} {why}") for one, why in error.faults)
        if material is None or faults:
            order = [*self._paths]
            faults.sort(key=lambda fault: order.index(fault[0]))
            raise TlsFilesError([f"{setting}: {problem}" for setting, problem in faults])
        self._material, self._digest = material, digest
        return material

    def current(self) -> TlsMaterial | None:
        """Return what the files hold now, or None while anything is wrong with them.

        Each fault is logged once, and once that they are over. For one thread at a time.
        """
        former = self._material
        try:
            material = self.read()
        except TlsFilesError as error:
            for fault in error.faults:
                if fault not in self._told:
                    _log.warning("a file of TLS is refused, the last good ones stay", problem=fault)
            self._told = frozenset(error.faults)
            return None
        if self._told:
            _log.info("the files of TLS are good again")
            self._told = frozenset()
        if material is not former:
            ends = {setting: str(time) for setting, time in material.expire_times.items()}
            _log.info("certificates have changed, for new connections", expire=ends)
        return material

    def _contents(self) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
        """Return what each file holds, by its setting, and why others cannot be read."""
        contents: dict[str, bytes] = {}
        faults: list[tuple[str, str]] = []
        for setting, path in self._paths.items():
            try:
                contents[setting] = read_content(path, _MOST_BYTES[setting])
            except OSError as error:
                faults.append((setting, unreadable(_named(path), error)))
            except ValueError as error:
                faults.append((setting, f"{_named(path)} {error}"))
        return contents, faults


def _named(path: Path) -> str:
    return as_named(path, "file")


def _digest(contents: Mapping[str, bytes]) -> bytes:
    parts = (f"{setting} {len(one)} ".encode() + one for setting, one in contents.items())
    return hashlib.sha256(b"".join(parts)).digest()
