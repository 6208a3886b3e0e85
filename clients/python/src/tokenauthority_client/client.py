"""The asyncio client: the one thing to open."""

from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc

from tokenauthority_client.accounts import Accounts
from tokenauthority_client.admin import Admin
from tokenauthority_client.caller_credential import CallerCredential
from tokenauthority_client.connection import Connection
from tokenauthority_client.tokens import Tokens


class TokenAuthorityClient(Tokens):
    """A client of the token authority, for use in one event loop.

    It connects inside `async with`, on the first call. `target` is an address, or a channel of
    your own, which you close yourself. `timeout`, in seconds or as a timedelta, is what each call
    gets unless it says otherwise.

    With `credentials`, from `tls_credentials` for example, the connection to an address is
    encrypted; without, it is not. `server_name` is the name that the authority's certificate is
    checked against, where it is not the address: it has to be given with a list of servers.

    This program shows who it is by its certificate, or by one of these (RFC 6750):

    - `caller_key`: its key, or the Path of a file that holds it;
    - `service_account_token_file`: the path of its projected Kubernetes service account token.

    A file is read again within a minute after it changed. Neither is sent unencrypted, but to this
    machine: ValueError is raised for any other address, unless `allow_plaintext_key` says that
    nobody else can read what is on the way there.

    Each method takes the CallOptions besides its own arguments, and raises a TokenAuthorityError
    whenever there is no result. Named with it are those that a caller is likely to handle.
    """

    accounts: Final[Accounts]
    """Logging in and out, and passwords."""
    admin: Final[Admin]
    """Users, their sessions, the counts, the keys that sign, and the audit trail."""

    def __init__(  # noqa: PLR0913 - all but one by name
        self,
        target: str | grpc.aio.Channel,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str | None = None,
        caller_key: str | Path | None = None,
        service_account_token_file: str | Path | None = None,
        allow_plaintext_key: bool = False,
        timeout: float | timedelta = 5.0,
    ) -> None:
        if caller_key is not None and service_account_token_file is not None:
            raise TypeError("a caller has one name: give caller_key or service_account_token_file")
        caller = None
        if caller_key is not None:
            caller = CallerCredential(caller_key, argument="caller_key")
        elif service_account_token_file is not None:
            caller = CallerCredential(
                Path(service_account_token_file), argument="service_account_token_file"
            )
        connection = Connection(
            target,
            credentials=credentials,
            server_name=server_name,
            caller=caller,
            allow_plaintext_key=allow_plaintext_key,
            timeout=timeout,
        )
        super().__init__(connection)
        self.accounts = Accounts(connection)
        self.admin = Admin(connection)

    async def __aenter__(self) -> Self:
        self._connection.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.close()
