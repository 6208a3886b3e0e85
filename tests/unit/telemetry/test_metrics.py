import grpc
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from tokenauthority_server.telemetry.metrics import PASS_OUTCOMES, Metrics

LABELS = {"grpc_type": "unary", "grpc_service": "trial.v1.Trial", "grpc_method": "Ask"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), version="1.2.3")


def test_an_rpc_has_all_of_its_series_at_once(metrics: Metrics) -> None:
    series = metrics.rpc(kind="unary", service="trial.v1.Trial", method="Ask")

    def read(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, LABELS | labels)

    assert read("grpc_server_started_total") == 0
    assert read("grpc_server_handling_seconds_count") == 0
    assert [read("grpc_server_handled_total", grpc_code=one.name) for one in grpc.StatusCode] == [
        0
    ] * 17
    series.begun()
    series.ended(grpc.StatusCode.NOT_FOUND, 0.02)
    assert read("grpc_server_started_total") == 1
    assert read("grpc_server_handled_total", grpc_code="NOT_FOUND") == 1
    assert read("grpc_server_handling_seconds_sum") == 0.02


def test_asking_again_gives_the_same_series(metrics: Metrics) -> None:
    for _ in range(2):
        metrics.rpc(kind="unary", service="trial.v1.Trial", method="Ask").begun()

    assert metrics.registry.get_sample_value("grpc_server_started_total", LABELS) == 2


def test_the_janitor_has_all_of_its_series_at_once(metrics: Metrics) -> None:
    series = metrics.janitor(["sessions", "facts"])

    def read(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"tokenauthority_janitor_{name}", labels)

    assert [read("removed_total", kind=kind) for kind in ("sessions", "facts")] == [0, 0]
    assert [read("passes_total", outcome=one) for one in PASS_OUTCOMES] == [0, 0, 0]
    assert read("last_success_timestamp_seconds") == 0
    assert read("pass_seconds_count") == 0
    series.removed["facts"].inc(7)
    series.passes["failed"].inc()
    series.seconds.observe(0.25)
    assert read("removed_total", kind="facts") == 7
    assert read("passes_total", outcome="failed") == 1
    assert read("pass_seconds_sum") == 0.25


def test_old_tokens_have_all_of_their_series_at_once(metrics: Metrics) -> None:
    def read(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"tokenauthority_legacy_{name}", labels)

    def all_of_them() -> list[float | None]:
        counts = [read("tokens_total", outcome=one) for one in ("accepted", "refused")]
        return [*counts, read("token_last_accepted_timestamp_seconds")]

    assert all_of_them() == [None, None, None]
    series = metrics.legacy_tokens()
    assert all_of_them() == [0, 0, 0]
    series.refused.inc(2)
    series.accepted.inc()
    series.last_accepted.set(7.5)
    assert all_of_them() == [1, 2, 7.5]


@pytest.mark.parametrize("up", [True, False])
def test_whether_a_store_answers(metrics: Metrics, up: bool) -> None:  # noqa: FBT001 - a case
    metrics.store_up("Redis", up=up)

    found = metrics.registry.get_sample_value("tokenauthority_store_up", {"store": "Redis"})
    assert found == up


def test_what_is_running(metrics: Metrics) -> None:
    labels = {"version": "1.2.3", "grpc": grpc.__version__}

    assert metrics.registry.get_sample_value("tokenauthority_build_info", labels) == 1


def test_the_page_tells_of_the_process_and_of_nothing_twice(metrics: Metrics) -> None:
    metrics.rpc(kind="unary", service="trial.v1.Trial", method="Ask")

    page = generate_latest(metrics.registry).decode()

    for name in ("process_resident_memory_bytes", "python_info", "python_gc_collections_total"):
        assert f"\n{name}" in page
    assert "_created" not in page


def test_two_registries_do_not_share(metrics: Metrics) -> None:
    other = Metrics(CollectorRegistry(), version="1.2.3")
    other.store_up("Redis", up=True)

    assert metrics.registry.get_sample_value("tokenauthority_store_up", {"store": "Redis"}) is None
