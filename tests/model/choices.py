"""What histories choose from: the ordinary more often, the odd often enough."""

from hypothesis import strategies as st
from support.stores import Status

from tokenauthority.v1 import token_service_pb2 as pb

STEP = 15
UNKNOWN = "sess_unknown"
ROLES = {
    "none": (),
    "author": ("author",),
    "both": ("author", "editor"),
    "both, turned": ("editor", "author"),
    "large": ("r" * 3_000,),
    "huge": ("r" * 6_000,),
}
PERMISSIONS = [(), ("read",), ("read", "write")]
SCOPES = {
    "none": (),
    "reading": ("shop:read",),
    # With large roles too much for a token.
    "large": tuple(f"{number:0128}" for number in range(24)),
}
DEVICES = {
    "none": pb.Device(),
    "phone": pb.Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1"),
    "newer phone": pb.Device(device_id="phone", user_agent="app/2"),
    "laptop": pb.Device(device_id="laptop", ip_address="2001:db8::1"),
    "nameless": pb.Device(user_agent="browser/1", ip_address="192.0.2.2"),
}
REASONS = {
    pb.REVOCATION_REASON_UNSPECIFIED: "LOGOUT",
    pb.REVOCATION_REASON_LOGOUT: "LOGOUT",
    pb.REVOCATION_REASON_LOGOUT_ALL: "LOGOUT_ALL",
    pb.REVOCATION_REASON_ADMIN: "ADMIN",
    pb.REVOCATION_REASON_PASSWORD_CHANGED: "PASSWORD_CHANGED",
}
NOTHING = {
    "no token": pb.RevokeRequest(token="no token"),
    "unknown session": pb.RevokeRequest(session_id=UNKNOWN),
    "unknown user": pb.RevokeRequest(user_id="nobody"),
}
WRONG = {
    "no target": pb.RevokeRequest(),
    "empty token": pb.RevokeRequest(token=""),
    "a session but one": pb.RevokeRequest(session_id=UNKNOWN, except_session_id=UNKNOWN),
    "our own reason": pb.RevokeRequest(
        user_id="nobody", reason=pb.REVOCATION_REASON_REUSE_DETECTED
    ),
}
STATUSES: list[tuple[Status, int | None]] = [
    ("ACTIVE", None),
    ("ACTIVE", None),
    ("ACTIVE", None),
    ("DISABLED", None),
    ("DELETED", None),
    ("LOCKED", None),
    ("LOCKED", STEP),
]
MOMENTS = ["grace", "request", "refresh", "refresh", "end"]
"""Until when a parent may be asked again, a request_id holds, a token and a session live."""

USER = st.sampled_from([0, 0, 0, 1, 1, 2])
DEVICE = st.sampled_from(list(DEVICES))
SCOPE = st.sampled_from(["none", "none", "reading", "large"])
REQUEST_ID = st.sampled_from(["", "", "r-1", "r-2"])
REASON = st.sampled_from(list(REASONS))
EXPECTED = st.sampled_from([pb.TOKEN_TYPE_UNSPECIFIED, pb.TOKEN_TYPE_ACCESS, pb.TOKEN_TYPE_REFRESH])
# Mostly of late: what is long past changes little.
LATELY = st.sampled_from([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 6, 9])
AMONG = st.sampled_from(["live", "live", "all"])
