"""People who log in, through a running authority."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.authority import Served
from support.postgres import Connection

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2
from tokenauthority.v1.account_service_pb2_grpc import AccountServiceStub
from tokenauthority_client import Subject
from tokenauthority_server.adapters.passwords import HashingThreads

if TYPE_CHECKING:
    import grpc

    from tokenauthority.v1.account_service_pb2_grpc import AccountServiceAsyncStub

PASSWORD = "correct horse battery staple"
WRONG = "wrong horse battery staple"
HOME, AWAY = "192.0.2.1", "198.51.100.9"
SECONDS = 15.0


async def hashed(password: str) -> str:
    hasher = HashingThreads(1)
    try:
        return await hasher.hash(password)
    finally:
        hasher.close()


async def settle_in(
    served: Served, database: Connection, *usernames: str, password_hash: str | None = None
) -> None:
    """Let these users be there, with PASSWORD for their password."""
    stored = password_hash or await hashed(PASSWORD)
    for username in usernames:
        subject = Subject(user_id=f"u-{username}", username=username, roles=("reader",))
        await served.client.create_pair(subject)
        await database.execute(
            "UPDATE tokenauthority.users SET password_hash = $2 WHERE user_id = $1",
            f"u-{username}",
            stored,
        )


@dataclass(frozen=True)
class Door:
    """Where people come in."""

    stub: "AccountServiceAsyncStub"

    @classmethod
    def of(cls, channel: "grpc.aio.Channel") -> "Door":
        return cls(AccountServiceStub(channel))

    async def login(
        self, username: str, password: str = PASSWORD, address: str = "", device_id: str = "phone"
    ) -> token_service_pb2.TokenPair:
        response = await self.stub.Login(
            pb.LoginRequest(
                username=username,
                password=password,
                device=token_service_pb2.Device(device_id=device_id, ip_address=address),
                scope=["shop:read"],
            ),
            timeout=SECONDS,
        )
        return response.pair

    async def logout(self, refresh_token: str) -> pb.LogoutResponse:
        return await self.stub.Logout(pb.LogoutRequest(refresh_token=refresh_token))

    async def logout_all(self, access_token: str, *, keep: bool = False) -> pb.LogoutAllResponse:
        request = pb.LogoutAllRequest(access_token=access_token, keep_current=keep)
        return await self.stub.LogoutAll(request)

    async def change(
        self, access_token: str, old: str = PASSWORD, new: str = "quite another password"
    ) -> pb.ChangePasswordResponse:
        request = pb.ChangePasswordRequest(
            access_token=access_token, old_password=old, new_password=new
        )
        return await self.stub.ChangePassword(request, timeout=SECONDS)
