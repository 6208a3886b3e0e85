"""The stream of revocations, as the authority sends it."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

import grpc

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client.connection import Connection
from tokenauthority_client.convert import from_enum, from_time
from tokenauthority_client.enums import RevocationReason, WatchMode
from tokenauthority_client.errors import TokenAuthorityError, UnexpectedAnswerError
from tokenauthority_client.failures import error_from
from tokenauthority_client.revocations import (
    Event,
    Fact,
    Heartbeat,
    KeyTarget,
    ProfileTarget,
    Revocations,
    SessionTarget,
    Snapshot,
    TokenTarget,
    UserTarget,
)

_RPC: Final = "WatchRevocations"
_OVERWRITTEN: Final = (grpc.StatusCode.INTERNAL, "Internal error from Core")
_Call = grpc.aio.StreamStreamCall[pb.WatchRevocationsRequest, pb.WatchRevocationsResponse]


class RevocationWatch:
    """A stream of events. `Tokens.watch_revocations` makes it; it is open inside `async with`."""

    def __init__(
        self, connection: Connection, mode: WatchMode, resume_cursor: str, correlation_id: str
    ) -> None:
        self._connection = connection
        self._correlation_id = correlation_id
        self._first = pb.WatchRevocationsRequest(
            mode=pb.WatchMode.Value(f"WATCH_MODE_{mode}"), resume_cursor=resume_cursor
        )
        self._call: _Call | None = None
        self._sending = asyncio.Lock()

    async def __aenter__(self) -> Self:
        metadata = await self._connection.metadata(self._correlation_id)
        self._call = self._connection.rpcs.tokens.WatchRevocations(metadata=metadata)
        await self._send(self._first)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.cancel()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield events until the stream ends; raise the TokenAuthorityError that says why."""
        call = self._open
        while True:
            try:
                message = await call.read()
            except grpc.aio.AioRpcError as failure:
                raise self._error(failure) from None
            if message is grpc.aio.EOF:
                raise await self._ended()
            yield _event(message)

    async def report(self, applied_cursor: str, report_id: int) -> None:
        """Say that all up to this cursor has been applied; `report_id` counts up from 1.

        Note the time before: a lease that the answer grants counts from then. For STRICT only.
        """
        await self._send(
            pb.WatchRevocationsRequest(applied_cursor=applied_cursor, report_id=report_id)
        )

    @property
    def _open(self) -> _Call:
        if self._call is None:
            raise RuntimeError("This watch is not open: use it inside `async with`.")
        return self._call

    async def _send(self, request: pb.WatchRevocationsRequest) -> None:
        try:
            # gRPC sends one message of a stream at a time, and reports have an order.
            async with self._sending:
                await self._open.write(request)
        except grpc.aio.AioRpcError as failure:
            raise self._error(failure) from None
        except asyncio.InvalidStateError:
            # It has ended before.
            raise await self._ended() from None

    async def _ended(self) -> TokenAuthorityError:
        call = self._open
        failure = grpc.aio.AioRpcError(
            await call.code(),
            await call.initial_metadata(),
            await call.trailing_metadata(),
            await call.details(),
        )
        return self._error(failure)

    def _error(self, failure: grpc.aio.AioRpcError) -> TokenAuthorityError:
        if (failure.code(), failure.details()) == _OVERWRITTEN:
            # So grpcio puts it, over whatever the end was, where something was being sent when the
            # stream ended (https://github.com/grpc/grpc/issues/36066). If it was a refusal, the
            # next attempt is told so.
            failure = grpc.aio.AioRpcError(
                grpc.StatusCode.UNAVAILABLE,
                failure.initial_metadata(),
                failure.trailing_metadata(),
                "the stream ended while something was being sent",
            )
        return error_from(failure, rpc=_RPC, timeout=0, correlation_id=self._correlation_id)


def _event(message: object) -> Event:
    # None is how grpc.aio says that the bytes made no message.
    if not isinstance(message, pb.WatchRevocationsResponse):
        raise _strange("event")
    match message.WhichOneof("event"):
        case "snapshot":
            facts = tuple(map(_fact, message.snapshot.facts))
            return Snapshot(message.cursor, facts, message.snapshot.complete)
        case "revocations":
            return Revocations(message.cursor, tuple(map(_fact, message.revocations.facts)))
        case "heartbeat":
            heartbeat = message.heartbeat
            return Heartbeat(
                message.cursor, heartbeat.lease.ToTimedelta(), heartbeat.answered_report_id
            )
        case _:
            raise _strange("event")


def _fact(message: pb.Fact) -> Fact:
    return Fact(
        target=_target(message),
        reason=from_enum(RevocationReason, pb.RevocationReason.DESCRIPTOR, message.reason),
        expire_time=from_time(message.expire_time),
    )


def _target(
    message: pb.Fact,
) -> TokenTarget | SessionTarget | KeyTarget | UserTarget | ProfileTarget:
    match message.WhichOneof("target"):
        case "token_id":
            return TokenTarget(message.token_id)
        case "session_id":
            return SessionTarget(message.session_id)
        case "key_id":
            return KeyTarget(message.key_id)
        case "user_epoch":
            user = message.user_epoch
            return UserTarget(user.user_id, user.epoch, user.except_session_id)
        case "user_profile":
            profile = message.user_profile
            return ProfileTarget(profile.user_id, profile.profile_epoch)
        case _:
            # Whoever passed it over would go on accepting what it kills.
            raise _strange("fact")


def _strange(what: str) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(f"{_RPC}: what came back is no {what} that this client knows")
