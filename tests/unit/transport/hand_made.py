"""Services of one test: their requests and answers are StringValues."""

from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.wrappers_pb2 import DESCRIPTOR as WRAPPERS
from google.protobuf.wrappers_pb2 import StringValue

from tokenauthority_server.transport.policy import Callers, Policy
from tokenauthority_server.transport.service import Service

NAME: Final = "trial.v1.Trial"
PACKERS: Final = (StringValue.FromString, StringValue.SerializeToString)

Handlers = Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]


def hand_made(handlers: Handlers, name: str = NAME) -> Service:
    """Return a service of these methods."""
    package, _, simple_name = name.rpartition(".")
    file = FileDescriptorProto(
        name="trial.proto", package=package, syntax="proto3", dependency=[WRAPPERS.name]
    )
    service = file.service.add(name=simple_name)
    for method, handler in handlers.items():
        service.method.add(
            name=method,
            input_type=".google.protobuf.StringValue",
            output_type=".google.protobuf.StringValue",
            client_streaming=handler.request_streaming,
            server_streaming=handler.response_streaming,
        )
    pool = DescriptorPool()
    pool.AddSerializedFile(WRAPPERS.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return Service(
        descriptor=pool.FindServiceByName(name),
        add_to=lambda server: server.add_registered_method_handlers(name, handlers),
    )


def allowed(
    handlers: Handlers, name: str = NAME, *, default_deadline: float | None = 5.0
) -> Mapping[str, Policy]:
    """Return a policy for each of the methods."""
    policy = Policy(callers=Callers.LISTED, default_deadline=default_deadline, audited=False)
    return {f"/{name}/{method}": policy for method in handlers}


def unary(behavior: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(behavior, *PACKERS)


def ask(
    channel: grpc.aio.Channel, method: str = f"/{NAME}/Ask"
) -> grpc.aio.UnaryUnaryMultiCallable[StringValue, StringValue]:
    """Return the caller's side of a unary method."""
    return channel.unary_unary(method, StringValue.SerializeToString, StringValue.FromString)
