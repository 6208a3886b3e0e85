"""Credentials for an encrypted connection, from files."""

import ssl
from pathlib import Path

import grpc


def tls_credentials(
    *,
    ca_file: str | Path | None = None,
    cert_file: str | Path | None = None,
    key_file: str | Path | None = None,
) -> grpc.ChannelCredentials:
    """Return credentials for TLS, or with a certificate and its key for mutual TLS (RFC 8446).

    All files are PEM. `ca_file` holds the authorities whose certificates are trusted; without it
    they are those that gRPC brings along. `cert_file` holds this program's certificate and those
    between it and its authority, `key_file` its private key, without a passphrase.

    The files are read now. After they changed, a client opened with new credentials shows the new
    certificate. Raises ValueError for a file that cannot be used, and TypeError for half a pair.
    """
    if (cert_file is None) != (key_file is None):
        raise TypeError("cert_file and key_file belong together: give both, or neither")
    roots = chain = key = None
    if ca_file is not None:
        roots = _read(ca_file, "ca_file")
        _check_roots(roots, ca_file)
    if cert_file is not None and key_file is not None:
        chain, key = _read(cert_file, "cert_file"), _read(key_file, "key_file")
        _check_pair(cert_file, key_file)
    return grpc.ssl_channel_credentials(roots, key, chain)


def _read(path: str | Path, argument: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise ValueError(f"{argument}: {path} cannot be read: {problem.strerror}") from problem


# gRPC says nothing of files that it cannot use but that no connection comes about. OpenSSL, which
# Python brings along, tells before.


def _check_roots(roots: bytes, path: str | Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=roots.decode("ascii", "ignore")  # comments may be in any language
        )
    except (ssl.SSLError, ValueError):
        raise ValueError(f"ca_file: {path} holds no certificate in PEM form") from None


def _check_pair(cert_file: str | Path, key_file: str | Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
            # The empty passphrase opens nothing; without it OpenSSL would ask at the terminal.
            cert_file,
            key_file,
            password=lambda: "",
        )
    except ssl.SSLError as problem:
        if problem.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(
                f"cert_file and key_file: {key_file} is not the key of {cert_file}"
            ) from None
        raise ValueError(
            f"cert_file and key_file: {cert_file} and {key_file} are no certificate and private "
            "key in PEM form, without a passphrase"
        ) from None
