"""Whether this process should be sent calls, and which stores answer: told over gRPC and HTTP."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import structlog

from tokenauthority_server.telemetry.metrics import Metrics

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Phase(StrEnum):
    """Where the process stands. It goes from each to the next, and never back."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Readiness:
    """The phase, and what is known of the stores.

    A store that is lost does not change the phase: all replicas share the stores, so taking one
    out of service would help nobody.
    """

    def __init__(self, stores: Iterable[str], metrics: Metrics) -> None:
        self.phase = Phase.STARTING
        self._stores: dict[str, bool | None] = dict.fromkeys(stores)
        self._metrics = metrics
        for store in self._stores:
            metrics.store_up(store, up=False)

    @property
    def is_ready(self) -> bool:
        """Whether calls should be sent here."""
        return self.phase is Phase.READY

    @property
    def stores(self) -> Mapping[str, str]:
        """Each store with "up", "down", or "unknown" as long as it has not been asked."""
        words = {None: "unknown", True: "up", False: "down"}
        return {store: words[up] for store, up in self._stores.items()}

    def store_seen(self, store: str, *, up: bool, why: str = "") -> None:
        """Note whether a store answered, and why not; log it when that changed."""
        before = self._stores[store]
        if before is up:
            return
        self._stores[store] = up
        self._metrics.store_up(store, up=up)
        if not up:
            _log.warning("store lost", store=store, why=why)
        elif before is False:
            _log.info("store back", store=store)
        else:
            _log.info("store reached", store=store)
