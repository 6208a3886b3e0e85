"""Finds the lines of a file that say once more what another one has said."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from typing import Final, Self

from tokenauthority_server.services.importing import Line

_DIGEST: Final = 16


class Seen:
    """The ids and usernames that a file has had so far, in as little memory as it likes to take.

    They are kept in a temporary file of SQLite's where they are many, and only as digests under a
    key that nobody knows.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._key = os.urandom(_DIGEST)

    @classmethod
    @contextmanager
    def nothing(cls) -> Iterator[Self]:
        """Give one that has seen nothing yet."""
        connection = sqlite3.connect("")
        try:
            connection.execute("CREATE TABLE seen (what BLOB PRIMARY KEY, line) WITHOUT ROWID")
            yield cls(connection)
        finally:
            connection.close()

    def checked(self, line: Line) -> Line:
        """Return the line, refused where its id or its username was on another one."""
        if line.user is None:
            return line
        profile = line.user.profile
        before = {
            "id": self._line_of("id", profile.user_id),
            "username": self._line_of("username", profile.username),
        }
        problems = tuple(f"{what} is that of line {at}" for what, at in before.items() if at)
        if problems:
            return replace(line, user=None, problems=problems)
        for what, value in (("id", profile.user_id), ("username", profile.username)):
            self._connection.execute(
                "INSERT INTO seen VALUES (?, ?)", (self._digest(what, value), line.number)
            )
        return line

    def _line_of(self, what: str, value: str) -> int | None:
        found = self._connection.execute(
            "SELECT line FROM seen WHERE what = ?", (self._digest(what, value),)
        ).fetchone()
        return int(found[0]) if found else None

    def _digest(self, what: str, value: str) -> bytes:
        text = f"{what} {value}".encode()
        return blake2b(text, digest_size=_DIGEST, key=self._key).digest()
