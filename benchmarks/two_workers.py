"""P9: the authority by two workers against itself by one. What loads them shares the machine."""

import json
import socket
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks import workload
from benchmarks.authority import HOST, READY_SECONDS, Authority, NotReadyError
from benchmarks.crew import Crew
from benchmarks.load import Phase, Work
from benchmarks.rows import Budget, Row, Verdict, compare
from benchmarks.stores import Stores
from benchmarks.trial import Pace, Side, run

IN_FLIGHT = 64
DRIVERS = 8
"""Each has one connection, and the kernel chooses a worker for it: with few, one may get none."""
SESSIONS = 128


def measure(stores: Stores, folder: Path, pace: Pace) -> Row:
    """Validate by two workers ("ours") and by one process ("bare"); there is no budget."""
    with ExitStack() as stack:
        places = {"ours": folder / "two", "bare": folder / "one"}
        for place in places.values():
            place.mkdir()
        port = _free_port()
        several = {**stores.settings, "WORKERS": "2", "HTTP_PORT": str(port)}
        servers = {
            "ours": stack.enter_context(Authority("serve", several, places["ours"])),
            "bare": stack.enter_context(Authority("serve", stores.settings, places["bare"])),
        }
        _wait_for_both(port)
        seeds = workload.make_seeds(servers["bare"].address, SESSIONS)
        crew = Crew(DRIVERS, stack)
        sides = []
        for name, server in servers.items():
            crew.prepare(
                Work(name, server.address, "Validate", workload.validations(seeds), IN_FLIGHT)
            )
            sides.append(Side(name, crew, server.pid, stores.postgres.pid))
            # One that is over at once: so many drivers take their time to start.
            crew.start(Phase(name, 0, 0))
            crew.finish()
        row = compare(
            "P9",
            "Validate by two workers",
            f"the authority by two workers against itself by one; {IN_FLIGHT} in flight, by "
            f"{crew.name}",
            Budget(rate=0),
            run(sides, pace),
        )
    rate, *others = row.lines
    verdict = row.verdict if row.verdict is Verdict.FAILED else Verdict.SHOWN
    return replace(row, lines=(replace(rate, budget=""), *others), verdict=verdict)


def _wait_for_both(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=5) as answer:
            if list(json.load(answer)["workers"].values()) == ["ready", "ready"]:
                return
        time.sleep(0.05)
    raise NotReadyError("The second worker did not become ready.")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
