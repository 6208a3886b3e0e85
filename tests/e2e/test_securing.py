"""The README's lines that secure a deployment, pasted as they stand."""

import os
import re
from pathlib import Path

import pytest
from support.commands import HERE, KEY, ROOT, run, server

from tokenauthority_client import (
    CallerNotAllowedError,
    CallerUnknownError,
    Subject,
    TokenAuthorityClient,
    tls_credentials,
)

SECTION = (ROOT / "README.md").read_text("utf-8").partition("### Secure it")[2]
EXPORT = re.compile(r"^export (.*)$", re.MULTILINE)


def block() -> str:
    """The lines, for loopback."""
    found = re.search(r"```bash\n(.*?)```", SECTION, re.DOTALL)
    assert found
    return found[1].replace("0.0.0.0", "127.0.0.1")  # noqa: S104


def test_it_takes_ten_lines() -> None:
    assert len(block().splitlines()) <= 10


async def test_pasted_they_let_in_whom_they_name(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    lines, last = block().rsplit("\n", 2)[:2]
    assert last == "tokenauthority serve"
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "KEY_ENCRYPTION_KEY": KEY}
    path = {"PATH": f"{HERE}:{os.environ['PATH']}"}

    done = run("bash", "-ec", lines, folder=tmp_path, settings={**stores, **path})

    assert done.code == 0, done.text
    assert 'allowed: by "TokenService" (callers.toml:3)' in done.text
    (key,) = re.findall(r"tac_[\w-]+", done.text)
    assert key not in (tmp_path / "callers.toml").read_text("utf-8")
    exported = EXPORT.search(lines)
    assert exported
    ours = dict(one.split("=") for one in exported[1].split())
    settings = {**stores, **ours, "DRAIN_SECONDS": "0"}
    trusted = tls_credentials(ca_file=tmp_path / "tls.crt")
    with server(
        HERE / "tokenauthority", "serve", tmp_path / "output", settings, '"event":"ready"'
    ) as serving:
        address = serving.address("grpc").replace("127.0.0.1", "localhost")
        async with TokenAuthorityClient(address, credentials=trusted, caller_key=key) as api:
            assert not await api.validate("no token")
            with_profile = Subject(user_id="1", username="ann")
            with pytest.raises(CallerNotAllowedError, match="write_profiles"):
                await api.create_pair(with_profile)
        async with TokenAuthorityClient(address, credentials=trusted) as stranger:
            with pytest.raises(CallerUnknownError):
                await stranger.validate("no token")
