"""What a port with TLS shows and trusts, checked before gRPC sees any of it.

gRPC says little about what is wrong, and takes part of it for good: of a list of authorities those
that it can read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

CERTIFICATE: Final = "TLS_CERT_FILE"
KEY: Final = "TLS_KEY_FILE"
CLIENT_CA: Final = "TLS_CLIENT_CA_FILE"

_MAKE_KEY: Final = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
_KEYS: Final = "an EC key on P-256 or P-384, or an RSA key of 2048 bits and more"
_OTHERS_FIRST: Final = (
    f"begins with another certificate than that of the key in {KEY}. Put the server's own first, "
    "and after it those that lead up to the authority"
)
# What gRPC signs handshakes with. It has Ed25519 and P-521 too, and offers neither.
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)
_LEAST_RSA_BITS: Final = 2048
# What it verifies certificates with.
_AUTHORITIES_KEYS: Final = "EC on P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits and more"
_ALL_CURVES: Final = (*_CURVES, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """A server's certificates, the leaf first, their key, and the authorities of clients; PEM.

    `client_authorities` is empty where clients are asked for no certificate. `expire_times` says,
    by the setting, when a part of the chain, or the last authority, ends.
    """

    certificates: bytes
    key: bytes = field(repr=False)
    client_authorities: bytes
    expire_times: Mapping[str, datetime]


class UnfitTlsError(ValueError):
    """The files are not fit for TLS. `faults` has what is wrong, each with its setting."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{setting}: {problem}" for setting, problem in faults))
        self.faults = tuple(faults)


def check(contents: Mapping[str, bytes], now: datetime) -> TlsMaterial:
    """Return what the files hold, by their settings; CLIENT_CA may be missing.

    What gRPC gets is written anew: the very certificates and the key that were looked at.
    Raises UnfitTlsError with every fault, worded to go on after a file's name.
    """
    faults: list[tuple[str, str]] = []

    def read(setting: str, reading: Any) -> Any:
        try:
            return reading(contents[setting]) if setting in contents else None
        except _UnfitError as error:
            faults.append((setting, str(error)))
            return None

    chain: Sequence[x509.Certificate] | None = read(CERTIFICATE, _chain)
    key = read(KEY, _private_key)
    authorities: Sequence[x509.Certificate] = read(CLIENT_CA, _certificates) or ()
    if chain:
        faults.extend((CERTIFICATE, one) for one in _chain_faults(chain, now))
    if chain and key:
        faults.extend(_pair_faults(chain, key))
    faults.extend((CLIENT_CA, one) for one in _authority_faults(authorities, now))
    if faults or not chain or not key:
        raise UnfitTlsError(faults)
    expire_times = {CERTIFICATE: min(one.not_valid_after_utc for one in chain)}
    if authorities:
        # While they are exchanged a former one stands beside its successor, and may end.
        expire_times[CLIENT_CA] = max(one.not_valid_after_utc for one in authorities)
    return TlsMaterial(
        certificates=_pem(chain),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        client_authorities=_pem(authorities),
        expire_times=expire_times,
    )


class _UnfitError(ValueError):
    """A file is not fit; the text goes on after its name."""


def _certificates(content: bytes) -> Sequence[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise _UnfitError("holds no certificate in PEM, which begins with BEGIN CERTIFICATE")
    try:
        found = x509.load_pem_x509_certificates(content)
        for one in found:
            one.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise _UnfitError("holds a certificate that is damaged, or of an unknown kind") from None
    return found


def _chain(content: bytes) -> Sequence[x509.Certificate]:
    found = _certificates(content)
    try:
        _ = found[0].extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise _UnfitError("holds a certificate with an extension that is damaged") from None
    return found


def _private_key(content: bytes) -> Any:
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError:
        raise _UnfitError(
            "holds a key under a password, and nobody is there to type it. Store it without: "
            "openssl pkey -in FILE -out FILE"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _UnfitError(
            f"holds no private key in PEM that can be read. Make one with: {_MAKE_KEY} -out FILE"
        ) from None
    good_curve = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES)
    good_rsa = isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS
    if not (good_curve or good_rsa):
        raise _UnfitError(f"must hold {_KEYS}. Make one with: {_MAKE_KEY} -out FILE")
    return key


def _chain_faults(chain: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    for number, one in enumerate(chain, start=1):
        which = f"certificate {number} of {len(chain)}" if len(chain) > 1 else "a certificate"
        if one.not_valid_after_utc < now:
            yield f"holds {which} that has expired at {_time(one.not_valid_after_utc)}. Renew it"
        elif one.not_valid_before_utc > now:
            begins = _time(one.not_valid_before_utc)
            yield (
                f"holds {which} that is not valid before {begins}. Wait, or see to the clock of "
                "this machine"
            )
    if not _is_for_servers(chain[0]):
        yield (
            "holds a certificate that clients refuse, since its extended key usage is not "
            "serverAuth. Have one issued for a server"
        )


def _is_for_servers(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool(
        {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {*usage}
    )


def _pair_faults(chain: Sequence[x509.Certificate], key: Any) -> Iterator[tuple[str, str]]:
    places = [place for place, one in enumerate(chain) if one.public_key() == key.public_key()]
    if not places:
        yield KEY, f"does not hold the key of the certificate in {CERTIFICATE}"
    elif places[0] > 0:
        yield CERTIFICATE, _OTHERS_FIRST


def _authority_faults(authorities: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    if authorities and all(one.not_valid_after_utc < now for one in authorities):
        last = _time(max(one.not_valid_after_utc for one in authorities))
        yield f"holds no certificate that is still valid: the last one has expired at {last}"
    for number, one in enumerate(authorities, start=1):
        if not _verifies(one.public_key()):
            yield (
                f"holds certificate {number} of {len(authorities)} with a key that is weak, or of "
                f"a kind that gRPC does not know. It must be {_AUTHORITIES_KEYS}"
            )


def _verifies(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _LEAST_RSA_BITS
    good_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _ALL_CURVES)
    return good_curve or isinstance(key, ed25519.Ed25519PublicKey)


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")
