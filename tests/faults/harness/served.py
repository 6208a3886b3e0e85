"""Whom callers ask."""

from typing import TYPE_CHECKING, Protocol

import grpc

if TYPE_CHECKING:
    from tokenauthority.v1.token_service_pb2_grpc import TokenServiceAsyncStub


class Served(Protocol):
    """What has a stub: a worker, a connection, or an authority in the test's own process."""

    @property
    def stub(self) -> "TokenServiceAsyncStub": ...

    @property
    def channel(self) -> grpc.aio.Channel: ...
