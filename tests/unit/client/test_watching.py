"""The stream of revocations, as the client gives it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from unit.client.scripted_authority import Refusal, refusal
from unit.client.scripted_watch import Response, watched
from unit.client.scripted_watch import ScriptedWatch as Scripted

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    ConnectionFailedError,
    Fact,
    Heartbeat,
    InvalidRequestError,
    KeyTarget,
    OverloadedError,
    ProfileTarget,
    RevocationReason,
    Revocations,
    RevocationWatch,
    SessionTarget,
    Snapshot,
    TokenAuthorityClient,
    TokenAuthorityError,
    TokenTarget,
    UnexpectedAnswerError,
    UserTarget,
    WatchMode,
)

TIME = datetime(2030, 1, 1, tzinfo=UTC)
STAMP = Timestamp(seconds=int(TIME.timestamp()))
LOGOUT = pb.REVOCATION_REASON_LOGOUT
SECONDS = 5


@asynccontextmanager
async def watching(authority: Scripted) -> AsyncIterator[TokenAuthorityClient]:
    async with (
        asyncio.timeout(SECONDS),
        watched(authority) as address,
        TokenAuthorityClient(address) as client,
    ):
        yield client


async def all_of(watch: RevocationWatch, events: list[object] | None = None) -> None:
    """Read until the end, which is raised."""
    async with watch:
        async for event in watch:
            if events is not None:
                events.append(event)


async def test_every_event_is_read() -> None:
    facts = [
        pb.Fact(token_id="t", reason=LOGOUT, expire_time=STAMP),
        pb.Fact(session_id="s", reason=LOGOUT, expire_time=STAMP),
        pb.Fact(key_id="k", expire_time=STAMP),
        pb.Fact(
            user_epoch=pb.UserEpoch(user_id="u", epoch=2, except_session_id="s"),
            reason=99,  # type: ignore[arg-type] # newer than the client
            expire_time=STAMP,
        ),
        pb.Fact(user_profile=pb.UserProfile(user_id="u", profile_epoch=3), expire_time=STAMP),
    ]
    lease = Duration(seconds=2, nanos=500_000_000)
    authority = Scripted(
        [
            Response(snapshot=pb.Snapshot(facts=facts)),
            Response(cursor="1", snapshot=pb.Snapshot(complete=True)),
            Response(cursor="2", revocations=pb.Revocations(facts=facts[:1])),
            Response(cursor="3", heartbeat=pb.Heartbeat(lease=lease, answered_report_id=7)),
        ],
        ends=refusal(grpc.StatusCode.UNAVAILABLE, "OVERLOADED"),
    )
    events: list[object] = []
    async with watching(authority) as client:
        with pytest.raises(OverloadedError):
            await all_of(client.watch_revocations(WatchMode.RELAXED), events)
    token = Fact(TokenTarget("t"), RevocationReason.LOGOUT, TIME)
    assert events == [
        Snapshot(
            "",
            (
                token,
                Fact(SessionTarget("s"), RevocationReason.LOGOUT, TIME),
                Fact(KeyTarget("k"), None, TIME),
                Fact(UserTarget("u", 2, "s"), RevocationReason.UNRECOGNIZED, TIME),
                Fact(ProfileTarget("u", 3), None, TIME),
            ),
            complete=False,
        ),
        Snapshot("1", (), complete=True),
        Revocations("2", (token,)),
        Heartbeat("3", timedelta(seconds=2.5), 7),
    ]


async def test_what_is_given_is_sent() -> None:
    authority = Scripted()
    async with watching(authority) as client:
        watch = client.watch_revocations(
            WatchMode.STRICT, resume_cursor="here", correlation_id="trace-7"
        )
        async with watch:
            await watch.report("there", 1)
            await authority.reported.wait()
    assert authority.received == [
        pb.WatchRevocationsRequest(mode=pb.WATCH_MODE_STRICT, resume_cursor="here"),
        pb.WatchRevocationsRequest(applied_cursor="there", report_id=1),
    ]
    assert authority.metadata["x-request-id"] == "trace-7"


async def test_reports_that_are_made_at_once_go_one_after_the_other() -> None:
    authority = Scripted()
    async with (
        watching(authority) as client,
        client.watch_revocations(WatchMode.STRICT) as watch,
    ):
        await asyncio.gather(*(watch.report("there", number) for number in range(1, 51)))
        while len(authority.received) < 51:
            authority.reported.clear()
            await authority.reported.wait()
    assert [one.report_id for one in authority.received] == list(range(51))


async def first_event(authority: Scripted) -> None:
    async with (
        watching(authority) as client,
        client.watch_revocations(WatchMode.RELAXED) as watch,
    ):
        await anext(aiter(watch))


@pytest.mark.parametrize(
    ("authority", "error"),
    [
        (
            Scripted(ends=refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")),
            InvalidRequestError,
        ),
        # What a newer authority sends may be what kills a token.
        (
            Scripted([Response(revocations=pb.Revocations(facts=[pb.Fact()]))]),
            UnexpectedAnswerError,
        ),
        (Scripted([Response(cursor="1")]), UnexpectedAnswerError),
        (Scripted([None]), UnexpectedAnswerError),
    ],
)
async def test_other_ends_are_told(authority: Scripted, error: type[TokenAuthorityError]) -> None:
    with pytest.raises(error):
        await first_event(authority)


async def test_a_report_after_the_end_tells_of_the_end() -> None:
    authority = Scripted(ends=refusal(grpc.StatusCode.UNAVAILABLE, "OVERLOADED"))
    async with (
        watching(authority) as client,
        client.watch_revocations(WatchMode.STRICT) as watch,
    ):
        for _ in range(2):
            with pytest.raises(OverloadedError):
                await anext(aiter(watch))
            with pytest.raises(OverloadedError):
                await watch.report("there", 1)


async def test_a_report_on_its_way_at_the_end_makes_no_fault_of_it() -> None:
    told = []
    async with watching(Scripted(ends=Refusal(grpc.StatusCode.UNAVAILABLE))) as client:
        for _ in range(50):
            async with client.watch_revocations(WatchMode.STRICT) as watch:
                told += await asyncio.gather(
                    *(watch.report("there", number) for number in range(1, 9)),
                    anext(aiter(watch)),
                    return_exceptions=True,
                )
    failures = [one for one in told if one is not None]
    assert {type(one) for one in failures} == {ConnectionFailedError}
    # Guard: without it these were UnexpectedAnswerError.
    assert any("while something was being sent" in str(one) for one in failures)


async def test_an_authority_that_is_not_there_is_told() -> None:
    async with TokenAuthorityClient("127.0.0.1:1") as client:
        with pytest.raises(ConnectionFailedError):
            await all_of(client.watch_revocations(WatchMode.STRICT))


async def test_a_watch_has_to_be_entered() -> None:
    async with TokenAuthorityClient("127.0.0.1:1") as client:
        watch = client.watch_revocations(WatchMode.STRICT)
        with pytest.raises(RuntimeError, match="async with"):
            await watch.report("there", 1)


async def test_a_correlation_id_is_checked() -> None:
    async with TokenAuthorityClient("127.0.0.1:1") as client:
        with pytest.raises(ValueError, match="correlation_id"):
            await client.watch_revocations(WatchMode.STRICT, correlation_id="a b").__aenter__()
