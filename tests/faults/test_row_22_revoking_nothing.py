"""Row 22: what is dead, unknown or no token at all is revoked."""

from collections.abc import Callable, Iterator, Sequence

from faults.harness.ageing import age
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.served import Served
from faults.harness.tables import counted as counted_in
from support.callers import create_request
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb

UNSIGNED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1LTIyIn0."
GARBAGE = ("x", "a.b.c", "..", " ", "\u2603", "null", "[" * 1_000, "a" * 8_193, UNSIGNED)


async def opened(server: Served, user_id: str) -> pb.TokenPair:
    return (await server.stub.CreatePair(create_request(user_id))).pair


async def refreshed(server: Served, pair: pb.TokenPair) -> pb.TokenPair:
    request = pb.RefreshRequest(refresh_token=pair.refresh_token)
    return (await server.stub.Refresh(request)).pair


async def revoked(server: Served, target: pb.RevokeRequest) -> tuple[int, int]:
    """How many sessions and tokens it ended; an error is none of the answers."""
    answer = await server.stub.Revoke(target)
    return answer.revoked_sessions, answer.revoked_tokens


async def assert_nothing(servers: Sequence[Served], *targets: pb.RevokeRequest) -> None:
    for target in targets:
        for server in servers:
            assert await revoked(server, target) == (0, 0), target


async def test_revoking_again_ends_nothing(
    fleet: Fleet, fleet_database: Connection, counted: Callable[[int, int], Iterator[int]]
) -> None:
    one, other = fleet.workers
    for number in counted(22, rounds(2, 500)):
        user_id = f"u-22-{number}"

        first = await opened(one, user_id)
        second = await refreshed(other, first)
        tokens = [
            pb.RevokeRequest(token=token)
            for pair in (first, second)
            for token in (pair.access_token, pair.refresh_token)
        ]
        assert await revoked(one, pb.RevokeRequest(token=second.access_token)) == (0, 1)
        await assert_nothing(fleet.workers, pb.RevokeRequest(token=second.access_token))
        # A rotated refresh token ends its session, too.
        assert await revoked(other, pb.RevokeRequest(token=first.refresh_token)) == (1, 0)
        await assert_nothing(fleet.workers, *tokens, pb.RevokeRequest(session_id=first.session_id))

        by_id = await opened(one, user_id)
        assert await revoked(other, pb.RevokeRequest(session_id=by_id.session_id)) == (1, 0)
        await assert_nothing(
            fleet.workers,
            pb.RevokeRequest(session_id=by_id.session_id),
            pb.RevokeRequest(token=by_id.access_token),
            pb.RevokeRequest(token=by_id.refresh_token),
            pb.RevokeRequest(user_id=user_id),
        )

        several = [await opened(worker, user_id) for worker in fleet.workers]
        assert await revoked(one, pb.RevokeRequest(user_id=user_id)) == (2, 0)
        await assert_nothing(fleet.workers, pb.RevokeRequest(user_id=user_id))
        for pair in several:
            await assert_nothing(
                fleet.workers,
                pb.RevokeRequest(session_id=pair.session_id),
                pb.RevokeRequest(token=pair.access_token),
                pb.RevokeRequest(token=pair.refresh_token),
            )

        assert await counted_in(fleet_database, [user_id]) == {
            "created": 4,
            "refreshed": 1,
            "revoked": 3,
            "bulk_revoked": 2,
        }


async def test_revoking_what_nobody_knows_ends_nothing(fleet: Fleet) -> None:
    pair = await opened(fleet.workers[0], "u-22-unknown")
    header, payload, signature = pair.refresh_token.split(".")
    forged = f"{header}.{payload}.{signature[:-8]}{signature[:8]}"
    await assert_nothing(
        fleet.workers,
        pb.RevokeRequest(session_id="sess_" + "A" * 43),
        pb.RevokeRequest(session_id="no-session"),
        pb.RevokeRequest(user_id="nobody"),
        pb.RevokeRequest(token=forged),
        *(pb.RevokeRequest(token=token) for token in GARBAGE),
    )
    verdict = await fleet.workers[1].stub.Validate(pb.ValidateRequest(token=pair.access_token))
    assert verdict.active


async def test_revoking_what_has_expired_ends_nothing(
    fleet: Fleet, fleet_database: Connection
) -> None:
    one, other = fleet.workers
    first = await opened(one, "u-22-expired")
    await age(fleet_database, first.session_id, seconds_left=2)
    second = await refreshed(other, first)

    async def has_expired() -> bool:
        verdict = await one.stub.Validate(pb.ValidateRequest(token=second.access_token))
        return verdict.reason == pb.INACTIVE_REASON_EXPIRED

    await eventually(has_expired)

    await assert_nothing(
        fleet.workers,
        pb.RevokeRequest(token=second.access_token),
        pb.RevokeRequest(token=second.refresh_token),
        pb.RevokeRequest(token=first.refresh_token),
        pb.RevokeRequest(session_id=first.session_id),
        pb.RevokeRequest(user_id="u-22-expired"),
    )
    assert await counted_in(fleet_database, ["u-22-expired"]) == {"created": 1, "refreshed": 1}
