"""Keeps secrets out of the log, whoever passes them in.

Known secrets go by their key; in text, what looks like one goes by its form. Only plain data is
written: the `repr` of any other object, a protobuf message's above all, could hold anything.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from structlog.typing import EventDict

MASK: Final = "[redacted]"

_SECRET_KEY: Final = re.compile(
    r"password|passwd|secret|authorization|private_key|encryption_key|(?:^|[_-])tokens?$",
    re.IGNORECASE,
)

_TEXTS: Final = (str, date, timedelta, Enum, PurePath, UUID)

# Each form of a secret with a part of the text that all of its kind contain, which is found far
# faster than the form itself: most texts hold none of them.
_FORMS: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    # A caller key, or a part of one. First, since anything may stand in it by chance.
    ("tac_", re.compile(r"tac_[\w-]{8,}"), MASK),
    # A JWS, whole or cut off: its header is JSON and so begins with '{"'.
    ("eyJ", re.compile(r"eyJ[\w+/=-]{8,}(?:\.[\w+/=-]*)*"), MASK),
    # The password of an address. It may hold anything, an "@" too.
    ("://", re.compile(r"(://[^\s:/?#@]*:)\S+@"), rf"\g<1>{MASK}@"),
    # A parameter of an address or of a connection string, or an argument in Python.
    (
        "=",
        re.compile(
            r"((?:password|passwd|secret|authorization|(?:secret|private|encryption)_key|token)=)"
            r"""(?:"[^"]*"|'[^']*'|[^\s&,;)]+)""",
            re.IGNORECASE,
        ),
        rf"\g<1>{MASK}",
    ),
    # A header of HTTP (RFC 6750, RFC 7617).
    ("B", re.compile(r"\b(Bearer|Basic) +[\w.~+/=-]{8,}"), rf"\g<1> {MASK}"),
    (
        "PRIVATE KEY",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL),
        MASK,
    ),
)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Return the event as plain data without secrets: a processor of structlog."""
    for key, value in event.items():
        if _is_secret(key):
            event[key] = MASK
        else:
            event[key] = scrub(value) if type(value) is str else plain(value)
    return event


def plain(value: Any) -> Any:
    """Return the value as data that JSON knows, without secrets."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, _TEXTS):
        return scrub(str(value))
    if isinstance(value, Mapping):
        return {
            str(key): MASK if _is_secret(str(key)) else plain(one) for key, one in value.items()
        }
    if isinstance(value, list | tuple | AbstractSet):
        return [plain(one) for one in value]
    name = type(value).__qualname__
    return f"{name}: {scrub(str(value))}" if isinstance(value, BaseException) else f"<{name}>"


def scrub(text: str) -> str:
    """Return the text with everything masked that looks like a secret."""
    for part, form, replacement in _FORMS:
        if part in text:
            text = form.sub(replacement, text)
    return text


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None
