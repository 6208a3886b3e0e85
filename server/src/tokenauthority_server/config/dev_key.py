"""The key that `dev` seals its signing keys with, made once and kept with its data."""

import base64
import contextlib
import secrets
from pathlib import Path

from pydantic import SecretStr

from tokenauthority_server.config.faults import ConfigurationError, Fault
from tokenauthority_server.config.keys import KEY_BYTES, read_key_encryption_keys

FILE_NAME = "key-encryption-key"


def ensure_dev_key(data_dir: Path) -> SecretStr:
    """A value for `KEY_ENCRYPTION_KEY`, the same at each call with the same folder.

    It is kept in a file that only its owner can read; two processes that start at once get one key.

    Raises:
        ConfigurationError: the folder cannot be used, or its file holds no such key.
    """
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        _write_once(path)
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise _fault(
            f"{path} cannot be used: {error.strerror}. Make it readable and writable, or choose "
            "another folder"
        ) from None
    try:
        read_key_encryption_keys(text)
    except ValueError:
        raise _fault(
            f"{path} holds no key any more. Put it back from a copy; without one, what the key "
            "sealed is lost, and dev begins anew in another folder"
        ) from None
    return SecretStr(text)


def _write_once(path: Path) -> None:
    draft = path.with_suffix(f".{secrets.token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        draft.write_text(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        # A link never replaces a file: the first one ever made is the key.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _fault(problem: str) -> ConfigurationError:
    return ConfigurationError([Fault("DATA_DIR", problem)])
