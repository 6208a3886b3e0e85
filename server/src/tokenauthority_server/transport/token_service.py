"""TokenService: each method parses, calls one use case, converts and returns."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
from typing_extensions import override

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import (
    TokenServiceServicer,
    add_TokenServiceServicer_to_server,
)
from tokenauthority_server.domain.ports import PublicKeys
from tokenauthority_server.services.issuing import Issuing
from tokenauthority_server.services.listing import Listing
from tokenauthority_server.services.refreshing import Refreshing
from tokenauthority_server.services.revoking import Revoking
from tokenauthority_server.services.validating import Validating
from tokenauthority_server.transport import requests, responses
from tokenauthority_server.transport.calling import caller, origin
from tokenauthority_server.transport.requests import SessionTarget, TokenTarget, UserTarget
from tokenauthority_server.transport.service import Service
from tokenauthority_server.transport.watch import WatchCall

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What TokenService calls."""

    issuing: Issuing
    validating: Validating
    refreshing: Refreshing
    revoking: Revoking
    listing: Listing
    public_keys: PublicKeys
    watches: WatchCall


def token_service(use_cases: UseCases) -> Service:
    """Return TokenService over these use cases."""
    servicer = TokenServicer(use_cases)
    return Service(
        descriptor=pb.DESCRIPTOR.services_by_name["TokenService"],
        add_to=lambda server: add_TokenServiceServicer_to_server(servicer, server),
    )


class TokenServicer(TokenServiceServicer):
    """Errors are raised as they are: interceptors/errors.py gives them their status."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use = use_cases

    @override
    async def CreatePair(
        self, request: pb.CreatePairRequest, context: _Context
    ) -> pb.CreatePairResponse:
        created = requests.create_pair(request)
        if created.profile:
            caller().rights.may_write_profiles()
        pair = await self._use.issuing.create_pair(created, origin())
        return pb.CreatePairResponse(pair=responses.token_pair(pair))

    @override
    async def Validate(self, request: pb.ValidateRequest, context: _Context) -> pb.ValidateResponse:
        token, expected = requests.validate(request)
        verdict = await self._use.validating.validate(token, expected, caller().rights)
        return responses.verdict(verdict)

    @override
    async def BatchValidate(
        self, request: pb.BatchValidateRequest, context: _Context
    ) -> pb.BatchValidateResponse:
        tokens, expected = requests.batch_validate(request)
        verdicts = await self._use.validating.validate_many(tokens, expected, caller().rights)
        return responses.verdicts(verdicts)

    @override
    async def Refresh(self, request: pb.RefreshRequest, context: _Context) -> pb.RefreshResponse:
        token, device = requests.refresh(request)
        refreshed = await self._use.refreshing.refresh(token, device, origin())
        return pb.RefreshResponse(
            pair=responses.token_pair(refreshed.pair), replayed=refreshed.replayed
        )

    @override
    async def Revoke(self, request: pb.RevokeRequest, context: _Context) -> pb.RevokeResponse:
        target, reason = requests.revoke(request)
        caller().rights.may_claim(reason)
        revoking = self._use.revoking
        match target:
            case TokenTarget(token):
                revoked = await revoking.revoke_token(token, reason, origin())
            case SessionTarget(session_id):
                revoked = await revoking.revoke_session(session_id, reason, origin())
            case UserTarget(user_id, survivor):
                revoked = await revoking.revoke_user(user_id, survivor, reason, origin())
        return pb.RevokeResponse(
            revoked_sessions=revoked.sessions,
            revoked_tokens=revoked.tokens,
            effective_everywhere=revoked.effective_everywhere,
        )

    @override
    async def ListSessions(
        self, request: pb.ListSessionsRequest, context: _Context
    ) -> pb.ListSessionsResponse:
        user_id, page_size, page_token = requests.list_sessions(request)
        listed = await self._use.listing.list_sessions(user_id, page_size, page_token)
        return pb.ListSessionsResponse(
            sessions=[responses.session(one) for one in listed.sessions],
            next_page_token=listed.next_page_token,
        )

    @override
    async def GetPublicKeys(
        self, request: pb.GetPublicKeysRequest, context: _Context
    ) -> pb.GetPublicKeysResponse:
        keys = self._use.public_keys.public_keys()
        return pb.GetPublicKeysResponse(keys=[responses.public_key(one) for one in keys])

    @override
    async def WatchRevocations(  # type: ignore[override] # it writes to the context by itself
        self, request_iterator: AsyncIterator[pb.WatchRevocationsRequest], context: _Context
    ) -> None:
        await self._use.watches.serve(request_iterator, context, caller().rights)
