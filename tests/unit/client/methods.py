"""All methods of the client, each with its RPC and a call of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple, TypeVar

from unit.client.scripted_authority import SERVICES

from tokenauthority_client import (
    Accounts,
    Admin,
    CallOptions,
    SessionCriteria,
    Subject,
    TokenAuthorityClient,
    UserStatus,
)

_Item = TypeVar("_Item")


class Method(NamedTuple):
    """A method: where it stands, which RPC it calls, and how it is called."""

    of: type
    rpc: str
    call: Callable[[TokenAuthorityClient, CallOptions], Awaitable[object]]


async def every(items: AsyncIterator[_Item]) -> list[_Item]:
    return [item async for item in items]


ADA: Final = Subject(user_id="42", username="ada")

METHODS: Final[dict[str, Method]] = {
    "create_pair": Method(
        TokenAuthorityClient, "CreatePair", lambda client, o: client.create_pair("42", **o)
    ),
    "validate": Method(
        TokenAuthorityClient, "Validate", lambda client, o: client.validate("t", **o)
    ),
    "batch_validate": Method(
        TokenAuthorityClient, "BatchValidate", lambda client, o: client.batch_validate(["t"], **o)
    ),
    "refresh": Method(TokenAuthorityClient, "Refresh", lambda client, o: client.refresh("t", **o)),
    "revoke_token": Method(
        TokenAuthorityClient, "Revoke", lambda client, o: client.revoke_token("t", **o)
    ),
    "revoke_session": Method(
        TokenAuthorityClient, "Revoke", lambda client, o: client.revoke_session("s", **o)
    ),
    "revoke_user": Method(
        TokenAuthorityClient, "Revoke", lambda client, o: client.revoke_user("42", **o)
    ),
    "list_sessions": Method(
        TokenAuthorityClient, "ListSessions", lambda client, o: client.list_sessions("42", **o)
    ),
    "iter_sessions": Method(
        TokenAuthorityClient,
        "ListSessions",
        lambda client, o: every(client.iter_sessions("42", **o)),
    ),
    "get_public_keys": Method(
        TokenAuthorityClient, "GetPublicKeys", lambda client, o: client.get_public_keys(**o)
    ),
    "login": Method(Accounts, "Login", lambda client, o: client.accounts.login("ada", "p", **o)),
    "logout": Method(Accounts, "Logout", lambda client, o: client.accounts.logout("t", **o)),
    "logout_all": Method(
        Accounts, "LogoutAll", lambda client, o: client.accounts.logout_all("t", **o)
    ),
    "change_password": Method(
        Accounts,
        "ChangePassword",
        lambda client, o: client.accounts.change_password("t", "old", "new", **o),
    ),
    "put_user": Method(Admin, "PutUser", lambda client, o: client.admin.put_user(ADA, **o)),
    "get_user": Method(Admin, "GetUser", lambda client, o: client.admin.get_user("42", **o)),
    "get_user_by_username": Method(
        Admin, "GetUser", lambda client, o: client.admin.get_user_by_username("ada", **o)
    ),
    "list_users": Method(Admin, "ListUsers", lambda client, o: client.admin.list_users(**o)),
    "iter_users": Method(Admin, "ListUsers", lambda client, o: every(client.admin.iter_users(**o))),
    "set_password": Method(
        Admin, "SetPassword", lambda client, o: client.admin.set_password("42", "p", **o)
    ),
    "set_user_status": Method(
        Admin,
        "SetUserStatus",
        lambda client, o: client.admin.set_user_status("42", UserStatus.DISABLED, **o),
    ),
    "delete_user": Method(
        Admin, "DeleteUser", lambda client, o: client.admin.delete_user("42", **o)
    ),
    "revoke_sessions": Method(
        Admin,
        "RevokeSessions",
        lambda client, o: client.admin.revoke_sessions(SessionCriteria(user_id="42"), **o),
    ),
    "get_token_metrics": Method(
        Admin, "GetTokenMetrics", lambda client, o: client.admin.get_token_metrics(**o)
    ),
    "list_signing_keys": Method(
        Admin, "ListSigningKeys", lambda client, o: client.admin.list_signing_keys(**o)
    ),
    "prepare_signing_key": Method(
        Admin, "PrepareSigningKey", lambda client, o: client.admin.prepare_signing_key(**o)
    ),
    "activate_signing_key": Method(
        Admin, "ActivateSigningKey", lambda client, o: client.admin.activate_signing_key("k", **o)
    ),
    "retire_signing_key": Method(
        Admin, "RetireSigningKey", lambda client, o: client.admin.retire_signing_key("k", **o)
    ),
    "revoke_signing_key": Method(
        Admin, "RevokeSigningKey", lambda client, o: client.admin.revoke_signing_key("k", **o)
    ),
    "list_audit_events": Method(
        Admin, "ListAuditEvents", lambda client, o: client.admin.list_audit_events(**o)
    ),
    "iter_audit_events": Method(
        Admin, "ListAuditEvents", lambda client, o: every(client.admin.iter_audit_events(**o))
    ),
}

# Of those methods that call one RPC, one is enough for what gRPC does with the RPC.
ONE_BY_RPC: Final = {method.rpc: method for method in reversed(METHODS.values())}

# Every RPC of the contract that is no stream, with the service that it belongs to.
RPCS: Final = {
    rpc.name: rpc
    for service in SERVICES
    for rpc in service.methods
    if not (rpc.client_streaming or rpc.server_streaming)
}
