"""P6: how long a revocation takes until it is effective everywhere, with four leased verifiers."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from benchmarks import workload
from benchmarks.authority import Authority
from benchmarks.figures import percentile
from benchmarks.load import CALL_SECONDS
from benchmarks.processes import machine_seconds
from benchmarks.rows import Line, Row, Verdict
from benchmarks.stores import Stores
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub

VERIFIERS = 4
WARMING = 20
BUDGET = 25.0
"""Milliseconds, of the p99."""
LEASE_SECONDS = 60.0
"""The longest wait for all of them to hold a lease."""
PAUSE_SECONDS = 0.01


def revoke(up: Stores, folder: Path, count: int) -> Row:
    """Return the row of so many revocations of a session each, one after another."""
    with verifiers(up, folder, VERIFIERS) as running:
        address = running[0].address
        seeds = workload.make_seeds(address, count + WARMING)
        for one in running:
            wait_for_lease(one.address, seeds[0].access_token)
        began, busy = time.monotonic(), machine_seconds()
        took, everywhere = _revoke(address, seeds)
        cores = (machine_seconds() - busy) / (time.monotonic() - began)
    p99 = percentile(took, 0.99)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "longest": 1.0}
    lines = [
        Line(
            f"{'Revoke, ' if name == 'p50' else ''}{name}, ms",
            f"{percentile(took, share):.1f}",
            budget=f"≤ {BUDGET:g}" if name == "p99" else "",
        )
        for name, share in shares.items()
    ]
    lines.append(Line("effective everywhere, of all", f"{everywhere} of {count}"))
    lines.append(Line("the whole machine, cores", f"{cores:.2f}"))
    if everywhere < count:
        verdict = Verdict.FAILED
    else:
        verdict = Verdict.MET if p99 <= BUDGET else Verdict.BROKEN
    return Row(
        id="P6",
        compares=f"Revoke of a session until each of {VERIFIERS} servers that hold a lease has "
        "applied it, one after another; the budget is for an idle machine",
        lines=tuple(lines),
        verdict=verdict,
        details={"milliseconds": sorted(took), "effective_everywhere": everywhere},
    )


@contextmanager
def verifiers(up: Stores, folder: Path, count: int) -> Iterator[list[Authority]]:
    """Give so many servers over the same stores."""
    with ExitStack() as stack:
        running = []
        for number in range(count):
            own = folder / f"verifier-{number}"
            own.mkdir()
            running.append(stack.enter_context(Authority("serve", up.settings, own)))
        yield running


def wait_for_lease(address: str, token: str) -> None:
    """Return when the server validates by its view; raise TimeoutError."""
    deadline = time.monotonic() + LEASE_SECONDS
    with grpc.insecure_channel(address) as channel:
        stub = TokenServiceStub(channel)
        asked = pb.ValidateRequest(token=token)
        while stub.Validate(asked, timeout=CALL_SECONDS).source != pb.CHECK_SOURCE_LEASED_VIEW:
            if time.monotonic() > deadline:
                raise TimeoutError("A server holds no lease.")
            time.sleep(PAUSE_SECONDS)


def _revoke(address: str, seeds: list[workload.Seed]) -> tuple[list[float], int]:
    """Return the milliseconds of each, without the first ones, and how many were final."""
    took: list[float] = []
    everywhere = 0
    with grpc.insecure_channel(address) as channel:
        stub = TokenServiceStub(channel)
        for number, seed in enumerate(seeds):
            begin = time.perf_counter()
            answer = stub.Revoke(pb.RevokeRequest(session_id=seed.session_id), timeout=CALL_SECONDS)
            if number >= WARMING:
                took.append(1000 * (time.perf_counter() - begin))
                everywhere += answer.effective_everywhere
            # What follows an acknowledgement is not the next one's to wait for.
            time.sleep(PAUSE_SECONDS)
    return took, everywhere
