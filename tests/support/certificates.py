"""A small certificate authority, for servers and clients whose TLS is real."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate, with the intermediate ones above it, and its private key; both PEM."""

    certificate: bytes
    key: bytes


class CertificateAuthority:
    """Issues whatever a test asks for. `certificate` is its own, in PEM: what peers trust."""

    def __init__(
        self,
        name: str = "An authority of certificates",
        *,
        key: PrivateKey | None = None,
        ends: timedelta = 30 * _DAY,
    ) -> None:
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._above = b""
        self.certificate = _pem(
            _about(self._name, self._key, ends - 60 * _DAY, ends)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, _digest(self._key))
        )

    def intermediate(self) -> Self:
        """One below this one: what it issues comes with its certificate, and leads up to here."""
        below = type(self)("An intermediate one")
        about = _about(below._name, below._key, -_DAY, 30 * _DAY).issuer_name(self._name)
        below.certificate = _pem(
            about.add_extension(
                x509.BasicConstraints(ca=True, path_length=None), critical=True
            ).sign(self._key, _digest(self._key))
        )
        below._above = below.certificate
        return below

    @classmethod
    def of(cls, holder: Issued) -> Self:
        """What the holder of a certificate issues with its key, though it is no authority's."""
        false = cls()
        certificate = x509.load_pem_x509_certificate(holder.certificate)
        key = load_pem_private_key(holder.key, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        false._key, false._name, false._above = key, certificate.subject, holder.certificate
        return false

    def issue(  # noqa: PLR0913 - all by name
        self,
        *,
        uris: Sequence[str] = (),
        dns: Sequence[str] = (),
        ips: Sequence[str] = (),
        common_name: str = "",
        usage: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        begins: timedelta = -_DAY,
        ends: timedelta = 30 * _DAY,
        key: PrivateKey | None = None,
    ) -> Issued:
        """A certificate for these names in its SAN, in this order; times are from now on."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [
            *(x509.UniformResourceIdentifier(one) for one in uris),
            *(x509.DNSName(one) for one in dns),
            *(x509.IPAddress(ipaddress.ip_address(one)) for one in ips),
        ]
        about = _about(_named(common_name), key, begins, ends).issuer_name(self._name)
        if names:
            about = about.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage:
            about = about.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        certificate = _pem(about.sign(self._key, _digest(self._key)))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(certificate + self._above, private)

    def server(
        self,
        *,
        begins: timedelta = -_DAY,
        ends: timedelta = 30 * _DAY,
        key: PrivateKey | None = None,
    ) -> Issued:
        """A certificate for a server on this machine."""
        return self.issue(
            dns=["localhost"],
            ips=["127.0.0.1", "::1"],
            usage=[SERVER],
            begins=begins,
            ends=ends,
            key=key,
        )


def _named(common_name: str) -> x509.Name:
    if not common_name:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _about(
    name: x509.Name, key: PrivateKey, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )


def _digest(key: PrivateKey) -> hashes.SHA256 | None:
    # Ed25519 has one of its own.
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
