"""Keys as operators mount them: PEM and JWK files, good, weak and damaged."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tokenauthority_tokens.algorithms import EDDSA, ES256, RS256

PASSWORD = BestAvailableEncryption(b"opensesame")


def new_key(algorithm: str = "ES256") -> Any:
    """A private key for the algorithm."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(
    key: Any,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008 - it holds nothing
) -> bytes:
    """The private key."""
    data: bytes = key.private_bytes(Encoding.PEM, form, encryption)
    return data


def public_pem(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    """The public half of a private key."""
    data: bytes = key.public_key().public_bytes(Encoding.PEM, form)
    return data


def jwk_members(key: Any, **changes: object) -> dict[str, object]:
    """The members of the JWK of a key; those that are None are left out."""
    public = key.public_key() if hasattr(key, "public_key") else key
    kinds = ((ec.EllipticCurvePublicKey, ES256), (rsa.RSAPublicKey, RS256))
    algorithm = next((one for kind, one in kinds if isinstance(public, kind)), EDDSA)
    members = dict(algorithm.scheme.to_jwk(key, as_dict=True))
    members.pop("key_ops", None)
    return {name: value for name, value in (members | changes).items() if value is not None}


def jwk(key: Any, **changes: object) -> bytes:
    """The JWK of a key, private or public."""
    return json.dumps(jwk_members(key, **changes)).encode()


def public_jwk(key: Any, **changes: object) -> bytes:
    """The JWK of the public half of a private key."""
    return jwk(key.public_key(), **changes)


def rsa_pem(key: rsa.RSAPrivateKey, **changes: int) -> bytes:
    """An RSA private key (RFC 8017, appendix A.1.2) with some of its numbers changed.

    The library writes none that do not fit together.
    """
    own = key.private_numbers()
    numbers = {
        "n": own.public_numbers.n,
        "e": own.public_numbers.e,
        "d": own.d,
        "p": own.p,
        "q": own.q,
        "dp": own.dmp1,
        "dq": own.dmq1,
        "qi": own.iqmp,
    }
    integers = (0, *(numbers | changes).values())
    der = _tagged(
        0x30, b"".join(_tagged(2, one.to_bytes(one.bit_length() // 8 + 1)) for one in integers)
    )
    label = "RSA PRIVATE KEY"
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    head = size if len(content) < 128 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + head + content


def assert_kept(content: bytes, text: str) -> None:
    """No twelve characters of what the file holds stand in the text, but for the words of PEM."""
    lines = [line for line in content.decode("latin-1").splitlines() if "-----" not in line]
    for line in lines:
        parts = {line[start : start + 12] for start in range(max(1, len(line) - 11))}
        assert not {part for part in parts if len(part) == 12 and part in text}
