"""Signing keys that are mounted as files: the folder of SIGNING_KEYS_DIR."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.adapters.mounted_files import shown
from tokenauthority_server.adapters.signing_keys.folder_files import read_folder
from tokenauthority_server.adapters.signing_keys.key_file import KeyFile, read_key
from tokenauthority_server.domain.errors import SigningKeyError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import UnfitKeyError

_MAKE_RSA: Final = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
_MAKE: Final = {
    "ES256": "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "EdDSA": "openssl genpkey -algorithm ED25519",
    "RS256": _MAKE_RSA,
    "PS256": _MAKE_RSA,
}

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class KeyFolderError(SigningKeyError):
    """The folder holds no good set of keys.

    `faults` has a line for each file that is wrong, with what to do; never a part of one.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(f"SIGNING_KEYS_DIR: {fault}" for fault in faults))
        self.faults = tuple(faults)


class KeyFolder:
    """The keys of a folder, and which of them signs.

    The names alone decide, so that all replicas agree: of the private keys for `algorithm` the one
    whose name sorts last is active. A public key alone is prepared where its name sorts after that
    one's. All others are retired; a private one among them still signs replays.
    """

    def __init__(self, path: Path, algorithm: str) -> None:
        self._path = path
        self._algorithm = algorithm
        self._known: dict[str, tuple[bytes, KeyFile]] = {}
        self._files: Sequence[tuple[str, KeyFile]] = ()
        self._keys: tuple[TokenKey, ...] = ()
        self._told: frozenset[str] = frozenset()

    def read(self) -> tuple[TokenKey, ...]:
        """Return the keys; raise KeyFolderError with every fault there is.

        Files that have not changed since they were read are not parsed again. What they hold tells
        whether they have: their times stand still in a copy, or where two changes are close.
        """
        files = list(self._good_files().items())
        if files != self._files:
            self._keys = tuple(self._in_order(files))
            self._files = files
        return self._keys

    def current(self) -> tuple[TokenKey, ...]:
        """Return the keys as they are now or, while anything is wrong, as they last were good.

        Each fault is logged once, and once that they are over. For one thread at a time.
        """
        former = self._keys
        try:
            keys = self.read()
        except KeyFolderError as error:
            for fault in error.faults:
                if fault not in self._told:
                    _log.error("a signing key is refused, the last good set stays", problem=fault)
            self._told = frozenset(error.faults)
            return former
        if self._told:
            _log.info("the folder of signing keys is good again", folder=str(self._path))
            self._told = frozenset()
        if keys is not former:
            states = {name: key.state for (name, _), key in zip(self._files, keys, strict=True)}
            _log.info("signing keys have changed", folder=str(self._path), files=states)
        return keys

    def _good_files(self) -> Mapping[str, KeyFile]:
        """Return all keys by their files' names, in order; raise KeyFolderError."""
        found = read_folder(self._path)
        faults = list(found.faults)
        files: dict[str, KeyFile] = {}
        for name, content in found.contents.items():
            try:
                files[name] = self._parsed(name, content)
            except UnfitKeyError as error:
                faults.append(f"{self._shown(name)} {error}")
        faults.extend(self._twice(files))
        if not faults and self._active(files) is None:
            faults.append(
                f"{shown(self._path)} holds no private key for JWT_ALGORITHM={self._algorithm}. "
                f"Make one with: {_MAKE[self._algorithm]} -out FILE.pem"
            )
        if faults:
            raise KeyFolderError(sorted(faults))  # in the order of the names
        # Kept until then: what is bad for a moment only is not parsed anew afterwards.
        self._known = {name: self._known[name] for name in files}
        return files

    def _parsed(self, name: str, content: bytes) -> KeyFile:
        """Return the key of a file, parsed only where it has changed; raise UnfitKeyError."""
        digest, known = hashlib.sha256(content).digest(), self._known.get(name)
        if known is None or known[0] != digest:
            known = self._known[name] = digest, read_key(name, content, self._algorithm)
        return known[1]

    def _twice(self, files: Mapping[str, KeyFile]) -> Iterator[str]:
        """Yield a fault for each key, and each id, that another file has too."""
        by_key: dict[str, str] = {}
        by_id: dict[str, str] = {}
        for name, file in files.items():
            key_id = file.verifying.key_id
            if (other := by_key.setdefault(file.thumbprint, name)) != name:
                yield (
                    f"{self._shown(name)} holds the same key as {self._shown(other)}. Remove one "
                    "of the two; where one is the public half, that one"
                )
            elif (other := by_id.setdefault(key_id, name)) != name:
                yield (
                    f"{self._shown(name)} has the same kid as {self._shown(other)}. Give one of "
                    "the two another"
                )

    def _active(self, files: Mapping[str, KeyFile]) -> str | None:
        """Return the name of the file of the key that signs."""
        ours = (
            name
            for name, file in files.items()
            if file.private and file.verifying.algorithm.name == self._algorithm
        )
        return max(ours, default=None)

    def _in_order(self, files: Sequence[tuple[str, KeyFile]]) -> Iterator[TokenKey]:
        active = self._active(dict(files))
        for place, (name, file) in enumerate(files):
            yield TokenKey(
                verifying=file.verifying,
                state=_state(name, file, active),
                jwk=jwk.write(file.verifying.key, file.verifying.algorithm, file.verifying.key_id),
                # No time that a file has is the same on all replicas; its place among the names is.
                create_time=datetime.fromtimestamp(0, UTC) + timedelta(seconds=place),
                signing=file.private,
            )

    def _shown(self, name: str) -> str:
        return shown(self._path / name)


def _state(name: str, file: KeyFile, active: str | None) -> KeyState:
    if name == active:
        return KeyState.ACTIVE
    if not file.private and active is not None and name > active:
        return KeyState.PREPARED
    return KeyState.RETIRED
