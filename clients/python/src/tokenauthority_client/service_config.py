"""What gRPC does by itself with a call: which server it goes to, and when it is made again.

**Made again** (gRFC A6) is each call that ended UNAVAILABLE or CANCELLED: this is how a server that
stops ends the calls that reach it too late. Every method in REPEATABLE may be repeated: a creation
by its request_id, which the client makes where the caller gives none; a refresh within the grace
window; a revocation, since what is dead stays dead; and whatever brings things to a state that is
named. The deadline of a call covers all its attempts, a caller who cancels ends them, and during an
outage the throttle lets no more of them through. A server that cannot answer an attempt after the
first asks for no more of them (`grpc-retry-pushback-ms`).

**Not made again** is what would be another thing the second time: each login opens a session, and a
failed one counts; the old password and the access token are no more, once they were used to end
everything; each preparation makes a key. gRPC repeats these only where it knows that no server has
begun them.

**Which server** follows from how the target is written, because what stands behind a name cannot be
known from here:

- `ipv4:10.0.0.1:50051,10.0.0.2:50051` (or `ipv6:`) lists the servers. Calls take turns among them,
  and each is asked for its health (gRFC A17): one that drains or is starting gets no calls.
- `dns:///name:50051` says that the name's addresses are servers. Calls take turns among them.
- Anything else, `name:50051` too, is one address: a server, or a proxy in front of several.

Health is asked only where servers are listed. A single address may be a proxy's or a Service's of
its own: the one connection then leads to one server, and as soon as this began to drain all calls
would fail, though it still served them and others behind the address stood ready. The same would
happen with what DNS said a while ago. Without the question a call goes to the server until its
connection ends, and what it cannot take any more is made again elsewhere.
"""

import json
from typing import Any, Final

SERVICE: Final = "tokenauthority.v1.TokenService"
"""Whose health is asked: the services of the authority are healthy together."""

REPEATABLE: Final = {
    SERVICE: (
        "CreatePair",
        "Validate",
        "BatchValidate",
        "Refresh",
        "Revoke",
        "ListSessions",
        "GetPublicKeys",
    ),
    "tokenauthority.v1.AccountService": ("Logout",),
    "tokenauthority.v1.AdminService": (
        "PutUser",
        "GetUser",
        "ListUsers",
        "SetUserStatus",
        "DeleteUser",
        "RevokeSessions",
        "GetTokenMetrics",
        "ListSigningKeys",
        "RetireSigningKey",
        "RevokeSigningKey",
        "ListAuditEvents",
    ),
}
"""The methods that may be made again, by service. A stream is resumed by whoever reads it."""

# About a third of a second in all: long enough to find another server, too short to be noticed.
_RETRY_POLICY: Final = {
    "maxAttempts": 4,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
# For a target, in a process: a hundred calls that fail at once are made again, as when a server
# with all of them under way dies. While more fail, none is; ten successes pay for one failure.
_RETRY_THROTTLING: Final = {"maxTokens": 200, "tokenRatio": 0.1}


def service_config(target: str) -> str:
    """Return the service config for a target, as the JSON that gRPC takes."""
    config: dict[str, Any] = {
        "methodConfig": [
            {
                "name": [
                    {"service": service, "method": method}
                    for service, methods in REPEATABLE.items()
                    for method in methods
                ],
                "retryPolicy": _RETRY_POLICY,
            }
        ],
        "retryThrottling": _RETRY_THROTTLING,
    }
    scheme, _, addresses = target.partition(":")
    lists_servers = scheme in {"ipv4", "ipv6"} and "," in addresses
    if lists_servers or scheme == "dns":
        config["loadBalancingConfig"] = [{"round_robin": {}}]
    if lists_servers:
        config["healthCheckConfig"] = {"serviceName": SERVICE}
    return json.dumps(config)
