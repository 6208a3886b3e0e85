"""TLS of the gRPC port, wired."""

from tokenauthority_server.adapters.tls.files import TlsFiles
from tokenauthority_server.adapters.tls.following import TlsFollower
from tokenauthority_server.config import Settings
from tokenauthority_server.telemetry.metrics import Metrics


def tls_files(settings: Settings) -> TlsFiles | None:
    """Return the files of TLS, with nothing read yet; None where the port does not speak it."""
    if not (settings.tls_cert_file and settings.tls_key_file):
        return None
    return TlsFiles(settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file)


def tls(settings: Settings, metrics: Metrics) -> TlsFollower | None:
    """Return what keeps the certificates current; None without TLS. Raises TlsFilesError."""
    files = tls_files(settings)
    return TlsFollower(files, metrics.tls(files.settings)) if files else None
