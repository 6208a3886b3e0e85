"""What gRPC is given when it asks for certificates, and what is told of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.certificates import CertificateAuthority
from support.logs import configured
from support.tls import TlsFolder

from tokenauthority_server.adapters.tls.files import TlsFiles, TlsFilesError
from tokenauthority_server.adapters.tls.following import TlsFollower
from tokenauthority_server.telemetry.metrics import Metrics

CA = CertificateAuthority()
FIRST, SECOND = CA.server(), CA.server()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    return TlsFolder(tmp_path / "tls", FIRST, CA.certificate)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def follower(folder: TlsFolder, registry: CollectorRegistry, clock: Clock) -> TlsFollower:
    files = TlsFiles(*(folder.path(one) for one in ("certificate", "key", "client_ca")), now=clock)
    return TlsFollower(files, Metrics(registry, version="1").tls(files.settings), now=clock)


@pytest.fixture
def log() -> Iterator[StringIO]:
    with configured("info", "json") as log:
        yield log


def told(log: StringIO, setting: str = "TLS_CERT_FILE") -> list[str]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line["event"] for line in lines if line.get("setting") == setting]


def test_grpc_is_given_what_is_new_once(follower: TlsFollower, folder: TlsFolder) -> None:
    assert follower.changed() is None
    follower.follow()
    assert follower.changed() is None
    folder.put_server(SECOND)
    follower.follow()
    assert follower.changed()
    assert follower.changed() is None
    # What came and went between two handshakes is not given at all.
    for server in (FIRST, SECOND):
        folder.put_server(server)
        follower.follow()
    assert follower.changed()
    assert follower.changed() is None


def test_grpc_is_given_nothing_bad(follower: TlsFollower, folder: TlsFolder) -> None:
    for bad in ({"key": b""}, {"client_ca": b""}, {"certificate": SECOND.certificate}):
        folder.put(**bad)
        follower.follow()
        assert follower.changed() is None


async def test_the_files_are_looked_at_beside_the_event_loop(
    follower: TlsFollower, folder: TlsFolder
) -> None:
    folder.put_server(SECOND)
    await follower.tick()
    assert follower.changed()


def test_unfit_files_start_nothing(folder: TlsFolder, registry: CollectorRegistry) -> None:
    folder.put(key=SECOND.key)
    files = TlsFiles(folder.path("certificate"), folder.path("key"))
    with pytest.raises(TlsFilesError):
        TlsFollower(files, Metrics(registry, version="1").tls(files.settings))


def test_the_end_of_what_is_in_use_is_measured(
    follower: TlsFollower, folder: TlsFolder, registry: CollectorRegistry, clock: Clock
) -> None:
    def measured(setting: str) -> timedelta:
        name = "tokenauthority_tls_expiry_timestamp_seconds"
        value = registry.get_sample_value(name, {"setting": setting})
        assert value
        return datetime.fromtimestamp(value, UTC) - clock.now

    def good() -> float | None:
        return registry.get_sample_value("tokenauthority_tls_files_good")

    ours, short = CA.server(ends=20 * DAY), CertificateAuthority(ends=10 * DAY)
    assert 29 * DAY < measured("TLS_CERT_FILE") <= 30 * DAY
    folder.put_server(ours)
    folder.put(client_ca=short.certificate)
    follower.follow()
    assert 19 * DAY < measured("TLS_CERT_FILE") <= 20 * DAY
    assert 9 * DAY < measured("TLS_CLIENT_CA_FILE") <= 10 * DAY
    assert good() == 1
    folder.put(key=b"", client_ca=CA.certificate)
    follower.follow()
    assert 9 * DAY < measured("TLS_CLIENT_CA_FILE") <= 10 * DAY
    assert good() == 0


def test_an_end_that_is_near_is_told_once_a_day(
    follower: TlsFollower, folder: TlsFolder, clock: Clock, log: StringIO
) -> None:
    clock.now += 15 * DAY
    follower.follow()
    assert told(log) == []
    clock.now += 2 * DAY
    for _ in range(3):
        follower.follow()
        clock.now += HOUR
    assert told(log) == told(log, "TLS_CLIENT_CA_FILE") == ["a certificate expires soon"]
    clock.now += DAY
    follower.follow()
    assert told(log) == ["a certificate expires soon"] * 2
    clock.now += 20 * DAY
    follower.follow()
    assert told(log)[2:] == ["a certificate has expired"]
    # An old certificate that goes on is better than none; and the new one is taken at once.
    folder.put_server(CA.server(ends=60 * DAY))
    folder.put(client_ca=CertificateAuthority(ends=60 * DAY).certificate)
    clock.now += 2 * DAY
    follower.follow()
    assert len(told(log)) == 3
