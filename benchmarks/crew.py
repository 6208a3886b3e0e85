"""Several drivers that share what is to be in flight."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

from benchmarks import driver
from benchmarks.load import Outcome, Phase, Work, merge
from benchmarks.worker import Worker


class Loading(Protocol):
    """Something that loads a side for a phase, by processes of these ids."""

    @property
    def pids(self) -> Sequence[int]: ...

    def start(self, phase: Phase) -> None: ...

    def finish(self) -> Outcome: ...


class Driving(Loading, Protocol):
    """A driver: it loads any server, as prepared. `name` says in the output what it is."""

    @property
    def name(self) -> str: ...

    def prepare(self, work: Work) -> None: ...


class Crew:
    """Driver processes of our own."""

    def __init__(self, size: int, stack: ExitStack) -> None:
        self._workers = [stack.enter_context(Worker(driver.run)) for _ in range(size)]

    @property
    def name(self) -> str:
        return f"{len(self._workers)} driver processes of our own (grpc.aio, raw bytes)"

    @property
    def pids(self) -> Sequence[int]:
        return [worker.pid for worker in self._workers]

    def prepare(self, work: Work) -> None:
        """Give each driver its share of the bodies and of the calls in flight."""
        size = len(self._workers)
        for place, worker in enumerate(self._workers):
            worker.tell(
                Work(
                    side=work.side,
                    address=work.address,
                    rpc=work.rpc,
                    bodies=work.bodies[place::size],
                    in_flight=len(range(place, work.in_flight, size)),
                )
            )

    def start(self, phase: Phase) -> None:
        for worker in self._workers:
            worker.tell(phase)

    def finish(self) -> Outcome:
        return merge([worker.answer() for worker in self._workers])


class Beside:
    """Loads a side as `main` does, and beside it as `other` does, whose outcomes are kept apart."""

    def __init__(self, main: Loading, other: Loading, side: str) -> None:
        self._main, self._other, self._side = main, other, side
        self.outcomes: list[Outcome] = []

    @property
    def pids(self) -> Sequence[int]:
        return self._main.pids

    def start(self, phase: Phase) -> None:
        self._other.start(Phase(self._side, phase.begin, phase.end))
        self._main.start(phase)

    def finish(self) -> Outcome:
        outcome = self._main.finish()
        self.outcomes.append(self._other.finish())
        return outcome
