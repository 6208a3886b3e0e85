"""What the supervisor and a worker say to each other, over a real pair of sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.waiting import until

from tokenauthority_server.supervision.frames import Message
from tokenauthority_server.supervision.line import AnsweringEnd, AskingEnd, Question, SilentError

SECONDS = 5


@dataclass
class Line:
    asking: AskingEnd
    answering: AnsweringEnd
    listening: asyncio.Task[None]
    theirs: socket.socket
    heard: list[Message] = field(default_factory=list)


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    ours, theirs = socket.socketpair()
    heard: list[Message] = []
    asking = await AskingEnd.on(ours, heard.append)
    answering = await AnsweringEnd.on(theirs)
    made = Line(asking, answering, asyncio.create_task(asking.listen()), theirs, heard)
    yield made
    await answering.close()
    await made.listening


async def echo(question: Question) -> Any:
    return [question]


async def test_questions_and_answers_and_what_is_told_by_itself() -> None:
    async with line() as both:
        answering = asyncio.create_task(both.answering.answer(echo))
        questions: list[Question] = ["readiness", "metrics", "keys"]

        answers = await asyncio.gather(*(both.asking.ask(one, SECONDS) for one in questions))
        both.answering.say_ready()
        await both.answering.say_fault("no", 2)
        await until(lambda: len(both.heard) == 2)

        assert answers == [["readiness"], ["metrics"], ["keys"]]
        assert both.heard == [{"ready": True}, {"fault": "no", "code": 2}]
        await both.listening
        await answering


async def test_what_cannot_be_answered_is_silence_and_the_next_one_is_answered() -> None:
    async def answers(question: Question) -> str:
        if question == "keys":
            raise RuntimeError("hunter2")
        return "fine"

    async with line() as both:
        answering = asyncio.create_task(both.answering.answer(answers))
        with pytest.raises(SilentError):
            await both.asking.ask("keys", SECONDS)
        assert await both.asking.ask("readiness", SECONDS) == "fine"
        answering.cancel()


async def test_an_answer_that_comes_too_late_is_dropped() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answers(question: Question) -> str:
        asked.set()
        await go_on.wait()
        return question

    async with line() as both:
        answering = asyncio.create_task(both.answering.answer(answers))
        with pytest.raises(SilentError):
            await both.asking.ask("readiness", 0)
        await asked.wait()
        go_on.set()
        assert await both.asking.ask("keys", SECONDS) == "keys"
        answering.cancel()


async def test_a_worker_that_is_gone_answers_nobody() -> None:
    async with line() as both:
        asking = asyncio.create_task(both.asking.ask("readiness", SECONDS))
        await asyncio.sleep(0)
        await both.answering.close()

        with pytest.raises(SilentError):
            await asking
        await both.listening
        with pytest.raises(SilentError):
            await both.asking.ask("readiness", 0)


async def test_a_worker_that_cannot_be_understood_is_as_good_as_gone() -> None:
    async with line() as both:
        both.answering._writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(both.listening, SECONDS)


async def test_the_worker_learns_that_the_supervisor_is_gone() -> None:
    async with line() as both:
        both.asking._writer.close()
        await asyncio.wait_for(both.answering.answer(echo), SECONDS)
