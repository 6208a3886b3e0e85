import pytest
from structlog.testing import capture_logs

from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.readiness import Phase, Readiness


def up(metrics: Metrics, store: str) -> float | None:
    return metrics.registry.get_sample_value("tokenauthority_store_up", {"store": store})


def test_at_first_nothing_is_known(readiness: Readiness, metrics: Metrics) -> None:
    assert readiness.phase is Phase.STARTING
    assert not readiness.is_ready
    assert readiness.stores == {"PostgreSQL": "unknown", "Redis": "unknown"}
    assert up(metrics, "PostgreSQL") == up(metrics, "Redis") == 0


def test_a_change_of_a_store_is_logged_once(readiness: Readiness, metrics: Metrics) -> None:
    with capture_logs() as lines:
        for answered in (True, True, False, False, True, True):
            readiness.store_seen("PostgreSQL", up=answered)
            assert up(metrics, "PostgreSQL") == answered

    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("info", "store reached"),
        ("warning", "store lost"),
        ("info", "store back"),
    ]
    assert {line["store"] for line in lines} == {"PostgreSQL"}
    assert readiness.stores == {"PostgreSQL": "up", "Redis": "unknown"}


def test_a_store_that_never_answered_is_lost_too(readiness: Readiness) -> None:
    with capture_logs() as lines:
        readiness.store_seen("Redis", up=False)

    assert [line["event"] for line in lines] == ["store lost"]
    assert readiness.stores["Redis"] == "down"


def test_a_store_does_not_change_the_phase(readiness: Readiness) -> None:
    readiness.phase = Phase.READY

    readiness.store_seen("PostgreSQL", up=False)

    assert readiness.is_ready


def test_an_unknown_store_is_a_mistake(readiness: Readiness) -> None:
    with pytest.raises(KeyError):
        readiness.store_seen("MySQL", up=True)
