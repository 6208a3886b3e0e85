"""A worker: one of several processes that share a port. The supervisor starts it."""

import asyncio
import signal
import socket
from typing import Any

from tokenauthority_server.app import running, until
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.supervision.line import AnsweringEnd, Question
from tokenauthority_server.supervision.samples import packed
from tokenauthority_server.telemetry.logging import configure_logging
from tokenauthority_server.transport.http import Pages


async def work(settings: Settings, number: int, end: socket.socket, *, dev: bool = False) -> None:
    """Serve until SIGTERM, or until the supervisor is gone, however it went.

    `end` is the worker's end of the line to it, over which it is told of a StartError that is
    raised.
    """
    configure_logging(settings.log_level, settings.log_format, process={"worker": str(number)})
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    line = await AnsweringEnd.on(end)
    try:
        async with running(settings, dev=dev, worker=True) as authority:
            answering = asyncio.create_task(_answer(line, authority.pages, stop))
            try:
                await until(stop, authority, settings, line.say_ready)
            finally:
                answering.cancel()
    except StartError as error:
        await line.say_fault(str(error), error.exit_code)
        raise
    await line.close()


async def _answer(line: AnsweringEnd, pages: Pages, stop: asyncio.Event) -> None:
    async def answers(question: Question) -> Any:
        match question:
            case "readiness":
                return pages.readiness()[1]
            case "metrics":
                return await asyncio.to_thread(packed, await pages.metrics())
            case "keys":
                return (await pages.key_set()).decode()

    try:
        await line.answer(answers)
    finally:
        # Nobody watches over this process any more, and nobody would ever end it.
        stop.set()
