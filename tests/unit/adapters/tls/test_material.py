"""What of certificates and keys is fit for a server, and what is said of the rest."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ssl import DER_cert_to_PEM_cert, PEM_cert_to_DER_cert

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509 import CertificateBuilder, Name, ObjectIdentifier, UnrecognizedExtension
from cryptography.x509.oid import ExtensionOID
from support.certificates import CLIENT, SERVER, CertificateAuthority, Issued, PrivateKey
from support.key_files import PASSWORD, assert_kept, new_key, pem

from tokenauthority_server.adapters.tls.material import (
    CERTIFICATE,
    CLIENT_CA,
    KEY,
    TlsMaterial,
    UnfitTlsError,
    check,
)

CA = CertificateAuthority()
GOOD = CA.server()
DAY = timedelta(days=1)
VERSION_3, VERSION_8 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"
PAST = CertificateAuthority(ends=-DAY).certificate


def checked(issued: Issued = GOOD, client_ca: bytes | None = None) -> TlsMaterial:
    contents = {CERTIFICATE: issued.certificate, KEY: issued.key}
    if client_ca is not None:
        contents[CLIENT_CA] = client_ca
    return check(contents, datetime.now(UTC))


def faults(issued: Issued = GOOD, client_ca: bytes | None = None) -> dict[str, str]:
    with pytest.raises(UnfitTlsError) as caught:
        checked(issued, client_ca)
    found = caught.value.faults
    assert len(dict(found)) == len(found)
    for one in (issued.key, client_ca or b""):
        assert_kept(one, str(caught.value))
    return dict(found)


def test_a_good_pair_is_taken_as_it_is() -> None:
    material = checked()
    assert (material.certificates, material.key) == (GOOD.certificate, GOOD.key)
    assert material.client_authorities == b""
    assert material.expire_times.keys() == {CERTIFICATE}
    assert repr(material).find("PRIVATE") < 0


def test_what_stands_around_it_does_not_reach_grpc() -> None:
    ca = b"# ours\n" + CA.certificate.replace(b"\n", b"\r\n") + GOOD.key
    material = checked(Issued(b"Subject: x\n" + GOOD.certificate + GOOD.key, GOOD.key), ca)
    assert material.certificates == GOOD.certificate
    assert material.client_authorities == CA.certificate


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
)
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_keys_that_grpc_signs_with_are_good(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: PrivateFormat
) -> None:
    issued = CA.server(key=key)
    assert checked(Issued(issued.certificate, pem(key, form))).key == issued.key


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505
    ],
)
def test_keys_that_it_does_not_sign_with_are_refused(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey,
) -> None:
    assert faults(CA.server(key=key)) == {
        KEY: "must hold an EC key on P-256 or P-384, or an RSA key of 2048 bits and more. Make one "
        "with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE"
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"no PEM", CA.certificate, GOOD.key[:100]],
    ids=["nothing", "no PEM", "a certificate", "half a key"],
)
def test_what_is_no_key_is_told(content: bytes) -> None:
    told = faults(Issued(GOOD.certificate, content))
    assert told[KEY].startswith("holds no private key in PEM that can be read. Make one with: ")


def test_a_key_under_a_password_is_told() -> None:
    sealed = pem(new_key(), encryption=PASSWORD)
    assert faults(Issued(GOOD.certificate, sealed))[KEY].startswith("holds a key under a password")


@pytest.mark.parametrize("content", [b"", b"no PEM", GOOD.key])
def test_what_is_no_certificate_is_told(content: bytes) -> None:
    told = "holds no certificate in PEM, which begins with BEGIN CERTIFICATE"
    assert faults(Issued(content, GOOD.key), content) == {CERTIFICATE: told, CLIENT_CA: told}


def of_another_version(certificate: bytes) -> bytes:
    """The certificate with a version that does not exist (RFC 5280, section 4.1.2.1)."""
    changed = PEM_cert_to_DER_cert(certificate.decode()).replace(VERSION_3, VERSION_8, 1)
    return DER_cert_to_PEM_cert(changed).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda pem: pem[:200],
        lambda pem: pem.replace(b"M", b"N", 2),
        # gRPC would take the good one, and leave out the other.
        lambda pem: CA.certificate + pem.replace(b"M", b"N", 2),
        of_another_version,
    ],
)
def test_what_is_damaged_is_told(damage: Callable[[bytes], bytes]) -> None:
    content = damage(GOOD.certificate)
    told = "holds a certificate that is damaged, or of an unknown kind"
    assert faults(Issued(content, GOOD.key), content) == {CERTIFICATE: told, CLIENT_CA: told}


def test_the_key_of_another_certificate_is_told() -> None:
    assert faults(Issued(GOOD.certificate, CA.server().key)) == {
        KEY: "does not hold the key of the certificate in TLS_CERT_FILE"
    }


def test_a_chain_begins_with_the_servers_own() -> None:
    issued = CA.intermediate().server()
    assert checked(issued).certificates == issued.certificate
    own, above = issued.certificate.split(b"-----END CERTIFICATE-----\n", 1)
    own += b"-----END CERTIFICATE-----\n"
    told = faults(Issued(above + own, issued.key))
    assert told[CERTIFICATE].startswith("begins with another certificate than that of the key")


def test_times_that_are_over_or_have_not_begun_are_told() -> None:
    over = faults(CA.server(begins=-2 * DAY, ends=-DAY))[CERTIFICATE]
    day = datetime.now(UTC) - DAY
    assert over.startswith(f"holds a certificate that has expired at {day:%Y-%m-%d}")
    early = faults(CA.server(begins=DAY))[CERTIFICATE]
    assert early.startswith(
        f"holds a certificate that is not valid before {day + 2 * DAY:%Y-%m-%d}"
    )


def test_a_chain_ends_with_the_first_of_it() -> None:
    short = CertificateAuthority(ends=DAY)
    issued = CA.server()
    chain = Issued(issued.certificate + short.certificate, issued.key)
    end = checked(chain).expire_times[CERTIFICATE]
    assert end - datetime.now(UTC) < DAY
    gone = faults(Issued(issued.certificate + PAST, issued.key))
    assert gone[CERTIFICATE].startswith("holds certificate 2 of 2 that has expired at ")


@pytest.mark.parametrize(
    ("usage", "good"), [([], True), ([SERVER], True), ([CLIENT, SERVER], True), ([CLIENT], False)]
)
def test_a_certificate_for_clients_serves_nobody(
    usage: list[ObjectIdentifier],
    good: bool,  # noqa: FBT001 - a case
) -> None:
    issued = CA.issue(dns=["localhost"], usage=usage)
    if good:
        assert checked(issued).certificates == issued.certificate
    else:
        assert "serverAuth" in faults(issued)[CERTIFICATE]


def test_a_damaged_extension_is_told() -> None:
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    damaged = UnrecognizedExtension(ExtensionOID.EXTENDED_KEY_USAGE, b"\xff")
    certificate = (
        CertificateBuilder(Name([]), Name([]), key.public_key(), 1, now - DAY, now + DAY)
        .add_extension(damaged, critical=False)
        .sign(key, SHA256())
    )
    issued = Issued(certificate.public_bytes(Encoding.PEM), pem(key))
    assert faults(issued) == {CERTIFICATE: "holds a certificate with an extension that is damaged"}


def test_authorities_are_exchanged_side_by_side() -> None:
    material = checked(client_ca=PAST + CA.certificate)
    assert material.client_authorities == PAST + CA.certificate
    left = material.expire_times[CLIENT_CA] - datetime.now(UTC)
    assert 29 * DAY < left < 30 * DAY


def test_none_that_is_valid_is_told() -> None:
    told = faults(client_ca=PAST + PAST)[CLIENT_CA]
    assert told.startswith("holds no certificate that is still valid: the last one has expired at ")


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505
    ],
)
def test_an_authority_that_is_weak_or_that_grpc_does_not_know_is_told(key: PrivateKey) -> None:
    weak = CertificateAuthority(key=key)
    told = faults(client_ca=CA.certificate + weak.certificate)[CLIENT_CA]
    assert told.startswith("holds certificate 2 of 2 with a key that is weak, or of a kind")


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
)
def test_authorities_have_keys_of_many_kinds(key: PrivateKey) -> None:
    authority = CertificateAuthority(key=key).certificate
    assert checked(client_ca=authority).client_authorities == authority


def test_every_fault_is_told_at_once() -> None:
    old = CA.server(begins=-2 * DAY, ends=-DAY)
    assert faults(Issued(old.certificate, GOOD.key), b"").keys() == {CERTIFICATE, KEY, CLIENT_CA}
