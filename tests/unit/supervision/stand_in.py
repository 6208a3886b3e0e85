"""A worker that knows nothing of tokens: `python stand_in.py HOW FILE`, the file of its line."""

import asyncio
import signal
import socket
import sys
from typing import Any

from tokenauthority_server.supervision.line import AnsweringEnd, Question


async def answers(question: Question) -> Any:
    match question:
        case "readiness":
            status = "starting" if sys.argv[1] == "lags" else "ready"
            return {"status": status, "stores": {"PostgreSQL": "up"}}
        case "metrics":
            return [["up", "Up.", "gauge", "", [["up", {}, 1.0]]]]
        case "keys":
            return '{"keys":[]}'


async def main(how: str, end: int) -> None:
    line = await AnsweringEnd.on(socket.socket(fileno=end))
    if how == "refuses":
        await line.say_fault("SETTING: is wrong", 2)
        sys.exit(2)
    if how == "falls":
        sys.exit(1)
    stop = asyncio.Event()
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if how != "loads":
        line.say_ready()
    silent = how in {"loads", "silent"}
    answering = asyncio.create_task(asyncio.sleep(60) if silent else line.answer(answers))
    await asyncio.wait([answering, asyncio.create_task(stop.wait())], return_when="FIRST_COMPLETED")


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
