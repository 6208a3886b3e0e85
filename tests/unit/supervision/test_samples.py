"""The metrics of several processes on one page."""

import json

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tokenauthority_server.supervision.samples import Merged, add_up, packed


def registry(calls: int) -> CollectorRegistry:
    found = CollectorRegistry()
    Counter("calls", "Calls.", ("method",), registry=found).labels("A").inc(calls)
    Histogram("took_seconds", "Took.", buckets=(1,), registry=found).observe(calls)
    return found


def test_each_sample_says_whose_it_is_and_each_family_is_there_once() -> None:
    own = CollectorRegistry()
    Gauge("workers", "Workers.", registry=own).set(2)
    sent = {name: json.loads(json.dumps(packed(registry(n)))) for name, n in (("0", 1), ("1", 2))}

    page = generate_latest(Merged(sent, own)).decode()

    lines = [line for line in page.splitlines() if "_created" not in line]
    assert lines == [
        "# HELP workers Workers.",
        "# TYPE workers gauge",
        "workers 2.0",
        "# HELP calls_total Calls.",
        "# TYPE calls_total counter",
        'calls_total{method="A",worker="0"} 1.0',
        'calls_total{method="A",worker="1"} 2.0',
        "# HELP took_seconds Took.",
        "# TYPE took_seconds histogram",
        'took_seconds_bucket{le="1.0",worker="0"} 1.0',
        'took_seconds_bucket{le="+Inf",worker="0"} 1.0',
        'took_seconds_count{worker="0"} 1.0',
        'took_seconds_sum{worker="0"} 1.0',
        'took_seconds_bucket{le="1.0",worker="1"} 0.0',
        'took_seconds_bucket{le="+Inf",worker="1"} 1.0',
        'took_seconds_count{worker="1"} 1.0',
        'took_seconds_sum{worker="1"} 2.0',
    ]


def test_a_store_is_up_when_all_say_so() -> None:
    assert add_up(iter(())) == {}
    told = [{"a": "up", "b": "up", "c": "up"}, {"a": "up", "b": "unknown", "c": "down"}]
    assert add_up(iter(told)) == {"a": "up", "b": "unknown", "c": "down"}
