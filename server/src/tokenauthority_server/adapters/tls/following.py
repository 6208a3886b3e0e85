"""Keeps what the port shows and trusts at what its files hold."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import grpc
import structlog

from tokenauthority_server.adapters.tls.files import TlsFiles, now_utc
from tokenauthority_server.adapters.tls.material import TlsMaterial
from tokenauthority_server.telemetry.metrics import TlsSeries

TICK: Final = timedelta(seconds=5)

WARN_BEFORE: Final = timedelta(days=14)
"""Whoever renews certificates by machine does so long before that."""

_DAY: Final = timedelta(days=1)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class TlsFollower:
    """What gRPC asks for certificates. Connections that are open stay as they are.

    Raises TlsFilesError when it is made from files that are not fit.
    """

    def __init__(
        self, files: TlsFiles, series: TlsSeries, *, now: Callable[[], datetime] = now_utc
    ) -> None:
        self._files = files
        self._series = series
        self._now = now
        self._material = files.read()
        self._given = self._current = _configuration(self._material)
        self._warned: dict[str, datetime] = {}
        self._tell(good=True)

    def credentials(self) -> grpc.ServerCredentials:
        """Return the credentials for the port. To be called once."""
        # Whether clients need a certificate is settled here for good: no file, gone or emptied
        # while the server runs, opens the port to those who have none.
        required = bool(self._material.client_authorities)
        # The stubs leave out that None is an answer too.
        changed = cast("Callable[[], grpc.ServerCertificateConfiguration]", self.changed)
        return grpc.dynamic_ssl_server_credentials(self._current, changed, required)

    async def tick(self) -> None:
        """Do what `follow` does, beside the event loop: it reads files, and parses some."""
        await asyncio.to_thread(self.follow)

    def follow(self) -> None:
        """Look at the files; new connections get what they hold, unless it is not fit."""
        material = self._files.current()
        if material and material is not self._material:
            self._material = material
            self._current = _configuration(material)
        self._tell(good=material is not None)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what is new since gRPC last asked, before each handshake, in a thread of its own.

        What is not new is not given again: gRPC would set up all of it anew, for every connection.
        """
        current = self._current
        if current is self._given:
            return None
        self._given = current
        return current

    def _tell(self, *, good: bool) -> None:
        self._series.good.set(good)
        now = self._now()
        for setting, ends in self._material.expire_times.items():
            self._series.expiry[setting].set(ends.timestamp())
            if ends - now < WARN_BEFORE and now - self._warned.get(setting, _NEVER) >= _DAY:
                self._warned[setting] = now
                _log.warning(
                    "a certificate has expired" if ends < now else "a certificate expires soon",
                    setting=setting,
                    expires=f"{ends:%Y-%m-%d %H:%M:%SZ}",
                    advice="renew it; the new file is taken without a restart",
                )


def _configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(material.key, material.certificates)], material.client_authorities or None
    )
