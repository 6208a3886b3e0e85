"""Every kind of key file that is refused, and the words for it."""

import json
import traceback
from math import gcd, lcm
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import PrivateFormat, PublicFormat
from support.key_files import (
    PASSWORD,
    assert_kept,
    jwk,
    jwk_members,
    new_key,
    pem,
    public_jwk,
    public_pem,
    rsa_pem,
)

from tokenauthority_server.adapters.signing_keys.key_file import read_key
from tokenauthority_tokens.algorithms import UnfitKeyError

EC, ED, RSA = new_key("ES256"), new_key("EdDSA"), new_key("RS256")
OTHER_EC, OTHER_ED, OTHER_RSA = new_key("ES256"), new_key("EdDSA"), new_key("RS256")
RSA_1024 = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
RSA_E3 = rsa.generate_private_key(public_exponent=3, key_size=2048)
N = RSA.private_numbers()
P384 = ec.generate_private_key(ec.SECP384R1())
K1 = ec.generate_private_key(ec.SECP256K1())
ED448 = ed448.Ed448PrivateKey.generate()
X25519 = x25519.X25519PrivateKey.generate()
DSA = dsa.generate_private_key(2048)

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
P256_NAME = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
JWT_IO = (
    b"-----BEGIN PUBLIC KEY-----\n"
    b"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n"
    b"q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n"
    b"-----END PUBLIC KEY-----\n"
)
RFC_7515_A3 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
RFC_8037_A1 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}

DAMAGED = "is damaged, or cut off. Put it back from a copy"
NO_PAIR = "holds a private and a public key that do not fit. Put it back from a copy"
NO_KIND = "is of a kind that signs no tokens; take P-256, Ed25519 or RSA"
NO_P256 = "is not an elliptic-curve key on P-256, which ES256 needs"
NO_PEM = f"holds nothing in PEM form: it is another kind of file, or {DAMAGED}"
ENCRYPTED = (
    "is encrypted, and nobody is there to give its password. Decrypt it with: "
    "openssl pkey -in FILE -out NEW.pem"
)
TWO_BLOCKS = (
    "holds 2 PEM blocks, and a file holds one key. Write the private key alone with: "
    "openssl pkey -in FILE -out NEW.pem"
)
OTHER_BLOCK = (
    "holds a PEM block of another kind. Keys are PRIVATE KEY, EC PRIVATE KEY, RSA PRIVATE KEY or "
    "PUBLIC KEY"
)
EXAMPLE = "is a published example, with which anybody can sign. Make one anew"
NO_OBJECT = "is not one JSON object, with each member once"
NO_KTY = "has a kty that is not EC, OKP or RSA"
NO_ALG = "has an alg that is not for its kty, or that is not known here"
NO_KID = "has a kid that is not 1 to 128 visible ASCII characters"
NO_ES256 = "is no ES256 key that can be read"


def without(key: Any, *names: str) -> bytes:
    members = jwk_members(key)
    return json.dumps({name: members[name] for name in members.keys() - set(names)}).encode()


def with_a_composite_prime() -> bytes:
    """Numbers that fit each other, and yet sign nothing that is good."""
    e, q = 65537, N.q
    fit = (p for p in range(N.p + 2, N.p + 2000, 2) if gcd(e, p - 1) == 1 and pow(2, p - 1, p) != 1)
    p = next(fit)
    d = pow(e, -1, lcm(p - 1, q - 1))
    return rsa_pem(RSA, n=p * q, d=d, p=p, dp=d % (p - 1), dq=d % (q - 1), qi=pow(q, -1, p))


PEM_FAULTS = [
    # Weak, or of the wrong kind.
    (pem(RSA_1024), "is an RSA key of 1024 bits; it must have 2048 to 8192"),
    (public_pem(RSA_1024), "is an RSA key of 1024 bits; it must have 2048 to 8192"),
    (pem(RSA_E3), "is an RSA key with an exponent below 65537"),
    (public_pem(RSA_E3), "is an RSA key with an exponent below 65537"),
    (rsa_pem(RSA, e=65538), "is an RSA key with an even exponent"),
    (rsa_pem(RSA, e=1), "is an RSA key with an exponent below 65537"),
    (pem(P384), NO_P256),
    (public_pem(P384), NO_P256),
    (pem(K1), NO_P256),
    (pem(ED448), NO_KIND),
    (public_pem(ED448), NO_KIND),
    (pem(X25519), NO_KIND),
    (pem(DSA), NO_KIND),
    (public_pem(DSA), NO_KIND),
    (JWT_IO, EXAMPLE),
    # Not one plain key.
    (pem(EC, encryption=PASSWORD), ENCRYPTED),
    (pem(EC, PrivateFormat.TraditionalOpenSSL, PASSWORD), ENCRYPTED),
    (pem(RSA, PrivateFormat.TraditionalOpenSSL, PASSWORD), ENCRYPTED),
    (
        CERTIFICATE,
        (
            "is a certificate. Take the key out of it with: "
            "openssl x509 -in FILE -noout -pubkey > NEW.pem"
        ),
    ),
    (
        public_pem(RSA, PublicFormat.PKCS1),
        (
            "is a public key of a form that only RSA has. Bring it to the usual one with: "
            "openssl rsa -RSAPublicKey_in -in FILE -pubout -out NEW.pem"
        ),
    ),
    (pem(ED, PrivateFormat.OpenSSH), OTHER_BLOCK),
    (P256_NAME, OTHER_BLOCK),
    (P256_NAME + pem(EC, PrivateFormat.TraditionalOpenSSL), TWO_BLOCKS),
    (pem(EC) + public_pem(EC), TWO_BLOCKS),
    (pem(EC) + pem(OTHER_EC), TWO_BLOCKS),
    (pem(EC) + CERTIFICATE, TWO_BLOCKS),
    # Damaged.
    (b"", NO_PEM),
    (b"\x00" * 500, NO_PEM),
    (jwk(EC), NO_PEM),
    (pem(EC)[28:], NO_PEM),
    (pem(EC)[:-40], DAMAGED),
    (pem(EC)[:60], DAMAGED),
    (public_pem(EC)[:-40], DAMAGED),
    (pem(EC).replace(b"PRIVATE", b"PUBLIC"), DAMAGED),
    (public_pem(EC).replace(b"PUBLIC", b"PRIVATE"), DAMAGED),
    (rsa_pem(RSA, n=N.public_numbers.n + 2), NO_PAIR),
    (rsa_pem(RSA, n=OTHER_RSA.public_key().public_numbers().n), NO_PAIR),
    (rsa_pem(RSA, e=65539), NO_PAIR),
    (rsa_pem(RSA, d=N.d + 2), NO_PAIR),
    (rsa_pem(RSA, p=N.p + 2), NO_PAIR),
    (rsa_pem(RSA, p=1, q=N.public_numbers.n), DAMAGED),
    (rsa_pem(RSA, p=0), NO_PAIR),
    (with_a_composite_prime(), NO_PAIR),
    (rsa_pem(RSA, dp=N.dmp1 + 2), NO_PAIR),
    (rsa_pem(RSA, dq=N.dmq1 + 2), NO_PAIR),
    (rsa_pem(RSA, qi=N.iqmp + 1), NO_PAIR),
]
JWK_FAULTS = [
    # Weak, or of the wrong kind.
    (jwk(RSA_1024), "is an RSA key of 1024 bits; it must have 2048 to 8192"),
    (public_jwk(RSA_1024), "is an RSA key of 1024 bits; it must have 2048 to 8192"),
    (jwk(RSA_E3), "is an RSA key with an exponent below 65537"),
    (jwk(RSA, e="AQAC"), "is no RS256 key that can be read"),
    (jwk(P384), NO_P256),
    (public_jwk(P384), NO_P256),
    (jwk(K1), NO_P256),
    (jwk(ED448), "is not an Ed25519 key, which EdDSA needs here"),
    (json.dumps(RFC_7515_A3).encode(), EXAMPLE),
    (json.dumps(RFC_8037_A1).encode(), EXAMPLE),
    (json.dumps({name: RFC_8037_A1[name] for name in ("kty", "crv", "x")}).encode(), EXAMPLE),
    # For something else.
    (jwk(EC, use="enc"), "is not for signatures: its use is not sig"),
    (jwk(EC, use=["sig"]), "is not for signatures: its use is not sig"),
    (public_jwk(EC, use=""), "is not for signatures: its use is not sig"),
    (jwk(EC, key_ops=["verify"]), "is not for this: its key_ops do not have sign"),
    (jwk(EC, key_ops="sign"), "is not for this: its key_ops do not have sign"),
    (jwk(EC, key_ops=[]), "is not for this: its key_ops do not have sign"),
    (jwk(EC, key_ops=["deriveKey"]), "is not for this: its key_ops do not have sign"),
    (public_jwk(EC, key_ops=["sign"]), "is not for this: its key_ops do not have verify"),
    (jwk(EC, alg="RS256"), NO_ALG),
    (jwk(EC, alg="ES384"), NO_ALG),
    (jwk(EC, alg="HS256"), NO_ALG),
    (public_jwk(RSA, alg="HS256"), NO_ALG),
    (jwk(EC, alg="none"), NO_ALG),
    (jwk(EC, alg=["ES256"]), NO_ALG),
    (jwk(RSA, alg="RSA-OAEP"), NO_ALG),
    (jwk(EC, kty="EC2"), NO_KTY),
    (jwk(EC, kty=None), NO_KTY),
    (jwk(EC, kty=["EC"]), NO_KTY),
    (jwk(EC, kty="OKP"), "is no EdDSA key that can be read"),
    (jwk(EC, kid=""), NO_KID),
    (jwk(EC, kid="a b"), NO_KID),
    (jwk(EC, kid="é"), NO_KID),
    (jwk(EC, kid="a\n"), NO_KID),
    (jwk(EC, kid="k" * 129), NO_KID),
    (jwk(EC, kid=7), NO_KID),
    (jwk(EC).replace(b"{", b'{"kid": null, ', 1), NO_KID),
    # Secrets.
    (
        b'{"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8"}',
        (
            "is a secret, and secrets are never mixed with public keys. Remove it; to sign with a "
            "secret, unset SIGNING_KEYS_DIR and give it as JWT_SECRET_KEY with JWT_ALGORITHM=HS256"
        ),
    ),
    (public_jwk(EC, k="AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"), DAMAGED),
    # Not one key.
    (
        b'{"keys": [' + jwk(EC) + b"]}",
        "is a set of keys. Put each of them into a file of its own",
    ),
    (b"[" + jwk(EC) + b"]", NO_OBJECT),
    (jwk(EC) + jwk(EC), NO_OBJECT),
    (jwk(EC).replace(b"{", b'{"kty": "EC", ', 1), NO_OBJECT),
    (pem(EC), NO_OBJECT),
    (b"", NO_OBJECT),
    (b"\xff", NO_OBJECT),
    (b"[" * 16_000, NO_OBJECT),
    (jwk(EC)[:-20], NO_OBJECT),
    (jwk(EC, note="x" * 17_000), "has more than 16384 bytes"),
    # Damaged.
    (without(EC, "x"), NO_ES256),
    (without(RSA, "n"), "is no RS256 key that can be read"),
    (jwk(EC, x=7), NO_ES256),
    (jwk(EC, x=jwk_members(EC)["y"]), NO_ES256),
    (jwk(EC, x=f"{jwk_members(EC)['x']}="), NO_ES256),
    (jwk(EC, x=f" {jwk_members(EC)['x']}"), NO_ES256),
    (jwk(RSA, n=f"AA{jwk_members(RSA)['n']}"), "is no RS256 key that can be read"),
    (jwk(RSA, e="AAEAAQ"), "is no RS256 key that can be read"),
    (jwk(EC, d=jwk_members(OTHER_EC)["d"]), DAMAGED),
    (jwk(ED, d=jwk_members(OTHER_ED)["d"]), DAMAGED),
    (jwk(RSA, d=jwk_members(OTHER_RSA)["d"]), NO_PAIR),
    (jwk(RSA, n=jwk_members(OTHER_RSA)["n"]), DAMAGED),
    (jwk(RSA, dp=jwk_members(OTHER_RSA)["dp"]), NO_PAIR),
    (jwk(RSA, p=7), DAMAGED),
    (jwk(EC, d=""), DAMAGED),
    (without(RSA, "p", "q", "dp", "dq", "qi"), DAMAGED),
    (without(RSA, "d"), DAMAGED),
]
FAULTS = [("bad.pem", *one) for one in PEM_FAULTS] + [("bad.jwk", *one) for one in JWK_FAULTS]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    FAULTS,
    ids=[f"{name[-3:]} {told[:40]}" for name, _, told in FAULTS],
)
def test_what_is_refused_is_told_without_a_word_of_it(name: str, content: bytes, told: str) -> None:
    with pytest.raises(UnfitKeyError) as caught:
        read_key(name, content, "ES256")
    assert str(caught.value) == told
    # Nor does anything that holds a part of the file hang on the error.
    assert caught.value.__context__ is None
    assert_kept(content, "".join(traceback.format_exception(caught.value)))
