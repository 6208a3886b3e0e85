"""A process of ours: spawned, ordered through a pipe, and gone when its end of the pipe is."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Self

ANSWER_SECONDS = 60.0
END_SECONDS = 10.0

# Never forked: grpc does not survive it.
_SPAWN = multiprocessing.get_context("spawn")


def orders(pipe: Connection) -> Iterator[Any]:
    """Give what the pipe brings until its other end is closed, which a crash there does too."""
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return


class Worker:
    """Runs `target(pipe, *arguments)`, a function of a module, in a process of its own."""

    def __init__(self, target: Callable[..., None], *arguments: object) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=target, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def tell(self, order: object) -> None:
        self._pipe.send(order)

    def answer(self) -> Any:
        """Return what it answers; raise TimeoutError, or EOFError when it has ended."""
        if not self._pipe.poll(ANSWER_SECONDS):
            raise TimeoutError(f"A benchmark process gave no answer in {ANSWER_SECONDS:.0f} s.")
        return self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
