"""The process of a strict client: `python -m faults.harness.strict_process ADDRESS...`.

It is told the tokens in play by lines on its standard input, verifies all of them again and again,
and writes what it has answered, summed up, to its standard output.
"""

import asyncio
import json
import sys
import time
from typing import Final

import grpc
from faults.harness.fleet import CHANNEL_OPTIONS
from faults.harness.history import Answers
from faults.harness.play import Play
from support.strict_client import StrictClient

from tokenauthority_client import TokenAuthorityClient
from tokenauthority_server.config import Settings

PAUSE: Final = 0.003
"""Seconds between two rounds over all tokens."""
TELL_SECONDS: Final = 0.05
REPORT_SECONDS: Final = 0.25
"""Between two reports: a few of them in the shortest lease there is, which is a second."""


class Answering:
    """Verifies what is in play, and sums up the answers until they are told."""

    def __init__(self, client: StrictClient) -> None:
        self._client = client
        self._play = Play()
        self._answers: dict[tuple[str, bool], Answers] = {}
        self._unsure = 0
        self._asked = self._told = 0

    def take(self, line: bytes) -> None:
        """Do what a line says: add a token, or tell when all were verified once more."""
        told = json.loads(line)
        if "add" in told:
            self._play.add(*told["add"])
        else:
            self._asked = told["again"]

    async def go_on(self) -> None:
        """Verify and tell, for ever."""
        last = 0.0
        while True:
            self._client.fail()
            asked = self._asked
            for name, token in list(self._play.tokens.items()):
                self._verify(name, token)
            if asked > self._told or time.monotonic() - last > TELL_SECONDS:
                last = time.monotonic()
                self._tell(asked)
            await asyncio.sleep(PAUSE)

    def _verify(self, name: str, token: str) -> None:
        begun = time.monotonic()
        active = self._client.check(token)
        ended = time.monotonic()
        if active is None:
            self._unsure += 1
        else:
            self._answers.setdefault((name, active), Answers()).add(begun, ended)

    def _tell(self, asked: int) -> None:
        answers = [
            [name, active, one.count, one.first_ended, one.last_begun]
            for (name, active), one in self._answers.items()
        ]
        line = {"answers": answers, "unsure": self._unsure, "again": asked}
        print(json.dumps(line), flush=True)  # noqa: T201 - this is its answer
        self._answers.clear()
        self._unsure, self._told = 0, asked


async def main(addresses: list[str]) -> None:
    """Run until the standard input ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    # The first of them that is there; another one when that is gone.
    channel = grpc.aio.insecure_channel("ipv4:" + ",".join(addresses), CHANNEL_OPTIONS)
    async with (
        channel,
        TokenAuthorityClient(channel) as authority,
        StrictClient(
            authority,
            issuer=Settings.model_fields["jwt_issuer"].default,
            audience=Settings.model_fields["jwt_audience"].default,
            report_every=REPORT_SECONDS,
        ) as client,
    ):
        answering = Answering(client)
        # A watch that has ended for good ends the process.
        async with asyncio.TaskGroup() as group:
            going_on = group.create_task(answering.go_on())
            while line := await lines.readline():
                answering.take(line)
            going_on.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
