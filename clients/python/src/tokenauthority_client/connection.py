"""The way to the authority: its channel, and what every call over it has in common."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

import grpc
from google.protobuf.message import Message

from tokenauthority.v1.account_service_pb2_grpc import AccountServiceStub
from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceStub
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_client.caller_credential import CallerCredential
from tokenauthority_client.errors import UnexpectedAnswerError
from tokenauthority_client.failures import error_from
from tokenauthority_client.loopback import is_on_loopback
from tokenauthority_client.service_config import service_config

if TYPE_CHECKING:
    from tokenauthority.v1.account_service_pb2_grpc import AccountServiceAsyncStub
    from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceAsyncStub
    from tokenauthority.v1.token_service_pb2_grpc import TokenServiceAsyncStub

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response")

_CHANNEL_OPTIONS: Final = (
    # What the authority sends at most. A page of sessions may be larger than gRPC's usual 4 MiB.
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # An authority that is back is found at once: gRPC by itself waits up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A server that took another's place is found at once too. By itself gRPC asks DNS again half a
    # minute after it last did: in a rolling restart all that it knew are gone by then.
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    # The largest request (1 MiB of tokens) can be made again. gRPC keeps 256 KiB by itself.
    ("grpc.per_rpc_retry_buffer_size", 4 * 1024 * 1024),
)
_CORRELATION_ID: Final = re.compile(r"[!-~]{1,64}")


class CallOptions(TypedDict, total=False):
    """What every method takes besides its own arguments."""

    timeout: float | timedelta
    """For this call, in place of the client's."""
    correlation_id: str
    """The name of this call in the authority's log: at most 64 visible ASCII characters.

    Sent as the metadata `x-request-id`; the authority makes one where none is given, and errors
    tell it as their `request_id`. It has nothing to do with the `request_id` of `create_pair`.
    """


@dataclass(frozen=True, slots=True)
class Rpcs:
    """The generated stubs over an open channel."""

    tokens: TokenServiceAsyncStub
    accounts: AccountServiceAsyncStub
    admin: AdminServiceAsyncStub


def _rpcs(channel: grpc.aio.Channel) -> Rpcs:
    return Rpcs(TokenServiceStub(channel), AccountServiceStub(channel), AdminServiceStub(channel))


class Connection:
    """A channel that can be opened and closed, and the calls over it."""

    def __init__(  # noqa: PLR0913 - all but one by name
        self,
        target: str | grpc.aio.Channel,
        *,
        credentials: grpc.ChannelCredentials | None,
        server_name: str | None,
        caller: CallerCredential | None,
        allow_plaintext_key: bool,
        timeout: float | timedelta,
    ) -> None:
        if isinstance(target, str):
            if server_name and credentials is None:
                raise TypeError("server_name is for checking a certificate: give credentials too")
            if caller and credentials is None and not allow_plaintext_key:
                _keep_here(target, caller)
        elif credentials is not None or server_name or caller:
            raise TypeError(
                "a channel has its own credentials: give them, a server_name, a key or a token "
                "with an address only"
            )
        self._target = target
        self._credentials = credentials
        self._server_name = server_name
        self._caller = caller
        self._timeout = _seconds(timeout)
        self._channel: grpc.aio.Channel | None = None
        self._rpcs: Rpcs | None = None

    def open(self) -> None:
        """Make the channel. It has to be done in the event loop that will use it."""
        if self._rpcs is not None:
            raise RuntimeError("This client is open already: enter it once, and share it.")
        if not isinstance(self._target, str):
            self._rpcs = _rpcs(self._target)
            return
        if self._caller is not None:
            self._caller.open()
        options: list[tuple[str, str | int]] = [
            *_CHANNEL_OPTIONS,
            ("grpc.service_config", service_config(self._target)),
        ]
        if self._credentials is None:
            if self._caller is not None:
                # Or a key for this machine would go, readable, to the proxy that http_proxy names.
                options.append(("grpc.enable_http_proxy", 0))
            self._channel = grpc.aio.insecure_channel(self._target, options)
        else:
            if self._server_name:
                options.append(("grpc.default_authority", self._server_name))
            self._channel = grpc.aio.secure_channel(self._target, self._credentials, options)
        self._rpcs = _rpcs(self._channel)

    async def close(self) -> None:
        """Close the channel if it was made here, and cancel what is under way on it."""
        channel, self._channel, self._rpcs = self._channel, None, None
        if channel is not None:
            await channel.close()

    @property
    def rpcs(self) -> Rpcs:
        """The generated stubs, or RuntimeError when the channel is not open."""
        if self._rpcs is None:
            raise RuntimeError(
                "This client is not open: use it inside `async with TokenAuthorityClient(...)`."
            )
        return self._rpcs

    async def call(
        self,
        rpc: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        timeout: float | timedelta | None = None,  # noqa: ASYNC109 - the authority is told of it
        correlation_id: str = "",
    ) -> _Response:
        """Return the answer to one call, or raise the TokenAuthorityError that says why not."""
        seconds = self._timeout if timeout is None else _seconds(timeout)
        name = request.DESCRIPTOR.name.removesuffix("Request")
        metadata = await self.metadata(correlation_id)
        try:
            response = await rpc(request, timeout=seconds, metadata=metadata)
        except grpc.aio.AioRpcError as failure:
            # Without its cause, whose text is the one thing here that might quote a token.
            raise error_from(
                failure, rpc=name, timeout=seconds, correlation_id=correlation_id
            ) from None
        # This is how grpc.aio says that the bytes made no message.
        if response is None:
            raise UnexpectedAnswerError(f"{name}: what came back is no {name}Response")
        return response

    async def metadata(self, correlation_id: str) -> list[tuple[str, str]]:
        """Return what goes with a call of this name."""
        if correlation_id and not _CORRELATION_ID.fullmatch(correlation_id):
            raise ValueError("correlation_id has at most 64 characters, all of them visible ASCII")
        metadata = [("x-request-id", correlation_id)] if correlation_id else []
        if self._caller is not None:
            metadata.append(("authorization", f"Bearer {await self._caller.current()}"))
        return metadata


def _keep_here(target: str, caller: CallerCredential) -> None:
    if not is_on_loopback(target):
        raise ValueError(
            f"{caller.argument} is a secret, and would go to {target} unencrypted: give "
            "credentials (tls_credentials makes them), or say allow_plaintext_key=True where "
            "nobody else can read what is on the way"
        )


def _seconds(timeout: float | timedelta) -> float:
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if not 0 < seconds < math.inf:
        raise ValueError(f"the timeout is {seconds} s: it has to be positive and finite")
    return seconds
