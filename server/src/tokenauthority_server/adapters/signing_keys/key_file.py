"""One key from one file, PEM (RFC 7468) or JWK (RFC 7517), read strictly.

Whatever is wrong is an UnfitKeyError, whose text goes on from the file's name and holds nothing of
what stands in it. Where it says what to do, FILE is the file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from tokenauthority_tokens import base64url, jwk
from tokenauthority_tokens.algorithms import (
    PS256,
    RS256,
    SignatureAlgorithm,
    UnfitKeyError,
    algorithm_of,
)
from tokenauthority_tokens.keys import VerifyingKey

_PROBE: Final = b"Whoever signs this has the private key."

_RESTORE: Final = "Put it back from a copy"
_DAMAGED: Final = f"is damaged, or cut off. {_RESTORE}"

_PUBLISHED_EXAMPLES: Final = frozenset(
    {
        "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8",  # RFC 7515, appendix A.2
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",  # RFC 7515, appendix A.3
        "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",  # RFC 7517, appendix A, P-256
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",  # RFC 7517, appendix A, RSA
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",  # RFC 8037, appendix A
        "19J8y7Zprt2-QKLjF2I5pVk0OELX6cY2AfaAv1LC_w8",  # jwt.io, ES256
        "oGDmHqCJ7yzMkWEkrlZVHkvrHIyQwtlDmeq5ForUHeY",  # jwt.io, RS256 and PS256
    }
)
"""By their thumbprints, the keys that end up in settings because they stand in every manual."""

_OF_OLD_TOKENS: Final = "legacy"
_KEY_ID: Final = re.compile(r"[!-~]{1,128}")
_BEGIN: Final = re.compile(rb"-----BEGIN ([^\r\n]*?)-----")
_PRIVATE: Final = frozenset({b"PRIVATE KEY", b"EC PRIVATE KEY", b"RSA PRIVATE KEY"})
_ENCRYPTED_TOO: Final = b"Proc-Type: 4,ENCRYPTED"  # RFC 1421, as OpenSSL still writes it
_ENCRYPTED: Final = (
    "is encrypted, and nobody is there to give its password. Decrypt it with: "
    "openssl pkey -in FILE -out NEW.pem"
)
_OTHER_BLOCKS: Final[Mapping[bytes, str]] = {
    b"ENCRYPTED PRIVATE KEY": _ENCRYPTED,
    b"CERTIFICATE": "is a certificate. Take the key out of it with: "
    "openssl x509 -in FILE -noout -pubkey > NEW.pem",
    b"RSA PUBLIC KEY": "is a public key of a form that only RSA has. Bring it to the usual one "
    "with: openssl rsa -RSAPublicKey_in -in FILE -pubout -out NEW.pem",
}
_NO_KEY: Final = (
    "holds a PEM block of another kind. Keys are PRIVATE KEY, EC PRIVATE KEY, RSA PRIVATE KEY or "
    "PUBLIC KEY"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyFile:
    """A key as a file holds it; `private` is None where that is the public half alone.

    The two fit: what the private one signs, the public one verifies. `thumbprint` is the public
    key's (RFC 7638), whatever `kid` it goes by.
    """

    verifying: VerifyingKey
    thumbprint: str
    private: Any = field(repr=False)


def read_key(name: str, data: bytes, wanted: str) -> KeyFile:
    """Return the key in a file of this name; raise UnfitKeyError.

    `wanted` is the algorithm that signs: an RSA key that does not say what it is for is for that
    one, where it is one of RSA's.
    """
    read = _pem if name.lower().endswith(".pem") else _jwk
    try:
        return _checked(read(data, PS256 if wanted == PS256.name else RS256))
    except Exception as error:  # noqa: BLE001 - the libraries give up on damaged keys in many ways
        problem = str(error) if isinstance(error, UnfitKeyError) else _DAMAGED
    # Raised out here, so that no error that holds a part of the file is a context of this one.
    raise UnfitKeyError(problem)


class _Found(NamedTuple):
    algorithm: SignatureAlgorithm
    public: Any
    private: Any
    key_id: str = ""


def _pem(data: bytes, of_rsa: SignatureAlgorithm) -> _Found:
    blocks = _BEGIN.findall(data)
    if not blocks:
        raise UnfitKeyError(f"holds nothing in PEM form: it is another kind of file, or {_DAMAGED}")
    if len(blocks) > 1:
        raise UnfitKeyError(
            f"holds {len(blocks)} PEM blocks, and a file holds one key. Write the private key "
            "alone with: openssl pkey -in FILE -out NEW.pem"
        )
    if blocks[0] == b"PUBLIC KEY":
        private, public = None, load_pem_public_key(data)
    elif blocks[0] in _PRIVATE:
        if _ENCRYPTED_TOO in data:
            raise UnfitKeyError(_ENCRYPTED)
        # To look at the primes of an RSA key would hold up everything for up to a quarter of a
        # second. Whether it is whole is seen in `_checked`.
        private = load_pem_private_key(data, password=None, unsafe_skip_rsa_key_validation=True)
        public = private.public_key()
    else:
        raise UnfitKeyError(_OTHER_BLOCKS.get(blocks[0], _NO_KEY))
    algorithm = of_rsa if isinstance(public, RSAPublicKey) else algorithm_of(public)
    return _Found(algorithm, public, private)


def _jwk(data: bytes, of_rsa: SignatureAlgorithm) -> _Found:
    members = jwk.read(data)
    if "keys" in members:
        raise UnfitKeyError("is a set of keys. Put each of them into a file of its own")
    if members.get("kty") == "oct":
        raise UnfitKeyError(
            "is a secret, and secrets are never mixed with public keys. Remove it; to sign with a "
            "secret, unset SIGNING_KEYS_DIR and give it as JWT_SECRET_KEY with JWT_ALGORITHM=HS256"
        )
    key_id = members.get("kid", "")
    if "kid" in members and not (isinstance(key_id, str) and _KEY_ID.fullmatch(key_id)):
        raise UnfitKeyError("has a kid that is not 1 to 128 visible ASCII characters")
    if key_id == _OF_OLD_TOKENS:
        raise UnfitKeyError(f"has the kid {_OF_OLD_TOKENS}, which stands for the platform's secret")
    if members.get("kty") == "RSA":
        members = {"alg": of_rsa.name, **members}
    is_private = bool(members.keys() & jwk.PRIVATE_MEMBERS)
    algorithm = jwk.algorithm_of(members, "sign" if is_private else "verify")
    public = jwk.load(members, algorithm)
    private = _private_half(members, algorithm, public) if is_private else None
    return _Found(algorithm, public, private, key_id)


def _private_half(members: Mapping[str, Any], algorithm: SignatureAlgorithm, public: Any) -> Any:
    if not isinstance(public, RSAPublicKey):
        names = (*algorithm.thumbprint_members, "d")
        return algorithm.scheme.from_jwk({name: members[name] for name in names})
    p, q, d, dp, dq, qi = (
        int.from_bytes(base64url.decode(members[name]))
        for name in ("p", "q", "d", "dp", "dq", "qi")
    )
    numbers = RSAPrivateNumbers(p, q, d, dp, dq, qi, public.public_numbers())
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _checked(found: _Found) -> KeyFile:
    algorithm, public, private, key_id = found
    algorithm.check(public)
    thumbprint = jwk.thumbprint(public, algorithm)
    if thumbprint in _PUBLISHED_EXAMPLES:
        raise UnfitKeyError("is a published example, with which anybody can sign. Make one anew")
    verifying = VerifyingKey(key_id=key_id or thumbprint, algorithm=algorithm, key=public)
    if private is not None:
        whole = not isinstance(private, RSAPrivateKey) or _is_whole(private.private_numbers())
        if not whole or not verifying.verify(_PROBE, algorithm.scheme.sign(_PROBE, private)):
            raise UnfitKeyError("holds a private and a public key that do not fit. " + _RESTORE)
    return KeyFile(verifying=verifying, thumbprint=thumbprint, private=private)


def _is_whole(key: RSAPrivateNumbers) -> bool:
    """Return whether all numbers of the key belong together.

    A signature alone would not show it: where some of them are wrong, the library signs with the
    others.
    """
    public, p, q = key.public_numbers, key.p, key.q
    return (
        p * q == public.n
        and key.d * public.e % (p - 1) == key.d * public.e % (q - 1) == 1
        and key.dmp1 == key.d % (p - 1)
        and key.dmq1 == key.d % (q - 1)
        and key.iqmp * q % p == 1
    )
