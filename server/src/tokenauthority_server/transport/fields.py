"""Checks on the fields of a request, each as the contract states it, all reported at once.

Limits are in bytes of UTF-8. What is reported never quotes a value: it could be a secret.
"""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Final

from tokenauthority_server.domain.errors import InvalidRequestError, Violation

_MOST_VIOLATIONS: Final = 32
_LONGEST_ADDRESS: Final = 45


class Fields:
    """Takes the fields of one request, and remembers which break a rule."""

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    def refuse(self, field: str, description: str) -> None:
        """Remember that the field breaks a rule.

        Past a number of them that helps anybody, they are dropped: they travel in trailers, of
        which clients accept 8 KiB.
        """
        if len(self._violations) < _MOST_VIOLATIONS:
            self._violations.append(Violation(field, description))

    def done(self) -> None:
        """Raise InvalidRequestError when a field broke a rule."""
        if self._violations:
            raise InvalidRequestError(*self._violations)

    def required(self, field: str, value: str, limit: int | None = None) -> str:
        """Take a string that must be there, of at most `limit` bytes."""
        if not value:
            self.refuse(field, "is required")
        return self.optional(field, value, limit)

    def optional(self, field: str, value: str, limit: int | None = None) -> str:
        """Take a string of at most `limit` bytes."""
        if limit is not None and byte_length(value) > limit:
            self.refuse(field, f"has {byte_length(value)} bytes; at most {limit} are allowed")
        if "\0" in value:
            self.refuse(field, "contains NUL")
        return value

    def values(
        self, field: str, values: Sequence[str], limit: int | None = None
    ) -> tuple[str, ...]:
        """Take strings of at most `limit` bytes each, none empty and none twice."""
        seen: set[str] = set()
        for index, value in enumerate(values):
            path = f"{field}[{index}]"
            if not value:
                self.refuse(path, "is empty")
            elif value in seen:
                self.refuse(path, "is there twice")
            self.optional(path, value, limit)
            seen.add(value)
        return tuple(values)

    def address(self, field: str, value: str) -> str:
        """Take an IPv4 or IPv6 address, or nothing; return its one normal form.

        An IPv4 address in IPv6's clothes, as a socket for both reports it, is the IPv4 address.
        """
        if not value:
            return ""
        try:
            # A zone ("%eth0") means something on one machine only.
            address = ip_address(
                value if len(value) <= _LONGEST_ADDRESS and "%" not in value else ""
            )
        except ValueError:
            self.refuse(field, "is neither an IPv4 nor an IPv6 address")
            return ""
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)


def byte_length(text: str) -> int:
    """Return how many bytes the text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
