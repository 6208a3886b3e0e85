"""Addresses of Redis, as its clients read them."""

import pytest
from redis.asyncio import RedisCluster

from tokenauthority_server.adapters.redis.addresses import Address, read_address
from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.redis.sentinel import PrimaryOfSentinels


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "redis://u%40:p%2F@h/5",
            Address(
                "",
                (("h", 6379),),
                "",
                {"username": "u@", "password": "p/", "db": 5},
                {},
                has_tls=False,
            ),
        ),
        (
            "rediss+cluster://:p@h1:7000,h2,[::1]:7002?ssl_ca_certs=/ca.crt",
            Address(
                "cluster",
                (("h1", 7000), ("h2", 6379), ("::1", 7002)),
                "",
                {"password": "p", "ssl_ca_certs": "/ca.crt"},
                {},
                has_tls=True,
            ),
        ),
        (
            "redis+sentinel://:p@h1,h2:7000/the%20one/3?sentinel_password=q",
            Address(
                "sentinel",
                (("h1", 26379), ("h2", 7000)),
                "the one",
                {"password": "p", "db": 3},
                {"password": "q"},
                has_tls=False,
            ),
        ),
    ],
)
def test_an_address_is_read_whole(url: str, address: Address) -> None:
    assert read_address(url) == address


async def test_each_form_has_its_client() -> None:
    for url, kind in (
        ("rediss+cluster://h1,h2", RedisCluster),
        ("rediss+sentinel://h1,h2/one/3", PrimaryOfSentinels),
    ):
        client = connect(url, 0)
        assert isinstance(client, kind)
        await client.aclose()
