"""A caller that does its work by one worker, and has all of it recorded."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from faults.harness.forms import Acknowledgement
from faults.harness.record import Creation, End, Record, SessionRecord, State
from faults.harness.served import Served
from faults.harness.tokens import token_id
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from tokenauthority.v1 import account_service_pb2 as account_pb
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.account_service_pb2_grpc import AccountServiceStub

if TYPE_CHECKING:
    from tokenauthority.v1.account_service_pb2_grpc import AccountServiceAsyncStub

UNAVAILABLE = {"STORE_UNAVAILABLE", "OVERLOADED"}
UNKNOWN = UNAVAILABLE | {"INTERNAL"}
"""Refusals that leave open whether the change was made."""

MOST_ATTEMPTS = 10
PAUSE = 0.05
"""Seconds before the next attempt, more of them each time."""
TOLD_SECONDS = 10

Response = TypeVar("Response")
Answer = TypeVar("Answer")
Acknowledged = TypeVar("Acknowledged", bound=Acknowledgement)


@dataclass(frozen=True)
class Refused:
    """The authority said no, and why."""

    reason: str


class Caller:
    """Calls one worker at a time; `server` may be changed between calls.

    Each method returns the answer, a Refused, or None when nobody knows what came of it: a
    time-out, a store or a worker that is away. A call that is cancelled is recorded as such, too.
    """

    def __init__(self, record: Record, server: Served, timeout: float | None = 5.0) -> None:
        self.record = record
        self.server = server
        self.timeout = timeout
        self.failure = ""
        """What gRPC said to the last call that was not answered."""

    @property
    def accounts(self) -> "AccountServiceAsyncStub":
        return AccountServiceStub(self.server.channel)

    async def create(
        self, user_id: str, device_id: str = "laptop", request_id: str = ""
    ) -> SessionRecord | Refused | None:
        """Open a session. Give the request id of an unanswered creation to ask for it again."""
        creation = Creation(user_id, device_id, request_id or secrets.token_hex(8))
        self.record.creating(creation)
        request = pb.CreatePairRequest(
            subject=pb.Subject(user_id=user_id, username=user_id),
            device=device_of(device_id),
            request_id=creation.request_id,
        )
        answer = await self.ask(self.server.stub.CreatePair, request)
        if isinstance(answer, pb.CreatePairResponse):
            return self.record.created(creation, answer.pair)
        if isinstance(answer, Refused):
            self.record.not_created(creation)
        return answer

    async def open(self, user_id: str, device_id: str = "laptop") -> SessionRecord:
        """Open a session where nothing hinders it."""
        request_id = secrets.token_hex(8)
        session = await insist(lambda: self.create(user_id, device_id, request_id))
        assert isinstance(session, SessionRecord), session
        return session

    async def refresh(
        self, session: SessionRecord, refresh_token: str = "", device_id: str = ""
    ) -> pb.RefreshResponse | Refused | None:
        """Exchange the session's last refresh token, or another one of it."""
        token = refresh_token or session.last.refresh_token
        refresh_id = token_id(token)
        begun = time.monotonic()
        self.record.refreshing(session, refresh_id)
        request = pb.RefreshRequest(refresh_token=token, device=device_of(device_id))
        answer = await self.ask(self.server.stub.Refresh, request)
        if isinstance(answer, pb.RefreshResponse):
            self.record.refreshed(session, refresh_id, answer, begun)
        elif isinstance(answer, Refused):
            self.record.not_refreshed(session, refresh_id, answer.reason)
        return answer

    async def revoke_session(self, session: SessionRecord) -> pb.RevokeResponse | Refused | None:
        request = pb.RevokeRequest(session_id=session.session_id)
        return await self._revoke(request, self.record.ending_session(session))

    async def revoke_by_refresh_token(
        self, session: SessionRecord
    ) -> pb.RevokeResponse | Refused | None:
        request = pb.RevokeRequest(token=session.last.refresh_token)
        return await self._revoke(request, self.record.ending_session(session))

    async def revoke_access_token(
        self, session: SessionRecord
    ) -> pb.RevokeResponse | Refused | None:
        """Revoke the last access token alone."""
        token = session.last.access_token
        return await self._revoke(
            pb.RevokeRequest(token=token), self.record.ending_access_token(token)
        )

    async def revoke_user(
        self, user_id: str, kept: SessionRecord | None = None
    ) -> pb.RevokeResponse | Refused | None:
        kept_id = kept.session_id if kept else ""
        request = pb.RevokeRequest(user_id=user_id, except_session_id=kept_id)
        return await self._revoke(request, self.record.ending_user(user_id, kept_id))

    async def log_out(self, session: SessionRecord) -> object:
        """Log out of a session that has not ended yet: the answer does not say how many did."""
        request = account_pb.LogoutRequest(refresh_token=session.last.refresh_token)
        end = self.record.ending_session(session)
        return await self._end(self.accounts.Logout, request, end, lambda _: 1)

    async def log_out_everywhere(self, session: SessionRecord) -> object:
        request = account_pb.LogoutAllRequest(access_token=session.last.access_token)
        end = self.record.ending_user(session.user_id, "")
        return await self._end(
            self.accounts.LogoutAll, request, end, lambda answer: answer.revoked_sessions
        )

    async def validate(self, session: SessionRecord, access_token: str = "") -> bool | None:
        """Ask for one of its access tokens, the last by itself; a wrong verdict is a fault."""
        token = access_token or session.last.access_token
        begun = time.monotonic()
        answer = await self.ask(self.server.stub.Validate, pb.ValidateRequest(token=token))
        if not isinstance(answer, pb.ValidateResponse):
            return None
        state = self.record.access_state(session, token, begun, time.monotonic())
        wrong = State.ENDED if answer.active else State.LIVE
        if state is wrong:
            verdict = "accepted" if answer.active else "refused"
            self.record.faults.append(f"{session.session_id}: {verdict}, and was {state.name}")
        if answer.active and answer.claims.session_id != session.session_id:
            self.record.faults.append(f"{session.session_id}: another session's claims")
        return answer.active

    async def _revoke(
        self, request: pb.RevokeRequest, end: End
    ) -> pb.RevokeResponse | Refused | None:
        return await self._end(
            self.server.stub.Revoke,
            request,
            end,
            lambda answer: answer.revoked_sessions + answer.revoked_tokens,
        )

    async def _end(
        self,
        rpc: Callable[..., Awaitable[Acknowledged]],
        request: Any,
        end: End,
        count: Callable[[Acknowledged], int],
    ) -> Acknowledged | Refused | None:
        try:
            answer = await self.ask(rpc, request)
            if isinstance(answer, Refused):
                self.record.faults.append(f"a revocation was refused: {answer.reason}")
            elif answer is not None:
                self.record.ended(end, count(answer), effective=answer.effective_everywhere)
            return answer
        finally:
            if not end.is_known:
                self.record.not_ended(end)

    async def ask(
        self, rpc: Callable[..., Awaitable[Response]], request: Any
    ) -> Response | Refused | None:
        """Call, and record nothing but a fault of the authority's own."""
        try:
            return await rpc(request, timeout=self.timeout)
        except grpc.aio.AioRpcError as error:
            reason = reason_of(error)
            self.failure = f"{error.code().name} {reason} {error.details()}"
            if reason == "INTERNAL":
                self.record.faults.append(f"{type(request).__name__}: INTERNAL")
            return Refused(reason) if reason and reason not in UNKNOWN else None


def device_of(device_id: str) -> pb.Device:
    """A device with an agent and an address of its own; nothing at all where it has no id."""
    if not device_id:
        return pb.Device()
    return pb.Device(
        device_id=device_id, user_agent=f"{device_id}/1", ip_address=f"192.0.2.{len(device_id)}"
    )


async def insist(ask: Callable[[], Awaitable[Answer | None]]) -> Answer:
    """Ask again until there is an answer: a machine that is busy is no fault."""
    for number in range(MOST_ATTEMPTS):
        answer = await ask()
        if answer is not None:
            return answer
        await asyncio.sleep(number * PAUSE)
    raise AssertionError(f"no answer to {MOST_ATTEMPTS} calls")


async def told(rpc: Callable[..., Awaitable[Response]], request: Any) -> Response:
    """The answer to what may be asked any number of times; a refusal is raised."""

    async def ask() -> Response | None:
        try:
            return await rpc(request, timeout=TOLD_SECONDS)
        except grpc.aio.AioRpcError as error:
            if reason_of(error) not in UNAVAILABLE:
                raise
            return None

    return await insist(ask)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The authority's reason; empty for what gRPC says by itself."""
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    assert isinstance(packed, bytes)
    info = ErrorInfo()
    for detail in Status.FromString(packed).details:
        if detail.Unpack(info):
            return info.reason
    return ""
