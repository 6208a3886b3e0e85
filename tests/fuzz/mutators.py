"""Changes that reach behind the encoding: into what the parts of a token hold, and its members."""

import base64
import binascii
import json
from collections.abc import Callable
from random import Random
from typing import Final

Mutate = Callable[[bytes, int], bytes]
"""What the fuzzer does to bytes that it knows nothing of; the result is at most so long."""

ROOM: Final = 64
"""How much longer a part may become in one change."""

VALUES: Final[tuple[object, ...]] = (
    *("", "x", "none", "ES256", "HS256", "RS256", "at+jwt", "rt+jwt", "access", "refresh"),
    *(
        "wakedock",
        "wakedock-users",
        "wakedock-users-2",
        "\0",
        "\ud800",
        "日本",
        "1",
        "AQAB",
        "sig",
        "x" * 4000,
    ),
    *(0, 1, -1, True, False, None, 2**31, 2**53, 2**63 - 1, 2**63, 10**30, 1.5, 1e308),
    *([], [""], ["x"], ["x", 1], ["verify"], [[]], {}, {"x": {}}, 253_402_300_799, 1_767_225_600),
)
NAMES: Final = (
    *("alg", "kid", "typ", "crit", "jwk", "b64", "nbf", "exp", "iat", "aud", "sub", "scope"),
    *("kty", "crv", "use", "key_ops", "x", "y", "n", "e", "d", "k", "", "\0"),
)

Pairs = list[tuple[str, object]]


def change_token(data: bytes, longest: int, chance: Random, mutate: Mutate) -> bytes:
    """Return the token with one part changed: as text, in its base64, or in what it holds."""
    parts = data.split(b".")
    at = chance.randrange(len(parts))
    part, inside = parts[at], _decoded(parts[at])
    parts[at] = chance.choice(
        (
            lambda: mutate(part, len(part) + ROOM),
            lambda: _encoded_otherwise(inside, chance),
            lambda: _encoded(mutate(inside, len(inside) + ROOM)),
            lambda: _encoded(change_json(inside, longest, chance, mutate)),
        )
    )()
    return b".".join(parts)[:longest] if chance.random() < 0.9 else mutate(data, longest)


def change_json(data: bytes, longest: int, chance: Random, mutate: Mutate) -> bytes:
    """Return the JSON text with its bytes changed, or its members."""
    pairs = _pairs(data)
    if not pairs or chance.getrandbits(1):
        return mutate(data, longest)
    at = chance.randrange(len(pairs))
    name, value = pairs[at]
    pairs = chance.choice(
        (
            lambda: [*pairs[:at], (name, chance.choice(VALUES)), *pairs[at + 1 :]],
            lambda: [*pairs[:at], (chance.choice(NAMES), value), *pairs[at + 1 :]],
            lambda: [*pairs[:at], *pairs[at + 1 :]],
            lambda: [*pairs, (name, value)],
            lambda: [*pairs, (name, chance.choice(VALUES))],
            lambda: [(chance.choice(NAMES), chance.choice(VALUES)), *pairs],
            lambda: chance.sample(pairs, len(pairs)),
            lambda: pairs,
        )
    )()
    return _written(pairs, chance).encode("utf-8", "surrogatepass")[:longest]


def _pairs(data: bytes) -> Pairs:
    try:
        found = json.loads(data, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and all(map(_is_pair, found)) else []


def _is_pair(one: object) -> bool:
    return isinstance(one, tuple)


def _written(pairs: Pairs, chance: Random) -> str:
    """Return the object's text: mostly as we write it, and sometimes otherwise."""
    escaped, spaced = chance.getrandbits(1) == 0, chance.getrandbits(3) == 0
    space = chance.choice((" ", "\n", "\t", "\r", "  ")) if spaced else ""
    members = (
        f"{space}{json.dumps(name, ensure_ascii=escaped)}:{space}"
        f"{json.dumps(value, ensure_ascii=escaped)}{space}"
        for name, value in pairs
    )
    return f"{space}{{{','.join(members)}}}{space}"


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return text


def _encoded_otherwise(data: bytes, chance: Random) -> bytes:
    """Return another base64 of the same bytes."""
    padded = base64.urlsafe_b64encode(data)
    text = padded.rstrip(b"=")
    at = chance.randrange(len(text) + 1)
    return chance.choice(
        (
            padded,
            base64.b64encode(data),
            base64.encodebytes(data),
            text[:at] + chance.choice((b"=", b" ", b"\n", b"!", b"\0")) + text[at:],
            text[:-1] + bytes([text[-1] ^ 1]) if text else b"A",
        )
    )
