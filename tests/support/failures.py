"""A failed call, as its caller sees it."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Failure:
    """A failed call, as its caller sees it."""

    code: grpc.StatusCode
    text: str
    trailers: Mapping[str, str | bytes]
    infos: Sequence[ErrorInfo]
    violations: Mapping[str, str]
    retry_after: float | None
    quota: Sequence[str] = ()

    @property
    def reason(self) -> str:
        (info,) = self.infos
        return info.reason

    @property
    def everything(self) -> str:
        """All that was sent, as text."""
        return f"{self.text} {self.trailers} {self.infos} {self.violations}"


async def failure_of(call: Awaitable[Any]) -> Failure:
    try:
        response = await call
    except grpc.aio.AioRpcError as error:
        return _failure(error)
    raise AssertionError(f"the call succeeded with a {type(response).__name__}")


def _failure(error: grpc.aio.AioRpcError) -> Failure:
    trailers = dict(error.trailing_metadata() or ())
    packed = trailers.get("grpc-status-details-bin", b"")
    assert isinstance(packed, bytes)
    details = Status.FromString(packed).details
    if packed:
        status = Status.FromString(packed)
        assert status.code == error.code().value[0]
        assert status.message == error.details()
    bad = _unpacked(details, BadRequest)
    retry = _unpacked(details, RetryInfo)
    return Failure(
        code=error.code(),
        text=error.details() or "",
        trailers=trailers,
        infos=_unpacked(details, ErrorInfo),
        violations={one.field: one.description for found in bad for one in found.field_violations},
        retry_after=retry[0].retry_delay.ToTimedelta().total_seconds() if retry else None,
        quota=[
            one.subject for found in _unpacked(details, QuotaFailure) for one in found.violations
        ],
    )


def _unpacked(details: Iterable[Any], kind: type[M]) -> list[M]:
    found = []
    for detail in details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found
