"""Servers' files of TLS as Kubernetes mounts them, and peers of every kind that shake hands."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
from support.certificates import Issued

# RFC 9113, section 3.4, and an empty SETTINGS frame.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_NAMES = {"certificate": "tls.crt", "key": "tls.key", "client_ca": "ca.crt"}


class TlsFolder:
    """A folder as a Secret is mounted: links to a folder that is exchanged for another at once."""

    def __init__(self, path: Path, server: Issued, client_ca: bytes = b"") -> None:
        self._path = path
        self._version = 0
        self._held: dict[str, bytes] = {}
        self.put(certificate=server.certificate, key=server.key, client_ca=client_ca)

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings that name the files."""
        named = {"TLS_CERT_FILE": "certificate", "TLS_KEY_FILE": "key"}
        if self._held["client_ca"]:
            named["TLS_CLIENT_CA_FILE"] = "client_ca"
        return {setting: str(self.path(name)) for setting, name in named.items()}

    def path(self, name: str) -> Path:
        """The path of the certificate, the key or the client_ca."""
        return self._path / _NAMES[name]

    def put(self, **contents: bytes) -> None:
        """Exchange all files at once, the ones that are not given for the same ones."""
        self._held |= contents
        self._version += 1
        folder = self._path / f"..{self._version}"
        folder.mkdir(parents=True)
        for name, content in self._held.items():
            (folder / _NAMES[name]).write_bytes(content)
            with suppress(FileExistsError):
                self.path(name).symlink_to(Path("..data") / _NAMES[name])
        draft = self._path / "..data_tmp"
        draft.symlink_to(folder.name)
        draft.replace(self._path / "..data")

    def put_server(self, server: Issued) -> None:
        """Exchange the certificate together with its key."""
        self.put(certificate=server.certificate, key=server.key)


def credentials(root: bytes, client: Issued | None = None) -> grpc.ChannelCredentials:
    """Those of a client that trusts the root, and has this certificate."""
    if client is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, client.key, client.certificate)


def context_of(
    folder: Path, root: bytes, client: Issued | None = None, *, protocols: Sequence[str] = ("h2",)
) -> ssl.SSLContext:
    """The same for plain sockets. Python takes a certificate from a file only: it is put there."""
    context = ssl.create_default_context(cadata=root.decode())
    if protocols:
        context.set_alpn_protocols(protocols)
    if client:
        pair = folder / f"{os.urandom(8).hex()}.pem"
        pair.write_bytes(client.certificate + client.key)
        context.load_cert_chain(pair)
    return context


class Peer:
    """A client over plain sockets, that comes back with the session it had."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        host, _, port = address.rpartition(":")
        self._address = host, int(port)
        self._context = context
        self._session: ssl.SSLSession | None = None
        self.resumed: bool | None = None

    async def is_answered(self) -> bool:
        """Whether the server speaks HTTP/2 with it."""
        return await asyncio.to_thread(self._is_answered)

    async def shown(self) -> bytes:
        """The certificate that the server shows, in PEM, before it looks at the client's."""
        return await asyncio.to_thread(self._shown)

    def _is_answered(self) -> bool:
        try:
            with self._connected() as secure:
                secure.sendall(_PREFACE)
                answered = bool(secure.recv(1))
                self._session, self.resumed = secure.session, secure.session_reused
                return answered
        except (ssl.SSLError, ConnectionError):
            return False

    def _shown(self) -> bytes:
        with self._connected() as secure:
            certificate = secure.getpeercert(binary_form=True)
            assert certificate
            return ssl.DER_cert_to_PEM_cert(certificate).encode()

    @contextmanager
    def _connected(self) -> Iterator[ssl.SSLSocket]:
        with (
            socket.create_connection(self._address, timeout=5) as plain,
            self._context.wrap_socket(
                plain, server_hostname=self._address[0], session=self._session
            ) as secure,
        ):
            yield secure
