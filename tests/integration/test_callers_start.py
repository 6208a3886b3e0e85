"""What a start says of its callers, and what their refusals leave in the log."""

from pathlib import Path

import pytest
from support.authority import serving
from support.known_callers import Known, serving_known
from support.rpcs import EVERY_RPC, reason_of

KEYS = next(rpc for rpc in EVERY_RPC if rpc.name == "TokenService/GetPublicKeys")
HEALTH = next(rpc for rpc in EVERY_RPC if rpc.name == "grpc.health.v1.Health/Check")


async def test_callers_whose_certificate_nobody_asks_for_are_warned_about(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "callers.toml"
    path.write_text('[callers.api]\ndns = "api.internal"\nrpcs = ["TokenService"]\n')
    async with serving(database_url, redis_url, CALLERS_FILE=str(path)) as served:
        event = "nobody is asked for a certificate: set TLS_CLIENT_CA_FILE"
        (line,) = await served.logged(event, callers=["api"])
        assert line["level"] == "warning"
        assert await reason_of(served.channel, KEYS) == "CALLER_UNKNOWN"
        assert await reason_of(served.channel, HEALTH) == ""


@pytest.mark.parametrize("dev", [True, False])
async def test_a_file_holds_in_dev_too(
    database_url: str, redis_url: str, tmp_path: Path, *, dev: bool
) -> None:
    known = Known({"api": ["TokenService"]})
    path = known.write(tmp_path)
    async with serving(database_url, redis_url, dev=dev, CALLERS_FILE=str(path)) as served:
        assert await reason_of(served.channel, KEYS) == "CALLER_UNKNOWN"
        assert await reason_of(served.channel, KEYS, known.metadata("api")) == ""


async def test_a_flood_above_its_rate_does_not_fill_the_log(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    known = Known({"api": ["TokenService"]}, {"api": 'rate = "1/h"'})
    async with serving_known(
        database_url, redis_url, tmp_path, known, asks_for_certificates=False
    ) as served:
        assert await reason_of(served.channel, KEYS, known.metadata("api")) == ""
        for _ in range(100):
            told = await reason_of(served.channel, KEYS, known.metadata("api"))
            assert told == "RATE_LIMITED"
        (line, *_) = await served.logged("more calls above their rates, not logged")
        assert line["calls"] > 50
        assert "request_id" not in line
        refused = await served.samples("tokenauthority_calls_refused_total")
        assert refused["api", "RATE_LIMITED"] == 100
