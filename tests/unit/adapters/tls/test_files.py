"""The files of TLS while the server runs: what is new is taken whole, or not at all."""

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from support.certificates import CertificateAuthority
from support.key_files import assert_kept
from support.logs import configured
from support.tls import TlsFolder

from tokenauthority_server.adapters.tls.files import TlsFiles, TlsFilesError

CA = CertificateAuthority()
FIRST, SECOND = CA.server(), CA.server()
DAY = timedelta(days=1)
CHANGED = "certificates have changed, for new connections"
REFUSED = "a file of TLS is refused, the last good ones stay"
GOOD_AGAIN = "the files of TLS are good again"
BACK = "Make it readable, or put it back"
NO_CERTIFICATE = "holds no certificate in PEM, which begins with BEGIN CERTIFICATE"
SWAPS = 200


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    return TlsFolder(tmp_path / "tls", FIRST, CA.certificate)


@pytest.fixture
def files(folder: TlsFolder) -> TlsFiles:
    return TlsFiles(*(folder.path(name) for name in ("certificate", "key", "client_ca")))


@pytest.fixture
def log() -> Iterator[StringIO]:
    with configured("info", "json") as log:
        yield log


def events(log: StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in log.getvalue().splitlines()]


def faults(files: TlsFiles) -> tuple[str, ...]:
    with pytest.raises(TlsFilesError) as caught:
        files.read()
    assert str(caught.value) == "\n".join(caught.value.faults)
    assert caught.value.exit_code == 2
    return caught.value.faults


def test_what_has_not_changed_is_not_parsed_again(files: TlsFiles, folder: TlsFolder) -> None:
    before = files.read()
    assert files.read() is before
    # The same contents in other files.
    folder.put()
    assert files.read() is before
    folder.put_server(SECOND)
    assert files.read().certificates == SECOND.certificate


def test_a_change_that_no_time_tells_of_is_seen(files: TlsFiles, folder: TlsFolder) -> None:
    before, path = files.read(), folder.path("client_ca")
    times = path.stat()
    path.write_bytes(CertificateAuthority().certificate)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert files.read() is not before


def test_without_authorities_clients_are_asked_for_nothing(folder: TlsFolder) -> None:
    files = TlsFiles(folder.path("certificate"), folder.path("key"))
    assert files.read().client_authorities == b""
    assert files.settings == ["TLS_CERT_FILE"]


def test_every_fault_is_told_at_once_with_its_file_and_setting(tmp_path: Path) -> None:
    old = CA.server(ends=-DAY, begins=-2 * DAY)
    (tmp_path / "crt").write_bytes(old.certificate)
    (tmp_path / "ca").write_bytes(b"none")
    told = faults(TlsFiles(tmp_path / "crt", tmp_path / "gone", tmp_path / "ca"))
    assert [line.partition(" since ")[0].partition(" at 2")[0] for line in told] == [
        f"TLS_CERT_FILE: {tmp_path}/crt holds a certificate that has expired",
        f"TLS_KEY_FILE: {tmp_path}/gone cannot be read: No such file or directory. {BACK}",
        f"TLS_CLIENT_CA_FILE: {tmp_path}/ca {NO_CERTIFICATE}",
    ]


def test_what_is_no_file_of_a_sensible_size_is_told(tmp_path: Path, folder: TlsFolder) -> None:
    (tmp_path / "large").write_bytes(bytes(64 * 1024 + 1))
    os.mkfifo(tmp_path / "pipe")
    told = faults(TlsFiles(tmp_path / "large", tmp_path / "pipe", tmp_path))
    assert told == (
        f"TLS_CERT_FILE: {tmp_path}/large has more than 65536 bytes",
        f"TLS_KEY_FILE: {tmp_path}/pipe is no regular file",
        f"TLS_CLIENT_CA_FILE: {tmp_path} cannot be read: Is a directory. {BACK}",
    )
    wrong = TlsFiles(folder.path("certificate"), Path("/dev/zero"))
    assert faults(wrong) == ("TLS_KEY_FILE: /dev/zero is no regular file",)


def test_a_key_in_the_place_of_its_path_is_not_told(folder: TlsFolder) -> None:
    for given in (FIRST.key.decode(), FIRST.key.decode().splitlines()[1]):
        (told,) = faults(TlsFiles(folder.path("certificate"), Path(given)))
        assert told.startswith("TLS_KEY_FILE: the file that it names cannot be read: ")
        assert_kept(FIRST.key, told)


def test_each_fault_is_logged_once_until_they_are_over(
    files: TlsFiles, folder: TlsFolder, log: StringIO
) -> None:
    files.read()
    folder.put(key=SECOND.key)
    assert [files.current() for _ in range(3)] == [None] * 3
    assert events(log) == [REFUSED]
    folder.put(key=b"")
    assert files.current() is None
    assert events(log) == [REFUSED] * 2
    folder.put_server(SECOND)
    material = files.current()
    assert material
    assert material.certificates == SECOND.certificate
    assert files.current() is material
    assert events(log) == [REFUSED] * 2 + [GOOD_AGAIN, CHANGED]
    for key in (FIRST.key, SECOND.key):
        assert_kept(key, log.getvalue())


def test_what_was_good_before_is_good_again(
    files: TlsFiles, folder: TlsFolder, log: StringIO
) -> None:
    before = files.read()
    folder.put(certificate=b"")
    assert files.current() is None
    folder.put(certificate=FIRST.certificate)
    assert files.current() is before
    assert events(log) == [REFUSED, GOOD_AGAIN]


def test_what_is_not_valid_yet_is_taken_when_it_is(folder: TlsFolder) -> None:
    now = datetime.now(UTC)
    files = TlsFiles(folder.path("certificate"), folder.path("key"), now=lambda: now)
    files.read()
    folder.put_server(CA.server(begins=DAY))
    assert files.current() is None
    now += 2 * DAY
    assert files.current()


def test_no_half_of_an_exchange_is_seen(files: TlsFiles, folder: TlsFolder, log: StringIO) -> None:
    # Guard: without `settled` some of the looks find a certificate with the key of another one.
    files.read()
    done = threading.Event()

    def exchange() -> None:
        for number in range(SWAPS):
            folder.put_server((SECOND, FIRST)[number % 2])
            # Nobody exchanges them so fast that two looks find the same half twice.
            time.sleep(0.003)
        done.set()

    exchanging = threading.Thread(target=exchange)
    exchanging.start()
    while not done.is_set():
        files.current()
    exchanging.join()
    assert not [one for one in log.getvalue().splitlines() if "does not hold the key" in one]
    assert files.read().certificates == FIRST.certificate
