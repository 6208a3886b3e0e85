"""Everything of a run that nobody may read anywhere, and the search for it."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tokenauthority_server.adapters.sealing import EncryptionKeys

SHORTEST = 8
"""Less is found everywhere by chance."""


def of_token(name: str, token: str) -> Iterator[tuple[str, str]]:
    """What makes a token usable: all of it, its signature, and a refresh token's id."""
    _, payload, signature = token.split(".")
    yield name, token
    yield f"signature of the {name}", signature
    yield f"payload of the {name}", payload
    members = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if members["token_type"] == "refresh":
        yield f"id of the {name}", members["jti"]


def of_bytes(name: str, secret: bytes) -> Iterator[tuple[str, str]]:
    """The spellings that bytes have in texts."""
    yield f"{name} in hex", secret.hex()
    yield f"{name} in base64", base64.b64encode(secret).decode().rstrip("=")
    yield f"{name} in base64url", base64.urlsafe_b64encode(secret).decode().rstrip("=")
    yield f"{name} in Python", repr(secret)[2:-1]
    yield f"{name} as a number", str(int.from_bytes(secret))


async def of_signing_keys(database_url: str, sealing: bytes) -> list[tuple[str, str]]:
    """The private keys in the database, opened."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT * FROM tokenauthority.signing_keys")
    await connection.close()
    sealer = EncryptionKeys([sealing]).sealer("signing keys")
    found: list[tuple[str, str]] = []
    for row in rows:
        context = f"{row['algorithm']} {row['kid']}".encode()
        private = load_der_private_key(sealer.open(row["sealed_private_key"], context), None)
        assert isinstance(private, EllipticCurvePrivateKey)
        scalar = private.private_numbers().private_value.to_bytes(32)
        found += of_bytes(f"private key {row['kid']}", scalar)
        found += of_bytes(f"sealed key {row['kid']}", row["sealed_private_key"][13:45])
    return found


def leaks(secrets: Iterable[tuple[str, str]], emitted: Mapping[str, str]) -> list[tuple[str, str]]:
    """What was found, and where."""
    wanted = list(secrets)
    assert all(len(secret) >= SHORTEST for _, secret in wanted)
    return [
        (name, where)
        for where, text in emitted.items()
        for name, secret in wanted
        if secret in text
    ]
