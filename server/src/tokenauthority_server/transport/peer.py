"""Whom the certificate of a connection names."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509

from tokenauthority_server.transport.interceptors.call import Context

EXPIRED_AT_MOST_SECONDS: Final = 35 * 60
"""For how long a certificate that has expired still counts.

As long as a connection may live: whoever exchanges certificates in time calls on over the ones
that are open. It is looked at in each call, since a resumed TLS session (RFC 8446, section 2.2)
brings a certificate along that no handshake looks at again, for days.
"""

_CERTIFICATES: Final = 1024


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The subject alternative names of a client's certificate (RFC 5280, section 4.2.1.6).

    Each as it stands there, in its order, repeated ones too. Other kinds of names, and the common
    name, which a certificate authority may leave to whoever asks for one, are not told.
    """

    uri_sans: tuple[str, ...] = ()
    dns_sans: tuple[str, ...] = ()


_NAMELESS: Final = PeerCertificate()


def peer_certificate(context: Context) -> PeerCertificate | None:
    """Return what the client's certificate says, which TLS has verified; None without one.

    A certificate that is odd, or has expired for longer than a connection may live, names nobody.
    """
    # Read from the certificate itself: gRPC's documented list holds the names of all kinds, told
    # apart by nothing, and nothing beside it says when the certificate expires.
    found = context.auth_context().get("x509_pem_cert")
    if not found:
        return None
    certificate, until = _read(*found)
    return certificate if time.time() < until else _NAMELESS


@lru_cache(maxsize=_CERTIFICATES)
def _read(*pem: bytes) -> tuple[PeerCertificate, float]:
    """Return the certificate's names, and until when they count, in Unix seconds."""
    try:
        (only,) = pem
        certificate = x509.load_pem_x509_certificate(only)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        sans = PeerCertificate(
            tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            tuple(names.get_values_for_type(x509.DNSName)),
        )
        expires = certificate.not_valid_after_utc.timestamp()
    except Exception:  # noqa: BLE001 - whatever is odd about it: nobody is named by it
        return _NAMELESS, 0.0
    return sans, expires + EXPIRED_AT_MOST_SECONDS
