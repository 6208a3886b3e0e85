"""A callers' file is followed; a bad one changes nothing, and is told once."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.cluster import Cluster

from tokenauthority_server.adapters.callers.faults import CallersFileError
from tokenauthority_server.adapters.callers.file import read_callers
from tokenauthority_server.adapters.callers.following import FollowedCallers
from tokenauthority_server.domain.caller_keys import caller_key, digest_of
from tokenauthority_server.domain.errors import CallerUnknownError
from tokenauthority_server.transport.policy import POLICIES

KEY = caller_key(bytes(range(32)))
URI = "spiffe://wakedock.internal/api"
GOOD = f'[callers.api]\nuri = "{URI}"\nrpcs = ["TokenService"]\n'
OTHER = f'[callers.shop]\nkey_sha256 = ["{digest_of(KEY).hex()}"]\nrpcs = ["TokenService"]\n'


class Followed:
    """Callers that follow a file of the test, and what was told of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[bool] = []
        self.callers = FollowedCallers(lambda: read_callers(path, POLICIES), self.told.append)

    async def after(self, text: str) -> list[Any]:
        """Change the file; return what is logged of it."""
        self.path.write_text(text)
        with capture_logs() as lines:
            await self.callers.tick()
            await self.callers.tick()
        return lines

    @property
    def names(self) -> set[str]:
        return set(self.callers.current.entries)


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    path = tmp_path / "callers.toml"
    path.write_text(GOOD)
    return Followed(path)


def test_a_start_with_a_bad_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallersFileError):
        Followed(tmp_path / "callers.toml")


async def test_a_change_is_used(followed: Followed) -> None:
    assert followed.callers.by_uri(URI)
    (line,) = await followed.after(OTHER)
    assert line["event"] == "the callers' file has changed"
    assert line["callers"] == ["shop"]
    assert followed.callers.by_uri(URI) is None
    assert followed.callers.by_dns("api.internal") is None
    found = followed.callers.by_key(digest_of(KEY))
    assert found
    assert found.caller.name == "shop"


async def test_what_stands_still_is_not_told(followed: Followed) -> None:
    assert await followed.after(GOOD) == []
    assert followed.told == [True]


async def test_a_bad_file_leaves_the_last_good_one_and_is_told_once(followed: Followed) -> None:
    (line,) = await followed.after("\n[callers.api]\ndns = 'a.b'\n")
    assert line["log_level"] == "warning"
    assert line["problem"].startswith(f"{followed.path}:2: callers.api")
    assert followed.names == {"api"}
    assert followed.told[0] is True
    assert set(followed.told[1:]) == {False}
    # Another fault is told; the one that was told is not.
    lines = await followed.after("\n[callers.api]\nother = 1\ndns = 'a.b'\n")
    assert [one["problem"].partition("callers.toml")[2][:3] for one in lines] == [":3:"]


@pytest.mark.parametrize("after", [GOOD, OTHER])
async def test_a_file_that_is_good_again_is_told_and_used(followed: Followed, after: str) -> None:
    await followed.after("nonsense")
    assert followed.told[-1:] == [False]
    (line,) = await followed.after(after)
    assert line["event"] == "the callers' file has changed"
    assert followed.told[-1:] == [True]
    assert len(followed.names) == 1


async def test_what_the_library_cannot_read_is_a_bad_file_too(followed: Followed) -> None:
    (line,) = await followed.after(f"{GOOD}rate = {'9' * 5000}\n")
    assert "is no TOML that can be read" in line["problem"]
    assert followed.told[-1] is False
    assert followed.names == {"api"}


async def test_a_file_that_is_gone_leaves_the_last_good_one(followed: Followed) -> None:
    followed.path.unlink()
    with capture_logs() as lines:
        await followed.callers.tick()
    assert "cannot be read" in lines[0]["problem"]
    assert followed.names == {"api"}


async def test_the_keys_of_a_cluster_are_followed_too(tmp_path: Path) -> None:
    first, second = Cluster("ES256", "one"), Cluster("ES256", "two")
    keys = tmp_path / "jwks.json"
    keys.write_text(first.jwks)
    path = tmp_path / "callers.toml"
    path.write_text(
        '[kubernetes]\njwks_file = "jwks.json"\nissuer = "https://kubernetes.default.svc"\n'
        'audience = "tokenauthority"\n'
        '[callers.api]\nservice_account = "wakedock/api"\nrpcs = ["TokenService"]\n'
    )
    followed = Followed(path)
    token = first.token()
    assert followed.callers.by_service_account(token)
    keys.write_text("{}")
    await followed.callers.tick()
    assert followed.callers.by_service_account(token)
    keys.write_text(second.jwks)
    await followed.callers.tick()
    # It is remembered no longer than the key that signed it.
    with pytest.raises(CallerUnknownError):
        followed.callers.by_service_account(token)
    assert followed.callers.by_service_account(second.token())


async def test_another_file_of_keys_is_followed(tmp_path: Path) -> None:
    kubernetes = '[kubernetes]\njwks_file = "{}.json"\nissuer = "i"\naudience = "a"\n'
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(Cluster("ES256").jwks)
    path = tmp_path / "callers.toml"
    path.write_text(kubernetes.format("one") + GOOD)
    followed = Followed(path)
    await followed.after(kubernetes.format("two") + GOOD)
    assert [path.name for path in followed.callers.current.sources] == ["callers.toml", "two.json"]
    (tmp_path / "two.json").write_text("{}")
    with capture_logs() as lines:
        await followed.callers.tick()
    assert "two.json" in lines[0]["problem"]
