"""What callers of the authority send, each with what a test wants to vary."""

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import Device, Subject

ANN = Subject(
    user_id="u-ann",
    username="ann",
    email="ann@example.com",
    roles=("admin", "author"),
    permissions=("read", "write"),
)
BEN = Subject(user_id="u-ben", username="ben")
LAPTOP = Device(device_id="laptop", user_agent="browser/1", ip_address="192.0.2.1")
PHONE = Device(device_id="phone", user_agent="app/1", ip_address="2001:db8::1")


def create_request(user_id: str, username: str = "") -> pb.CreatePairRequest:
    """A request for a pair, of a user whose name is the id unless another is given."""
    return pb.CreatePairRequest(
        subject=pb.Subject(user_id=user_id, username=username or user_id),
        device=pb.Device(device_id="laptop"),
    )
