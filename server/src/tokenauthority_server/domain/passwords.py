"""What a password must be, and the form in which it is hashed.

Limits are those of NIST SP 800-63B and ASVS 5.0, 6.2: length, and no rules on what it is made of.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from tokenauthority_server.domain.errors import PasswordRefusedError

FEWEST_BYTES: Final = 12
MOST_BYTES: Final = 1024
SHORTEST_NAME: Final = 3
"""Characters of a username that is looked for in a password: shorter ones are in too many."""

COSTLIEST_BCRYPT: Final = 13
"""Half a second on the machine of docs/accounts.md. What costs more is never checked."""

COSTLIEST_ARGON2: Final = 262_144
"""KiB times passes: seven times what OWASP asks for. What costs more is never checked either."""

# 22 characters are 132 bits, and a salt has 128: of the last character four are zero.
_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_ARGON2ID: Final = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,6}),t=([0-9]{1,6}),p=[0-9]{1,3}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password is the one that was hashed, and whether its hash should be renewed."""

    right: bool
    outdated: bool = False


def normalized(password: str) -> str:
    """Return the password as it is hashed: in NFKC, so that it is the same from any keyboard."""
    return unicodedata.normalize("NFKC", password)


def folded(text: str) -> str:
    """Return the text without case and width, for comparing (Unicode, section 3.13)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def check_new(password: str, username: str) -> None:
    """Raise PasswordRefusedError, which says what is wrong, when it must be nobody's password.

    Whether it is a common one is for CommonPasswords to say.
    """
    # Before it is normalized: that makes up to eleven bytes of one.
    if len(password.encode()) > MOST_BYTES:
        raise PasswordRefusedError(f"has more than {MOST_BYTES} bytes")
    if "\0" in password:
        raise PasswordRefusedError("contains NUL")
    length = len(normalized(password).encode())
    if length < FEWEST_BYTES:
        raise PasswordRefusedError(f"has less than {FEWEST_BYTES} bytes")
    if length > MOST_BYTES:
        raise PasswordRefusedError(f"has more than {MOST_BYTES} bytes in its normal form (NFKC)")
    name = folded(username)
    if len(name) >= SHORTEST_NAME and name in folded(password):
        raise PasswordRefusedError("contains the username")


def is_bcrypt(stored: str) -> bool:
    """Return whether it is a hash of bcrypt that may be checked."""
    found = _BCRYPT.fullmatch(stored)
    return found is not None and 4 <= int(found[1]) <= COSTLIEST_BCRYPT  # noqa: PLR2004 - its least


def is_argon2id(stored: str) -> bool:
    """Return whether it is a hash of argon2id (RFC 9106) that may be checked."""
    found = _ARGON2ID.fullmatch(stored)
    return found is not None and int(found[1]) * int(found[2]) <= COSTLIEST_ARGON2
