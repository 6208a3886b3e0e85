"""Whom a client's certificate names, and whom it does not."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from support.certificates import CertificateAuthority

from tokenauthority_server.transport.interceptors.call import Context
from tokenauthority_server.transport.peer import (
    EXPIRED_AT_MOST_SECONDS,
    PeerCertificate,
    peer_certificate,
)
from tokenauthority_server.transport.server import OPTIONS

CA = CertificateAuthority()
NAMELESS = PeerCertificate()
HOUR = timedelta(hours=1)


class Connection:
    """What gRPC tells of a connection."""

    def __init__(self, *pem: bytes, **more: bytes) -> None:
        self._properties = {name: [value] for name, value in more.items()}
        if pem:
            self._properties["x509_pem_cert"] = list(pem)

    def auth_context(self) -> Mapping[str, Any]:
        return self._properties


def named(*pem: bytes, **more: bytes) -> PeerCertificate | None:
    return peer_certificate(cast("Context", Connection(*pem, **more)))


def test_without_a_certificate_there_is_none() -> None:
    assert named() is None
    assert named(transport_security_type=b"insecure") is None


def test_names_are_told_by_their_kind_and_in_their_order() -> None:
    issued = CA.issue(
        uris=["spiffe://b.example/x", "spiffe://a.example/x", "spiffe://b.example/x"],
        dns=["b.example", "a.example"],
        ips=["192.0.2.1"],
    )
    assert named(issued.certificate) == PeerCertificate(
        ("spiffe://b.example/x", "spiffe://a.example/x", "spiffe://b.example/x"),
        ("b.example", "a.example"),
    )


def test_a_name_of_one_kind_is_none_of_another() -> None:
    issued = CA.issue(dns=["spiffe://a.example/x"], common_name="spiffe://a.example/x")
    assert named(issued.certificate) == PeerCertificate((), ("spiffe://a.example/x",))


def test_the_common_name_and_what_grpc_makes_of_it_all_name_nobody() -> None:
    issued = CA.issue(common_name="api.example")
    assert (
        named(
            issued.certificate,
            x509_common_name=b"api.example",
            x509_subject_alternative_name=b"api.example",
            peer_spiffe_id=b"spiffe://a.example/x",
        )
        == NAMELESS
    )


@pytest.mark.parametrize(
    "pem", [b"", b"no certificate", CA.certificate[:200], b"\xff" * 100, CA.certificate]
)
def test_what_is_odd_or_has_no_names_names_nobody(pem: bytes) -> None:
    assert named(pem) == NAMELESS


def test_two_certificates_name_nobody() -> None:
    issued = CA.issue(uris=["spiffe://a.example/x"]).certificate
    assert named(issued, issued) == NAMELESS


def test_an_expired_one_counts_for_the_life_of_a_connection_and_no_longer() -> None:
    names = ["spiffe://a.example/x"]
    longest = timedelta(seconds=EXPIRED_AT_MOST_SECONDS)
    just = CA.issue(uris=names, ends=-longest + timedelta(minutes=1))
    long_ago = CA.issue(uris=names, ends=-longest - timedelta(seconds=1))
    assert named(just.certificate) == PeerCertificate(("spiffe://a.example/x",))
    assert named(long_ago.certificate) == NAMELESS


def test_a_connection_may_live_no_longer_than_that() -> None:
    limits = dict(OPTIONS)
    # gRPC spreads the ages by a tenth to each side.
    longest = 1.1 * limits["grpc.max_connection_age_ms"]
    longest += limits["grpc.max_connection_age_grace_ms"]
    assert longest / 1000 <= EXPIRED_AT_MOST_SECONDS


def test_one_that_is_known_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    issued = CA.issue(dns=["a.example"], ends=HOUR)
    assert named(issued.certificate) == PeerCertificate((), ("a.example",))
    later = time.time() + HOUR.total_seconds() + EXPIRED_AT_MOST_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert named(issued.certificate) == NAMELESS
