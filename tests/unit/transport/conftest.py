import pytest
from prometheus_client import CollectorRegistry
from unit.transport.fakes import Script

from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.readiness import Readiness


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), version="1.2.3")


@pytest.fixture
def readiness(metrics: Metrics) -> Readiness:
    return Readiness(["PostgreSQL", "Redis"], metrics)
