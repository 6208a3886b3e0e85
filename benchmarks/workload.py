"""The users and sessions that the calls are about, and the requests for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from benchmarks.bare import refresh_token
from benchmarks.load import CALL_SECONDS
from tokenauthority.v1 import account_service_pb2
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub

AT_ONCE = 16
"""So many are created at once: with more, some would wait too long for a connection."""

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IP = "192.0.2.17"
SCOPE = ["containers:read", "containers:write"]
PASSWORD = "benchmarks need a password of their own"  # noqa: S105 - of nobody
ROLES = ["developer", "viewer"]
PERMISSIONS = ["containers.list", "containers.start", "containers.stop", "images.pull"]


@dataclass(frozen=True, slots=True)
class Seed:
    """A user with one session, and its tokens."""

    user_id: str
    device_id: str
    session_id: str
    access_token: str
    refresh_token: str


def make_seeds(address: str, count: int) -> list[Seed]:
    """Create so many users with a session each, by CreatePair; raise grpc.RpcError."""
    seeds: list[Seed] = []
    with grpc.insecure_channel(address) as channel:
        stub = TokenServiceStub(channel)
        for start in range(0, count, AT_ONCE):
            places = range(start, min(start + AT_ONCE, count))
            futures = [stub.CreatePair.future(_subject(n), timeout=CALL_SECONDS) for n in places]
            seeds += [
                _seed(place, future.result().pair)
                for place, future in zip(places, futures, strict=True)
            ]
    return seeds


def example_answers(address: str, seed: Seed) -> tuple[bytes, bytes]:
    """Return what the authority answers to Validate and to CreatePair, serialized."""
    with grpc.insecure_channel(address) as channel:
        stub = TokenServiceStub(channel)
        validated = stub.Validate(pb.ValidateRequest(token=seed.access_token), timeout=CALL_SECONDS)
        created = stub.CreatePair(_known(seed), timeout=CALL_SECONDS)
    return validated.SerializeToString(), created.SerializeToString()


def validations(seeds: Sequence[Seed]) -> list[bytes]:
    return [pb.ValidateRequest(token=one.access_token).SerializeToString() for one in seeds]


def batches(seeds: Sequence[Seed], size: int) -> list[bytes]:
    """Return requests about so many tokens each; every token is the first of one."""
    tokens = [one.access_token for one in seeds]
    return [
        pb.BatchValidateRequest(
            tokens=[tokens[(first + n) % len(tokens)] for n in range(size)]
        ).SerializeToString()
        for first in range(len(tokens))
    ]


def creations(seeds: Sequence[Seed]) -> list[bytes]:
    """Return requests by user_id: the profile comes from the directory."""
    return [_known(one).SerializeToString() for one in seeds]


def refreshes(seeds: Sequence[Seed]) -> list[bytes]:
    return [pb.RefreshRequest(refresh_token=one.refresh_token).SerializeToString() for one in seeds]


def bare_refreshes(seeds: Sequence[Seed]) -> list[bytes]:
    return [
        pb.RefreshRequest(
            refresh_token=refresh_token(
                one.user_id, one.device_id, one.session_id, len(one.refresh_token)
            )
        ).SerializeToString()
        for one in seeds
    ]


def logins(seeds: Sequence[Seed]) -> list[bytes]:
    return [
        account_service_pb2.LoginRequest(
            username=one.user_id.replace("user-", "username."),
            password=PASSWORD,
            device=_device(one.device_id),
            scope=SCOPE,
        ).SerializeToString()
        for one in seeds
    ]


def _known(seed: Seed) -> pb.CreatePairRequest:
    return pb.CreatePairRequest(user_id=seed.user_id, device=_device(seed.device_id), scope=SCOPE)


def _subject(number: int) -> pb.CreatePairRequest:
    return pb.CreatePairRequest(
        subject=pb.Subject(
            user_id=f"user-{number}",
            username=f"username.{number}",
            email=f"username.{number}@example.org",
            roles=ROLES,
            permissions=PERMISSIONS,
        ),
        device=_device(f"device-{number}"),
        scope=SCOPE,
    )


def _device(device_id: str) -> pb.Device:
    return pb.Device(device_id=device_id, user_agent=AGENT, ip_address=IP)


def _seed(number: int, pair: pb.TokenPair) -> Seed:
    return Seed(
        user_id=f"user-{number}",
        device_id=f"device-{number}",
        session_id=pair.session_id,
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
    )
