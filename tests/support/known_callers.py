"""An authority that knows its callers by certificates, keys and service accounts, over TLS."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
from support.authority import Served, serving
from support.certificates import CertificateAuthority, Issued
from support.cluster import AUDIENCE, ISSUER, Cluster
from support.tls import TlsFolder, credentials

from tokenauthority_server.domain.caller_keys import caller_key, digest_of

TRUST: Final = "spiffe://wakedock.internal/ns/wakedock/sa"


def uri_of(name: str) -> str:
    return f"{TRUST}/{name}"


@dataclass(frozen=True)
class Known:
    """Callers, each with a certificate, a key and a service account, and what each may call."""

    allowed: Mapping[str, Sequence[str]]
    more: Mapping[str, str] = field(default_factory=dict)
    """More lines of a caller's table."""
    authority: CertificateAuthority = field(default_factory=CertificateAuthority)
    cluster: Cluster = field(default_factory=lambda: Cluster("ES256"))
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        return self.keys.setdefault(name, caller_key(os.urandom(32)))

    def certificate(self, name: str) -> Issued:
        return self.authority.issue(uris=[uri_of(name)])

    def metadata(self, name: str) -> Sequence[tuple[str, str]]:
        """What a caller with a key sends."""
        return (("authorization", f"Bearer {self.key(name)}"),)

    def write(self, folder: Path) -> Path:
        """Write the callers' file, and the cluster's keys beside it; return its path."""
        (folder / "jwks.json").write_text(self.cluster.jwks)
        path = folder / "callers.toml"
        path.write_text(
            f'[kubernetes]\njwks_file = "jwks.json"\nissuer = "{ISSUER}"\n'
            f'audience = "{AUDIENCE}"\n' + "".join(self._tables())
        )
        return path

    def _tables(self) -> Iterable[str]:
        for name, rpcs in self.allowed.items():
            yield (
                f'[callers.{name}]\nuri = "{uri_of(name)}"\ndns = "{name}.wakedock.internal"\n'
                f'key_sha256 = ["{digest_of(self.key(name)).hex()}"]\n'
                f'service_account = "wakedock/{name}"\nrpcs = {list(rpcs)}\n'
                f"{self.more.get(name, '')}\n"
            )


@asynccontextmanager
async def serving_known(
    database_url: str,
    redis_url: str,
    folder: Path,
    known: Known,
    *,
    asks_for_certificates: bool,
    **settings: str,
) -> AsyncIterator[Served]:
    """An authority over TLS. Its clients have no certificate where none is asked for; else each
    brings its own: `channel_of` opens one."""
    client_ca = known.authority.certificate if asks_for_certificates else b""
    tls = TlsFolder(folder / "tls", known.authority.server(), client_ca)
    client = known.certificate("nobody") if asks_for_certificates else None
    async with serving(
        database_url,
        redis_url,
        tls=tls,
        credentials=credentials(known.authority.certificate, client),
        CALLERS_FILE=str(known.write(folder)),
        REFLECTION="true",
        **settings,  # type: ignore[arg-type]
    ) as served:
        yield served


def channel_of(
    served: Served,
    known: Known,
    certificate: Issued | None = None,
    options: Sequence[tuple[str, str]] = (),
) -> grpc.aio.Channel:
    """Open a channel of a client with this certificate."""
    return grpc.aio.secure_channel(
        served.authority.addresses.grpc,
        credentials(known.authority.certificate, certificate),
        options=options,
    )
