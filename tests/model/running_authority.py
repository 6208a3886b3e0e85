"""The real authority, asked over gRPC by a caller who waits for each answer, and its database."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as RpcStatus
from sqlalchemy import DateTime
from support.postgres import Connection
from support.postgres_stores import PostgresRecords
from support.stores import Status

from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_server.adapters.postgres.schema import metadata

T = TypeVar("T")
Q = TypeVar("Q")
R = TypeVar("R")

SECONDS = 10
MOVED = {
    table.fullname: ", ".join(
        f"{column.name} = {column.name} - $2::interval"
        for column in table.columns
        if isinstance(column.type, DateTime)
    )
    for table in metadata.sorted_tables
    if "user_id" in table.columns
}


@dataclass(frozen=True)
class Refusal:
    """A failed call, with the name of its ErrorReason."""

    code: grpc.StatusCode
    reason: str


class RunningAuthority:
    """Used from another thread than the one whose loop serves and owns the connection.

    Without a log, as one has that has no Redis, no revocation is known to be everywhere.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        *,
        has_log: bool,
    ) -> None:
        self.stub = TokenServiceStub(channel)
        self.has_log = has_log
        self._connection = connection
        self._records = PostgresRecords(connection)
        self._loop = loop
        self._histories = 0

    def new_history(self) -> str:
        """Return what the names of a history's users begin with, so that none shares its rows."""
        self._histories += 1
        return f"h{self._histories}"

    def ask(self, method: Callable[..., R], request: Q) -> R | Refusal:
        try:
            return method(request, timeout=SECONDS)
        except grpc.RpcError as error:
            return refusal_of(error)

    def let_pass(self, user_ids: Iterable[str], seconds: int) -> None:
        """Move what is known of these users into the past: the database's clock stands."""
        named, by = list(user_ids), timedelta(seconds=seconds)

        async def move() -> None:
            async with self._connection.transaction():
                for table, moved in MOVED.items():
                    if moved:
                        statement = f"UPDATE {table} SET {moved} WHERE user_id = ANY($1)"  # noqa: S608 - our schema
                        await self._connection.execute(statement, named, by)

        self._run(move())

    def set_status(self, user_id: str, status: Status, locked_for: int | None) -> None:
        lock = None if locked_for is None else timedelta(seconds=locked_for)
        self._run(self._records.set_status(user_id, status, lock))

    def metrics(self, user_ids: Iterable[str]) -> dict[tuple[str, str, str], int]:
        return {
            (user_id, *counted): count
            for user_id in user_ids
            for counted, count in self._run(self._records.metrics(user_id)).items()
        }

    def audited(self, user_ids: Iterable[str]) -> Counter[tuple[str, str]]:
        """Return how many events there are of each user and kind."""
        return Counter(
            (user_id, kind)
            for user_id in user_ids
            for kind in self._run(self._records.audit_kinds(user_id))
        )

    def execute(self, statement: str) -> None:
        self._run(self._connection.execute(statement))

    def value(self, statement: str, *arguments: str) -> Any:
        return self._run(self._connection.fetchval(statement, *arguments))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)


def refusal_of(error: grpc.RpcError) -> Refusal:
    info = ErrorInfo()
    for one in error.trailing_metadata() or ():
        if one.key == "grpc-status-details-bin" and isinstance(one.value, bytes):
            for detail in RpcStatus.FromString(one.value).details:
                detail.Unpack(info)
    return Refusal(error.code(), info.reason)
