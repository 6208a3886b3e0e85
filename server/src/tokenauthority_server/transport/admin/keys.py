"""The keys that sign."""

from typing import Any

import grpc
from typing_extensions import override

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_server.transport.admin import requests, responses
from tokenauthority_server.transport.admin.auditing import audited
from tokenauthority_server.transport.admin.use_cases import AdminCalls
from tokenauthority_server.transport.calling import origin

_Context = grpc.aio.ServicerContext[Any, Any]


class KeyCalls(AdminCalls):
    """Errors are raised as they are: interceptors/errors.py gives them their status."""

    @override
    async def ListSigningKeys(
        self, request: pb.ListSigningKeysRequest, context: _Context
    ) -> pb.ListSigningKeysResponse:
        async with audited(self._use.trail, "admin.list_signing_keys"):
            keys = await self._use.keys.list_keys()
        return pb.ListSigningKeysResponse(keys=[responses.signing_key(one) for one in keys])

    @override
    async def PrepareSigningKey(
        self, request: pb.PrepareSigningKeyRequest, context: _Context
    ) -> pb.PrepareSigningKeyResponse:
        algorithm = requests.prepare_signing_key(request)
        async with audited(
            self._use.trail, "admin.prepare_signing_key", algorithm=algorithm
        ) as note:
            key = await self._use.keys.prepare(algorithm, origin())
            note.tell(key_id=key.key_id, algorithm=key.algorithm)
        return pb.PrepareSigningKeyResponse(key=responses.signing_key(key))

    @override
    async def ActivateSigningKey(
        self, request: pb.ActivateSigningKeyRequest, context: _Context
    ) -> pb.ActivateSigningKeyResponse:
        key_id = requests.key_id(request)
        async with audited(self._use.trail, "admin.activate_signing_key", key_id=key_id):
            key = await self._use.keys.activate(key_id, origin())
        return pb.ActivateSigningKeyResponse(key=responses.signing_key(key))

    @override
    async def RetireSigningKey(
        self, request: pb.RetireSigningKeyRequest, context: _Context
    ) -> pb.RetireSigningKeyResponse:
        key_id = requests.key_id(request)
        async with audited(self._use.trail, "admin.retire_signing_key", key_id=key_id):
            key = await self._use.keys.retire(key_id, origin())
        return pb.RetireSigningKeyResponse(key=responses.signing_key(key))

    @override
    async def RevokeSigningKey(
        self, request: pb.RevokeSigningKeyRequest, context: _Context
    ) -> pb.RevokeSigningKeyResponse:
        key_id = requests.key_id(request)
        async with audited(self._use.trail, "admin.revoke_signing_key", key_id=key_id) as note:
            revoked = await self._use.keys.revoke(key_id, origin())
            note.tell(revoked_sessions=revoked.sessions)
        sessions = responses.NOT_COUNTED if revoked.sessions is None else revoked.sessions
        return pb.RevokeSigningKeyResponse(
            key=responses.signing_key(revoked.key) if revoked.key else None,
            revoked_sessions=sessions,
            effective_everywhere=revoked.effective_everywhere,
        )
