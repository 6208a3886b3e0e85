"""Which server a call goes to, by how the target is written."""

import json
from collections.abc import AsyncIterator

import pytest
from support.waiting import eventually
from unit.client.scripted_authority import ScriptedAuthority, serving

from tokenauthority_client import TokenAuthorityClient
from tokenauthority_client.service_config import SERVICE, service_config


@pytest.fixture
async def two() -> AsyncIterator[list[ScriptedAuthority]]:
    async with serving(ScriptedAuthority()) as first, serving(ScriptedAuthority()) as second:
        for authority in (first, second):
            await authority.serves(calls=True)
        yield [first, second]


def listed(authorities: list[ScriptedAuthority]) -> str:
    return "ipv4:" + ",".join(authority.address for authority in authorities)


async def test_calls_take_turns_among_the_servers_of_a_list(two: list[ScriptedAuthority]) -> None:
    async with TokenAuthorityClient(listed(two)) as client:

        async def both_asked() -> bool:
            await client.validate("t")
            return all(authority.received for authority in two)

        await eventually(both_asked)
        before = [len(authority.received) for authority in two]
        for _ in range(10):
            await client.validate("t")
        assert [len(authority.received) for authority in two] == [number + 5 for number in before]


async def test_a_server_that_is_not_ready_is_sent_nothing(two: list[ScriptedAuthority]) -> None:
    starting, ready = two
    await starting.serves(calls=False)
    async with TokenAuthorityClient(listed(two)) as client:
        for _ in range(20):
            await client.validate("t")
    assert (len(starting.received), len(ready.received)) == (0, 20)


async def test_a_server_that_drains_is_sent_nothing_more(two: list[ScriptedAuthority]) -> None:
    draining, staying = two
    async with TokenAuthorityClient(listed(two)) as client:

        async def in_use() -> bool:
            await client.validate("t")
            return bool(draining.received)

        async def left_alone() -> bool:
            before = len(draining.received)
            for _ in range(10):
                await client.validate("t")
            return len(draining.received) == before

        await eventually(in_use)
        await draining.serves(calls=False)
        await eventually(left_alone)
    assert staying.received


async def test_a_server_that_is_gone_is_not_missed(two: list[ScriptedAuthority]) -> None:
    async with serving(ScriptedAuthority()) as gone:
        pass
    async with TokenAuthorityClient(listed([gone, *two])) as client:
        for _ in range(20):
            await client.validate("t")


@pytest.mark.parametrize("form", ["{}", "ipv4:{}", "dns:///{}", "dns:{}"])
async def test_a_single_address_is_asked_though_it_drains(
    authority: ScriptedAuthority, form: str
) -> None:
    # Guard: with `healthCheckConfig` for it too, every call failed.
    await authority.serves(calls=False)
    async with TokenAuthorityClient(form.format(authority.address)) as client:
        await client.validate("t")
    assert len(authority.received) == 1


@pytest.mark.parametrize(
    ("target", "takes_turns", "asks_for_health"),
    [
        ("ipv4:10.0.0.1:50051,10.0.0.2:50051", True, True),
        ("ipv6:[fd00::1]:50051,[fd00::2]:50051", True, True),
        ("ipv4:10.0.0.1:50051", False, False),
        ("dns:///authority.internal:50051", True, False),
        ("dns://10.0.0.53/authority.internal:50051", True, False),
        ("authority.internal:50051", False, False),
        ("10.0.0.1:50051", False, False),
        ("unix:/run/tokenauthority.sock", False, False),
    ],
)
def test_the_form_of_a_target_decides(
    target: str,
    takes_turns: bool,  # noqa: FBT001 - a row of the table
    asks_for_health: bool,  # noqa: FBT001 - a row of the table
) -> None:
    config = json.loads(service_config(target))
    assert config.get("loadBalancingConfig") == ([{"round_robin": {}}] if takes_turns else None)
    assert config.get("healthCheckConfig") == (
        {"serviceName": SERVICE} if asks_for_health else None
    )
    assert config["methodConfig"]
    assert config["retryThrottling"]
