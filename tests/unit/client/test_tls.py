"""Encryption: whom the client trusts, what it shows of itself, and files that it cannot use."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from support.certificates import SERVER, CertificateAuthority, Issued
from unit.client.scripted_authority import ScriptedAuthority, serving

from tokenauthority_client import ConnectionFailedError, TokenAuthorityClient, tls_credentials

NAME: Final = "tokenauthority.internal"
URI: Final = "spiffe://wakedock.internal/ns/wakedock/sa/api"
KEY: Final = "tac_0f-Xy_Zw"
Files = Callable[..., dict[str, Path]]


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture(scope="module")
def mine(ca: CertificateAuthority) -> Issued:
    return ca.issue(uris=[URI])


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Writes what it is given, and returns the arguments that name it."""

    def write(**contents: bytes) -> dict[str, Path]:
        paths = {name: tmp_path / f"{name}.pem" for name in contents}
        for name, content in contents.items():
            paths[name].write_bytes(content)
        return paths

    return write


@asynccontextmanager
async def encrypted(
    issued: Issued, *, clients: CertificateAuthority | None = None
) -> AsyncIterator[ScriptedAuthority]:
    """An authority with this certificate, which asks for those that `clients` issued."""
    credentials = grpc.ssl_server_credentials(
        [(issued.key, issued.certificate)],
        root_certificates=clients.certificate if clients else None,
        require_client_auth=clients is not None,
    )
    async with serving(ScriptedAuthority(), credentials) as running:
        yield running


async def test_a_server_of_the_trusted_authority_is_called(
    ca: CertificateAuthority, files: Files
) -> None:
    credentials = tls_credentials(**files(ca_file=ca.certificate))
    async with (
        encrypted(ca.server()) as authority,
        TokenAuthorityClient(authority.address, credentials=credentials, caller_key=KEY) as client,
    ):
        await client.validate("t")
    (received,) = authority.received
    assert received.metadata["authorization"] == f"Bearer {KEY}"


async def test_nothing_is_told_to_a_server_that_is_not_trusted(
    ca: CertificateAuthority, files: Files
) -> None:
    trusting = tls_credentials(**files(ca_file=ca.certificate))
    strangers = CertificateAuthority("Another")
    for server in (strangers.server(), ca.issue(dns=["elsewhere.internal"], usage=[SERVER])):
        async with (
            encrypted(server) as authority,
            TokenAuthorityClient(authority.address, credentials=trusting, caller_key=KEY) as client,
        ):
            with pytest.raises(ConnectionFailedError):
                await client.validate("t")
        assert authority.received == []


async def test_without_authorities_those_of_grpc_are_trusted(ca: CertificateAuthority) -> None:
    async with (
        encrypted(ca.server()) as authority,
        TokenAuthorityClient(authority.address, credentials=tls_credentials()) as client,
    ):
        with pytest.raises(ConnectionFailedError):
            await client.validate("t")
    assert authority.received == []


async def test_without_credentials_an_encrypted_port_gives_no_answer(
    ca: CertificateAuthority,
) -> None:
    async with (
        encrypted(ca.server()) as authority,
        TokenAuthorityClient(authority.address) as client,
    ):
        with pytest.raises(ConnectionFailedError):
            await client.validate("t")
    assert authority.received == []


async def test_a_certificate_of_ones_own_is_shown(
    ca: CertificateAuthority, mine: Issued, files: Files
) -> None:
    pair = files(ca_file=ca.certificate, cert_file=mine.certificate, key_file=mine.key)
    nameless = tls_credentials(ca_file=pair["ca_file"])
    async with encrypted(ca.server(), clients=ca) as authority:
        async with TokenAuthorityClient(
            authority.address, credentials=tls_credentials(**pair)
        ) as client:
            await client.validate("t")
        async with TokenAuthorityClient(authority.address, credentials=nameless) as client:
            with pytest.raises(ConnectionFailedError):
                await client.validate("t")
    assert len(authority.received) == 1


async def test_a_certificate_below_an_intermediate_authority_is_shown_with_it(
    ca: CertificateAuthority, files: Files
) -> None:
    mine = ca.intermediate().issue(uris=[URI])
    pair = files(ca_file=ca.certificate, cert_file=mine.certificate, key_file=mine.key)
    async with (
        encrypted(ca.server(), clients=ca) as authority,
        TokenAuthorityClient(authority.address, credentials=tls_credentials(**pair)) as client,
    ):
        await client.validate("t")
    assert len(authority.received) == 1


@pytest.mark.parametrize("form", ["{0}", "ipv4:{0},{1}", "dns:///{0}"])
async def test_servers_are_checked_for_the_name_that_is_given(
    ca: CertificateAuthority, files: Files, form: str
) -> None:
    credentials = tls_credentials(**files(ca_file=ca.certificate))
    named = ca.issue(dns=[NAME], usage=[SERVER])
    async with encrypted(named) as one, encrypted(named) as two:
        for authority in (one, two):
            await authority.serves(calls=True)
        target = form.format(one.address, two.address)
        async with TokenAuthorityClient(
            target, credentials=credentials, server_name=NAME
        ) as client:
            await client.validate("t")
        for name in ("another.internal", None):
            async with TokenAuthorityClient(
                target, credentials=credentials, server_name=name
            ) as client:
                with pytest.raises(ConnectionFailedError):
                    await client.validate("t")
    assert len(one.received + two.received) == 1


def test_a_name_without_encryption_would_check_nothing() -> None:
    with pytest.raises(TypeError, match="give credentials too"):
        TokenAuthorityClient("localhost:50051", server_name=NAME)


def locked(key: bytes) -> bytes:
    """The key under a passphrase."""
    private = serialization.load_pem_private_key(key, None)
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff\xfe"])
def test_authorities_that_are_no_certificates_are_refused(files: Files, content: bytes) -> None:
    paths = files(ca_file=content)
    with pytest.raises(ValueError, match=r"^ca_file: .*ca_file\.pem holds no certificate"):
        tls_credentials(**paths)


def test_authorities_may_have_comments(ca: CertificateAuthority, files: Files) -> None:
    tls_credentials(**files(ca_file="# Unsere Behörde\n".encode() + ca.certificate))


def test_a_pair_that_does_not_fit_is_refused(
    ca: CertificateAuthority, mine: Issued, files: Files
) -> None:
    other = ca.issue(uris=[URI])
    paths = files(cert_file=mine.certificate, key_file=other.key)
    with pytest.raises(
        ValueError, match=r"key_file\.pem is not the key of .*cert_file\.pem$"
    ) as caught:
        tls_credentials(**paths)
    assert "PRIVATE" not in repr(caught.value)


def test_a_pair_that_cannot_be_read_is_refused(mine: Issued, files: Files) -> None:
    for contents in (
        {"cert_file": mine.key, "key_file": mine.certificate},
        {"cert_file": b"no certificate", "key_file": mine.key},
        {"cert_file": mine.certificate, "key_file": b"no key"},
        {"cert_file": mine.certificate, "key_file": locked(mine.key)},
    ):
        paths = files(**contents)
        with pytest.raises(ValueError, match=r"^cert_file and key_file: .* are no certificate"):
            tls_credentials(**paths)


@pytest.mark.parametrize("name", ["ca_file", "cert_file", "key_file"])
def test_a_file_that_is_missing_is_named(
    ca: CertificateAuthority, mine: Issued, files: Files, name: str
) -> None:
    paths = files(ca_file=ca.certificate, cert_file=mine.certificate, key_file=mine.key)
    paths[name].unlink()
    with pytest.raises(ValueError, match=rf"^{name}: .*{name}\.pem cannot be read: No such file"):
        tls_credentials(**paths)


@pytest.mark.parametrize("given", [{"cert_file": "cert.pem"}, {"key_file": "key.pem"}])
def test_half_a_pair_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="belong together"):
        tls_credentials(**given)
