"""The compact form of a signed token (RFC 7515, section 7.1), and its header."""

from dataclasses import dataclass
from typing import Final

from tokenauthority_tokens import base64url, strict_json
from tokenauthority_tokens.values import TokenType

_TYPES: Final = {TokenType.ACCESS: "at+jwt", TokenType.REFRESH: "rt+jwt"}
_TOKEN_TYPES: Final = {typ: token_type for token_type, typ in _TYPES.items()}
_MEMBERS: Final = {"alg", "kid", "typ"}


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a token: exactly `alg`, `kid` and `typ`."""

    algorithm: str
    key_id: str
    token_type: TokenType

    def segment(self) -> str:
        """Return the header as the first part of a token."""
        return base64url.encode(
            strict_json.dumps(
                {"alg": self.algorithm, "kid": self.key_id, "typ": _TYPES[self.token_type]}
            )
        )


@dataclass(frozen=True, slots=True, repr=False)
class CompactToken:
    """The parts of a token. The header is still its segment."""

    header_segment: str
    payload: bytes
    signing_input: bytes
    signature: bytes


def split(token: str) -> CompactToken:
    """Return the parts; raise ValueError unless they are three, and canonical.

    The header is left to `read_header`, since most tokens have one that is known. How long a token
    may be is looked at before.
    """
    header, payload, signature = token.split(".", 3)
    return CompactToken(
        header_segment=header,
        payload=base64url.decode(payload),
        signing_input=token[: len(header) + 1 + len(payload)].encode("ascii"),
        signature=base64url.decode(signature),
    )


def read_header(segment: str) -> Header:
    """Return the header; raise ValueError unless it has exactly our members.

    So there is no way to bring along a key or its address, nor `crit` or `b64`. Whether the
    algorithm is the key's own is for whoever knows the key (RFC 8725, section 3.1).
    """
    members = strict_json.loads(base64url.decode(segment))
    if members.keys() != _MEMBERS:
        raise ValueError("not exactly our members")
    algorithm, key_id, typ = members["alg"], members["kid"], members["typ"]
    if not (isinstance(algorithm, str) and isinstance(key_id, str) and isinstance(typ, str)):
        raise ValueError("a member is not a string")  # noqa: TRY004 - the token is wrong, no caller
    token_type = _TOKEN_TYPES.get(typ)
    if token_type is None:
        raise ValueError("not a type of ours")
    return Header(algorithm, key_id, token_type)
