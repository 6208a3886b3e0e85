"""How busy a worker is, by its own metrics."""

from prometheus_client.parser import text_string_to_metric_families
from support.http import HttpClient

STARTED, HANDLED = "grpc_server_started_total", "grpc_server_handled_total"


async def calls_under_way(http: HttpClient) -> float:
    """How many calls it has begun and not come to the end of."""
    page = (await http.ask("/metrics")).body.decode()
    sums = {STARTED: 0.0, HANDLED: 0.0}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name in sums:
                sums[sample.name] += sample.value
    return sums[STARTED] - sums[HANDLED]
