"""A gRPC service as the server takes it: what it is, and how to register what serves it."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor import ServiceDescriptor


@dataclass(frozen=True, slots=True)
class Service:
    """A service to serve."""

    descriptor: ServiceDescriptor
    add_to: Callable[[grpc.aio.Server], None]
