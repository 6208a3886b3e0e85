"""Tokens with any header and payload, signed by a fleet's own key: the best a thief could do."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)
from support.commands import KEY

from tokenauthority_server.adapters.sealing import EncryptionKeys


class Forger:
    """Has the active key of a fleet, and a good token of it to begin with."""

    def __init__(self, key: EllipticCurvePrivateKey, token: str) -> None:
        self._key = key
        self.token = token
        header, payload, self.signature = token.split(".")
        self.header: Mapping[str, Any] = json.loads(unspelled(header))
        self.payload: Mapping[str, Any] = json.loads(unspelled(payload))
        public = key.public_key()
        spki = PublicFormat.SubjectPublicKeyInfo
        self.public_keys = [public.public_bytes(one, spki) for one in (Encoding.PEM, Encoding.DER)]

    @classmethod
    async def of(cls, database_url: str, token: str) -> "Forger":
        """The forger with the key that signed the token."""
        connection = await asyncpg.connect(database_url)
        rows = await connection.fetch("SELECT * FROM tokenauthority.signing_keys")
        await connection.close()
        key_id = json.loads(unspelled(token.partition(".")[0]))["kid"]
        (row,) = [one for one in rows if one["kid"] == key_id]
        sealer = EncryptionKeys([base64.b64decode(KEY)]).sealer("signing keys")
        context = f"{row['algorithm']} {row['kid']}".encode()
        key = load_der_private_key(sealer.open(row["sealed_private_key"], context), None)
        assert isinstance(key, EllipticCurvePrivateKey)
        return cls(key, token)

    def signed(self, header: object, payload: object) -> str:
        """A token with a good signature, whatever it says."""
        signing_input = f"{segment(header)}.{segment(payload)}"
        r, s = decode_dss_signature(self._key.sign(signing_input.encode(), ECDSA(SHA256())))
        return f"{signing_input}.{spelled(r.to_bytes(32) + s.to_bytes(32))}"

    def with_header(self, members: Mapping[str, object]) -> str:
        """The good token with other members in its header."""
        return self.signed({**self.header, **members}, self.payload)

    def saying(self, claims: Mapping[str, object]) -> str:
        """The good token with other claims; OUT takes one out."""
        said = {**self.payload, **claims}
        return self.signed(self.header, {name: one for name, one in said.items() if one != OUT})


OUT = "taken out"


def spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unspelled(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def segment(content: object) -> str:
    """A part of a token: bytes or text as they are, or the JSON of anything else."""
    if isinstance(content, bytes):
        return spelled(content)
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    return spelled(text.encode())
