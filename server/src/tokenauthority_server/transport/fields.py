"""Checks on the fields of a request, each as the contract states it, all reported at once.

Limits are in bytes of UTF-8. What is reported never quotes a value: it could be a secret.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from tokenauthority_server.domain.errors import InvalidRequestError, Violation

_MOST_VIOLATIONS: Final = 32
_LONGEST_ADDRESS: Final = 45
_LONGEST_NETWORK: Final = _LONGEST_ADDRESS + len("/128")
_MAPPED_BITS: Final = 96
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


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

    def network(self, field: str, value: str) -> str:
        """Take an IPv4 or IPv6 network in CIDR notation (RFC 4632), or nothing; return it whole.

        An address without a length is itself alone.
        """
        if not value:
            return ""
        try:
            network = ip_network(
                value if len(value) <= _LONGEST_NETWORK and "%" not in value else "", strict=False
            )
        except ValueError:
            self.refuse(field, "is no IPv4 or IPv6 network in CIDR notation, as 192.0.2.0/24")
            return ""
        if str(network.network_address) != str(ip_address(value.partition("/")[0])):
            self.refuse(field, "has bits beyond its length; a network ends in zeroes")
        base = network.network_address
        mapped = base.ipv4_mapped if isinstance(base, IPv6Address) else None
        if mapped and network.prefixlen >= _MAPPED_BITS:
            # No address is kept in these clothes.
            return f"{mapped}/{network.prefixlen - _MAPPED_BITS}"
        return str(network)

    def time(self, field: str, value: Timestamp, *, given: bool) -> datetime | None:
        """Take a time, or nothing; what is finer than a microsecond is cut off."""
        if not given:
            return None
        try:
            time = value.ToDatetime(UTC)
        except (ValueError, OverflowError):
            time = _FIRST
        # To the database's driver the first and the last one of all are infinite.
        if time in (_FIRST, _LAST):
            self.refuse(field, "is not within the years 1 to 9999")
            return None
        return time


def byte_length(text: str) -> int:
    """Return how many bytes the text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
