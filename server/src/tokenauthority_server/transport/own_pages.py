"""What this process tells over HTTP of itself."""

import json
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry

from tokenauthority_server.domain.ports import PublicKeys
from tokenauthority_server.transport.readiness import Readiness


class OwnPages:
    """The pages of a process that answers calls: see `http.Pages`."""

    def __init__(self, registry: CollectorRegistry, readiness: Readiness, keys: PublicKeys) -> None:
        self._registry = registry
        self._readiness = readiness
        self._keys = keys

    async def metrics(self) -> CollectorRegistry:
        """Return the registry of this process."""
        return self._registry

    def readiness(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether this process is ready, its phase, and what is known of the stores."""
        said = {"status": self._readiness.phase, "stores": dict(self._readiness.stores)}
        return self._readiness.is_ready, said

    async def key_set(self) -> bytes:
        """Return the keys that it knows; raise StoreUnavailableError before it knows any."""
        found = [json.loads(key.jwk) for key in self._keys.public_keys()]
        return json.dumps({"keys": found}, separators=(",", ":")).encode()
