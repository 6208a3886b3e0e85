"""P1, P4 and P5: calls of the authority against the same calls of the bare server. And against the
authority's own: P2, tokens in lists, and L1, while people log in."""

import asyncio
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from benchmarks import alone, bare, workload
from benchmarks.alone import Alone, Commits
from benchmarks.authority import Authority
from benchmarks.commits import make_tables
from benchmarks.crew import Beside, Crew, Driving
from benchmarks.h2load import H2load
from benchmarks.load import Rpc, Work
from benchmarks.rows import Budget, Line, Row, Verdict, compare
from benchmarks.stores import Stores
from benchmarks.trial import Pace, Side, Window, run
from benchmarks.worker import Worker
from benchmarks.workload import Seed
from tokenauthority_server.adapters.passwords import HashingThreads

IN_FLIGHT = 64
TOKENS = 100
"""In each list of P2."""
LISTS_IN_FLIGHT = 8
"""So few that what one window of HTTP/2 holds is no bound for them."""
LOGINS_IN_FLIGHT = 8
"""More than enough to keep the threads busy that hash."""
Bodies = Callable[[Sequence[Seed]], list[bytes]]


@dataclass(frozen=True, slots=True)
class Bench:
    """Both servers, the drivers, and the sessions that the calls are about."""

    authority: Authority
    bare_address: str
    bare_pid: int
    database_pid: int
    seeds: tuple[Seed, ...]
    crew: Crew
    h2load: H2load | None
    alone: Worker
    logins: Crew
    pace: Pace

    def measure(
        self, rpc: Rpc, driving: Driving, ours: Bodies, bare: Bodies, beside: Sequence[Side] = ()
    ) -> dict[str, list[Window]]:
        sides = []
        for name, address, pid, bodies in (
            ("ours", self.authority.address, self.authority.pid, ours),
            ("bare", self.bare_address, self.bare_pid, bare),
        ):
            driving.prepare(Work(name, address, rpc, bodies(self.seeds), IN_FLIGHT))
            sides.append(Side(name, driving, pid, self.database_pid))
        return run([*sides, *beside], self.pace)

    def committing_alone(self, rpc: Rpc) -> Side:
        self.alone.tell(Commits(rpc, self.seeds, IN_FLIGHT))
        return Side("asyncpg alone", Alone(self.alone), self.alone.pid, self.database_pid)


def validate(bench: Bench) -> Row:
    driving = bench.h2load or bench.crew
    return compare(
        "P1",
        "Validate",
        "the authority, by its leased view, against a bare grpc.aio method with the same "
        f"messages; {IN_FLIGHT} in flight, by {driving.name}",
        Budget(rate=0.85, p99=1.3),
        bench.measure("Validate", driving, workload.validations, workload.validations),
    )


def batch_validate(bench: Bench) -> Row:
    address, pid = bench.authority.address, bench.authority.pid
    lists = workload.batches(bench.seeds, TOKENS)
    bench.crew.prepare(Work("ours", address, "BatchValidate", lists, LISTS_IN_FLIGHT))
    single = workload.validations(bench.seeds)
    bench.crew.prepare(Work("bare", address, "Validate", single, IN_FLIGHT))
    sides = [Side(name, bench.crew, pid, bench.database_pid) for name in ("ours", "bare")]
    windows = run(sides, bench.pace)
    windows["ours"] = [
        replace(
            one,
            rate=TOKENS * one.rate,
            server_us=one.server_us / TOKENS,
            store_us=one.store_us / TOKENS,
        )
        for one in windows["ours"]
    ]
    return compare(
        "P2",
        f"tokens by BatchValidate of {TOKENS}",
        f"tokens through BatchValidate, {LISTS_IN_FLIGHT} lists in flight, against calls of "
        f"Validate to the same authority, {IN_FLIGHT} in flight, by {bench.crew.name}; only the "
        "times are those of whole lists",
        Budget(rate=25),
        windows,
    )


def refresh(bench: Bench) -> Row:
    return compare(
        "P4",
        "Refresh",
        "the authority against a bare grpc.aio method that updates a session row and counts it in "
        f"one statement through asyncpg; {IN_FLIGHT} in flight, by {bench.crew.name}",
        Budget(rate=0.6, is_open=True),
        bench.measure(
            "Refresh",
            bench.crew,
            workload.refreshes,
            workload.bare_refreshes,
            [bench.committing_alone("Refresh")],
        ),
    )


def create_pair(bench: Bench) -> Row:
    return compare(
        "P5",
        "CreatePair",
        "the authority, for a user of its directory, against a bare grpc.aio method that inserts a "
        "session row and an audit row and counts it in one statement through asyncpg; "
        f"{IN_FLIGHT} in flight, by {bench.crew.name}",
        Budget(rate=0.6, is_open=True),
        bench.measure(
            "CreatePair",
            bench.crew,
            workload.creations,
            workload.creations,
            [bench.committing_alone("CreatePair")],
        ),
    )


def validate_beside_logins(bench: Bench) -> Row:
    driving = bench.h2load or bench.crew
    address, pid = bench.authority.address, bench.authority.pid
    for name in ("ours", "bare"):
        bodies = workload.validations(bench.seeds)
        driving.prepare(Work(name, address, "Validate", bodies, IN_FLIGHT))
    bench.logins.prepare(
        Work("logins", address, "Login", workload.logins(bench.seeds), LOGINS_IN_FLIGHT)
    )
    beside = Beside(driving, bench.logins, "logins")
    sides = [
        Side("ours", beside, pid, bench.database_pid),
        Side("bare", driving, pid, bench.database_pid),
    ]
    row = compare(
        "L1",
        "Validate beside logins",
        f"the authority while {LOGINS_IN_FLIGHT} people log in at once, against itself while nobody"
        f" does; {IN_FLIGHT} in flight, by {driving.name}",
        Budget(rate=0, p99=1.5, is_open=True),
        run(sides, bench.pace),
    )
    windows = beside.outcomes[1:]
    rate = statistics.median(len(one.took) / bench.pace.seconds for one in windows)
    failed = sum(one.failures.total() for one in windows)
    lines = (*row.lines, Line("logins/s", f"{rate:.1f}"), Line("failed logins", str(failed)))
    return replace(row, lines=lines, verdict=Verdict.FAILED if failed else row.verdict)


async def give_passwords(database_url: str) -> None:
    """Let every user there is have the password of the workload."""
    hasher = HashingThreads(1)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE tokenauthority.users SET password_hash = $1", await hasher.hash(workload.PASSWORD)
    )
    await connection.close()
    hasher.close()


MEASURES = {
    "P1": validate,
    "P2": batch_validate,
    "P4": refresh,
    "P5": create_pair,
    "L1": validate_beside_logins,
}


@contextmanager
def bench(stores: Stores, folder: Path, sessions: int, drivers: int, pace: Pace) -> Iterator[Bench]:
    """Start everything that calls are measured with, and end it."""
    with ExitStack() as stack:
        authority = stack.enter_context(Authority("serve", stores.settings, folder))
        seeds = tuple(workload.make_seeds(authority.address, sessions))
        asyncio.run(make_tables(stores.postgres.url))
        asyncio.run(give_passwords(stores.postgres.url))
        answers = bare.Answers(*workload.example_answers(authority.address, seeds[0]))
        server = stack.enter_context(Worker(bare.run, stores.postgres.url, answers))
        yield Bench(
            authority=authority,
            bare_address=f"127.0.0.1:{server.answer()}",
            bare_pid=server.pid,
            database_pid=stores.postgres.pid,
            seeds=seeds,
            crew=Crew(drivers, stack),
            h2load=H2load.find(folder),
            alone=stack.enter_context(Worker(alone.run, stores.postgres.url)),
            logins=Crew(1, stack),
            pace=pace,
        )
