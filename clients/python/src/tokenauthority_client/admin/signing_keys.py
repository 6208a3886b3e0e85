"""Administering the keys that sign."""

from typing import Unpack

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_client.admin import converting
from tokenauthority_client.admin.models import KeyRevocationResult, SigningKey
from tokenauthority_client.connection import CallOptions
from tokenauthority_client.service import Service


class SigningKeys(Service):
    """What administrators do with the keys that sign."""

    async def list_signing_keys(self, **options: Unpack[CallOptions]) -> tuple[SigningKey, ...]:
        """Return the signing keys of the database, newest first. None of it is a secret."""
        response = await self._connection.call(
            self._connection.rpcs.admin.ListSigningKeys, pb.ListSigningKeysRequest(), **options
        )
        return tuple(converting.from_signing_key(key) for key in response.keys)

    async def prepare_signing_key(
        self, algorithm: str = "", **options: Unpack[CallOptions]
    ) -> SigningKey:
        """Make a key that is published and does not sign yet, and return it.

        `algorithm` is ES256, EdDSA, RS256 or PS256 (RFC 7518, RFC 8037); empty is the one that
        signs now. It is made once: after an UnavailableError `list_signing_keys` tells whether
        there is a key.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.PrepareSigningKey,
            pb.PrepareSigningKeyRequest(algorithm=algorithm),
            **options,
        )
        return converting.from_signing_key(response.key)

    async def activate_signing_key(self, key_id: str, **options: Unpack[CallOptions]) -> SigningKey:
        """Let a prepared key sign, in place of the one that did, and return it.

        It is made once, as `prepare_signing_key` is.

        Raises KeyNotFoundError or KeyStateError.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.ActivateSigningKey,
            pb.ActivateSigningKeyRequest(key_id=key_id),
            **options,
        )
        return converting.from_signing_key(response.key)

    async def retire_signing_key(self, key_id: str, **options: Unpack[CallOptions]) -> SigningKey:
        """Let a key sign no more, and return it. What it has signed stays good.

        Raises KeyNotFoundError or KeyStateError.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.RetireSigningKey,
            pb.RetireSigningKeyRequest(key_id=key_id),
            **options,
        )
        return converting.from_signing_key(response.key)

    async def revoke_signing_key(
        self, key_id: str, **options: Unpack[CallOptions]
    ) -> KeyRevocationResult:
        """Kill a key with all that it has signed, and the sessions on it.

        Raises KeyNotFoundError.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.RevokeSigningKey,
            pb.RevokeSigningKeyRequest(key_id=key_id),
            **options,
        )
        return KeyRevocationResult(
            key=converting.from_signing_key(response.key),
            revoked_sessions=response.revoked_sessions if response.revoked_sessions >= 0 else None,
            effective_everywhere=response.effective_everywhere,
        )
