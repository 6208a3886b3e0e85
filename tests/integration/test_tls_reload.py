"""Certificates that are exchanged while the authority serves: new connections get the new ones."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from support.authority import Served, serving
from support.callers import ANN
from support.certificates import CertificateAuthority, Issued
from support.tls import Peer, TlsFolder, context_of, credentials
from support.waiting import eventually

from tokenauthority_client import ConnectionFailedError, TokenAuthorityClient
from tokenauthority_server import app

CA, OTHER = CertificateAuthority(), CertificateAuthority("Another one")
FIRST, SECOND = CA.server(), CA.server()
CLIENT = CA.issue(uris=["spiffe://a.example/x"])
CHANGED = "certificates have changed, for new connections"
REFUSED = "a file of TLS is refused, the last good ones stay"
TICK = timedelta(milliseconds=10)
TICKS = 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TLS_TICK", TICK)


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    return TlsFolder(tmp_path / "tls", FIRST, CA.certificate)


@pytest.fixture
async def served(database_url: str, redis_url: str, folder: TlsFolder) -> AsyncIterator[Served]:
    good = credentials(CA.certificate, CLIENT)
    async with serving(database_url, redis_url, tls=folder, credentials=good) as served:
        yield served


@pytest.fixture
def peer(served: Served, tmp_path: Path) -> Peer:
    return Peer(served.authority.addresses.grpc, context_of(tmp_path, CA.certificate, CLIENT))


async def lets_in(served: Served, client: Issued) -> bool:
    """Whether a new connection with this certificate is answered."""
    target, trusted = served.authority.addresses.grpc, credentials(CA.certificate, client)
    alone = (("grpc.use_local_subchannel_pool", 1),)
    async with (
        grpc.aio.secure_channel(target, trusted, alone) as channel,
        TokenAuthorityClient(channel) as authority,
    ):
        try:
            await authority.get_public_keys(timeout=2)
        except ConnectionFailedError:
            return False
    return True


async def test_new_connections_are_shown_the_new_certificate(
    served: Served, folder: TlsFolder, peer: Peer
) -> None:
    assert await peer.shown() == FIRST.certificate

    folder.put_server(SECOND)
    (line,) = await served.logged(CHANGED)

    assert await peer.shown() == SECOND.certificate
    assert line["level"] == "info"
    assert SECOND.key.decode() not in served.log.getvalue()
    assert await lets_in(served, CLIENT)


async def test_open_connections_and_calls_under_way_notice_nothing(
    served: Served, folder: TlsFolder, peer: Peer
) -> None:
    pair = await served.client.create_pair(ANN)
    calls, stop = 0, False

    async def call_on() -> None:
        nonlocal calls
        while not stop:
            assert await served.client.validate(pair.access_token)
            calls += 1

    calling = [asyncio.create_task(call_on()) for _ in range(4)]
    for number in range(6):
        before, server = calls, (SECOND, FIRST)[number % 2]
        folder.put_server(server)

        async def seen(server: Issued = server, before: int = before) -> bool:
            return await peer.shown() == server.certificate and calls > before

        await eventually(seen)
    stop = True
    # Each of them raises whatever a call has failed with.
    await asyncio.gather(*calling)
    # All of it went over the one connection that was there before.
    assert calls > 6


def bad_files() -> dict[str, dict[str, bytes]]:
    expired = CA.server(begins=-timedelta(days=2), ends=-timedelta(days=1))
    early = CA.server(begins=timedelta(days=1))
    return {
        "the new certificate with the old key": {"certificate": SECOND.certificate},
        "half a certificate": {"certificate": SECOND.certificate[:300], "key": SECOND.key},
        "an empty key": {"certificate": SECOND.certificate, "key": b""},
        "expired": {"certificate": expired.certificate, "key": expired.key},
        "not valid yet": {"certificate": early.certificate, "key": early.key},
        "no authority": {
            "certificate": SECOND.certificate,
            "key": SECOND.key,
            "client_ca": b"\n",
        },
        "a damaged authority beside a good one": {
            "client_ca": CA.certificate + OTHER.certificate.replace(b"M", b"N", 3)
        },
    }


@pytest.mark.parametrize("which", bad_files())
async def test_the_last_good_ones_stay_while_anything_is_wrong(
    served: Served, folder: TlsFolder, peer: Peer, which: str
) -> None:
    # Guards: without `_chain_faults` an expired certificate is shown, and without `_pair_faults`
    # nothing is told of a key that does not belong to its certificate.
    good = {"certificate": FIRST.certificate, "key": FIRST.key, "client_ca": CA.certificate}
    folder.put(**bad_files()[which])
    (line,) = await served.logged(REFUSED)
    await asyncio.sleep(TICKS * TICK.total_seconds())

    assert await peer.shown() == FIRST.certificate
    assert await lets_in(served, CLIENT)
    assert not await lets_in(served, OTHER.issue(uris=["spiffe://a.example/x"]))
    assert line["level"] == "warning"
    assert line["problem"].startswith("TLS_")
    assert str(folder.path("certificate").parent) in line["problem"]
    # Told once, and not at every look.
    assert len(await served.logged(REFUSED)) == 1
    assert await served.samples("tokenauthority_tls_files_good") == {(): 0}

    folder.put(**good | {"certificate": SECOND.certificate, "key": SECOND.key})
    await served.logged("the files of TLS are good again")
    assert await peer.shown() == SECOND.certificate
    assert await served.samples("tokenauthority_tls_files_good") == {(): 1}


@pytest.mark.parametrize("name", ["certificate", "key", "client_ca"])
async def test_a_file_that_is_gone_leaves_the_last_good_ones(
    served: Served, folder: TlsFolder, peer: Peer, name: str
) -> None:
    # Guard: with faults of reading ignored, and no client_ca, nobody is let in any more.
    folder.path(name).unlink()
    (line,) = await served.logged(REFUSED)
    assert f"{folder.path(name)} cannot be read: No such file" in line["problem"]
    assert await peer.shown() == FIRST.certificate
    assert await lets_in(served, CLIENT)
    assert not await lets_in(served, OTHER.issue())


async def test_the_authority_of_clients_is_exchanged(
    served: Served, folder: TlsFolder, peer: Peer
) -> None:
    theirs = OTHER.issue(uris=["spiffe://a.example/x"])
    assert (await lets_in(served, CLIENT), await lets_in(served, theirs)) == (True, False)

    folder.put(client_ca=CA.certificate + OTHER.certificate)
    await eventually(lambda: lets_in(served, theirs))
    assert await lets_in(served, CLIENT)
    # A session, to come back with; it spares the proof of the certificate (RFC 8446, section 2.2).
    assert [await peer.is_answered() for _ in range(2)] == [True, True]
    assert peer.resumed

    folder.put(client_ca=OTHER.certificate)

    async def shut_out() -> bool:
        return not await lets_in(served, CLIENT)

    await eventually(shut_out)
    assert await lets_in(served, theirs)
    assert not await peer.is_answered()


async def test_how_long_certificates_last_is_measured(served: Served, folder: TlsFolder) -> None:
    soon = CA.server(ends=timedelta(days=13))
    before = await served.samples("tokenauthority_tls_expiry_timestamp_seconds")
    assert before.keys() == {("TLS_CERT_FILE",), ("TLS_CLIENT_CA_FILE",)}

    folder.put_server(soon)
    (line,) = await served.logged("a certificate expires soon", setting="TLS_CERT_FILE")

    after = await served.samples("tokenauthority_tls_expiry_timestamp_seconds")
    earlier = before["TLS_CERT_FILE",] - after["TLS_CERT_FILE",]
    assert timedelta(days=16) < timedelta(seconds=earlier) < timedelta(days=18)
    assert line["level"] == "warning"
