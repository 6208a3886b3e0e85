"""Server reflection, in the version that tools ask for first (v1) and the one before (v1alpha).

The library has v1alpha only. v1 is the same protocol under another name: its descriptor is made
from v1alpha's, and the same servicer answers both.
"""

from collections.abc import Sequence
from typing import Final

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2 as v1alpha
from grpc_reflection.v1alpha._async import ReflectionServicer

from tokenauthority.v1 import error_reason_pb2
from tokenauthority_server.transport.service import Service

_V1ALPHA_PACKAGE: Final = "grpc.reflection.v1alpha"
_V1_PACKAGE: Final = "grpc.reflection.v1"
_V1ALPHA: Final = f"{_V1ALPHA_PACKAGE}.ServerReflection"
_V1: Final = f"{_V1_PACKAGE}.ServerReflection"


def reflection_services(described: Sequence[Service]) -> Sequence[Service]:
    """Return both versions of reflection: they describe these services, themselves, and errors."""
    pool = DescriptorPool()
    for service in described:
        _add(pool, service.descriptor.file)
    # What an error's details are made of: tools show them only when they find these.
    for file in (status_pb2, error_details_pb2, error_reason_pb2):
        _add(pool, file.DESCRIPTOR)
    own = descriptor_pool.Default().FindServiceByName(_V1ALPHA).file
    _add(pool, own)
    pool.AddSerializedFile(_as_v1(own).SerializeToString())
    servicer = ReflectionServicer(
        [*(service.descriptor.full_name for service in described), _V1, _V1ALPHA], pool=pool
    )
    return [_service(name, pool, servicer) for name in (_V1, _V1ALPHA)]


def _service(name: str, pool: DescriptorPool, servicer: ReflectionServicer) -> Service:
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=v1alpha.ServerReflectionRequest.FromString,
        response_serializer=v1alpha.ServerReflectionResponse.SerializeToString,
    )
    methods = {"ServerReflectionInfo": handler}
    return Service(
        descriptor=pool.FindServiceByName(name),
        add_to=lambda server: server.add_registered_method_handlers(name, methods),
    )


def _add(pool: DescriptorPool, file: FileDescriptor) -> None:
    """Copy a file, after those that it needs, into the pool. The process's own pool stays as is."""
    for needed in file.dependencies:
        _add(pool, needed)
    pool.AddSerializedFile(file.serialized_pb)


def _as_v1(file: FileDescriptor) -> FileDescriptorProto:
    """Return the file as v1 defines it: the name of its package differs, and nothing else."""
    renamed = FileDescriptorProto()
    file.CopyToProto(renamed)
    renamed.name = "grpc/reflection/v1/reflection.proto"
    renamed.package = _V1_PACKAGE
    # They say that v1alpha is deprecated, and what its package is called in other languages.
    renamed.ClearField("options")
    for message in renamed.message_type:
        for field in message.field:
            if field.type_name:  # a field of a plain type has none, and must not get an empty one
                field.type_name = _in_v1(field.type_name)
    for method in renamed.service[0].method:
        method.input_type = _in_v1(method.input_type)
        method.output_type = _in_v1(method.output_type)
    return renamed


def _in_v1(type_name: str) -> str:
    return type_name.replace(f".{_V1ALPHA_PACKAGE}.", f".{_V1_PACKAGE}.")
