"""Both ends of what the supervisor and a worker say to each other.

The supervisor asks, the worker answers; by itself the worker says only that it is ready, or why it
cannot start. That the line ends tells each of them that the other one is gone, however it went.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Final, Literal, Self

from tokenauthority_server.supervision.frames import BrokenFrameError, Message, frame, read_frame

Question = Literal["readiness", "metrics", "keys"]
Answers = Callable[[Question], Awaitable[Any]]

READY: Final = "ready"
FAULT: Final = "fault"
CODE: Final = "code"


class SilentError(Exception):
    """The worker did not answer in time, could not, or is gone."""


class AskingEnd:
    """The supervisor's end. `heard` gets what the worker says by itself."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        heard: Callable[[Message], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._heard = heard
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Any]] = {}

    @classmethod
    async def on(cls, end: socket.socket, heard: Callable[[Message], None]) -> Self:
        """Return the end of a line that is this socket, which it will close."""
        return cls(*await asyncio.open_unix_connection(sock=end), heard)

    async def listen(self) -> None:
        """Take what comes, until the worker is gone."""
        try:
            while (message := await read_frame(self._reader)) is not None:
                if "id" not in message:
                    self._heard(message)
                elif waiting := self._asked.pop(message["id"], None):
                    waiting.set_result(message.get("answer"))
        except BrokenFrameError:
            # Nothing of ours sends that: a worker that cannot be understood is as good as gone.
            pass
        finally:
            for waiting in self._asked.values():
                waiting.cancel()
            self._writer.close()

    async def ask(self, question: Question, seconds: float) -> Any:
        """Return the answer; raise SilentError where there is none within these seconds."""
        number = next(self._numbers)
        self._asked[number] = answer = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(frame({"id": number, "ask": question}))
            done, _ = await asyncio.wait([answer], timeout=seconds)
        finally:
            self._asked.pop(number, None)
        if not done or answer.cancelled() or answer.result() is None:
            raise SilentError(question)
        return answer.result()


class AnsweringEnd:
    """The worker's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def on(cls, end: socket.socket) -> Self:
        """Return the end of a line that is this socket."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def answer(self, answers: Answers) -> None:
        """Answer every question, until the supervisor is gone. What raises has no answer: null."""
        while (message := await read_frame(self._reader)) is not None:
            try:
                answer = await answers(message["ask"])
            except Exception:  # noqa: BLE001 - the supervisor does without it, and goes on asking
                answer = None
            written = partial(frame, {"id": message["id"], "answer": answer})
            # Metrics are long: calls get their turns meanwhile.
            self._writer.write(await asyncio.to_thread(written))

    def say_ready(self) -> None:
        """Tell that calls are answered from now on."""
        self._writer.write(frame({READY: True}))

    async def say_fault(self, text: str, code: int) -> None:
        """Tell why this worker cannot start, and with which code it ends."""
        self._writer.write(frame({FAULT: text, CODE: code}))
        await self.close()

    async def close(self) -> None:
        """Send what is left, and hang up."""
        self._writer.close()
        with suppress(ConnectionError):  # the supervisor was first
            await self._writer.wait_closed()
