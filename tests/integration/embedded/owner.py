"""A process that owns embedded stores, to be killed."""

import json
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

START = """
import json, pathlib, sys
from tokenauthority_server.embedded import EmbeddedPostgres, EmbeddedStoreError, EmbeddedValkey
folder = pathlib.Path(sys.argv[1])
try:
    postgres = EmbeddedPostgres.start(folder, {"fsync": "off"})
    valkey = EmbeddedValkey.start(folder)
except EmbeddedStoreError as error:
    print(json.dumps({"error": str(error)}), flush=True)
else:
    stores = {"postgres": postgres, "valkey": valkey}
    facts = {name: {"pid": store.pid, "url": store.url} for name, store in stores.items()}
    print(json.dumps(facts), flush=True)
    sys.stdin.read()
    postgres.stop()
    valkey.stop()
"""
"""Starts both stores, prints where they are, and stops them when its standard input ends."""


class Owner:
    """Runs a Python program in a process of its own, which the end of the block kills."""

    def __init__(
        self, program: str, *arguments: object, environment: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def read(self) -> dict[str, dict[str, str]]:
        """The next line that the program prints, which is JSON."""
        assert self.process.stdout is not None
        facts: dict[str, dict[str, str]] = json.loads(self.process.stdout.readline())
        return facts

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self.process.__exit__(kind, error, traceback)
