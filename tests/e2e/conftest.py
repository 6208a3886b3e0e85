"""The wheels as a user gets them, each in an environment that has nothing of this one."""

import subprocess
import venv
from pathlib import Path

import pytest
from support.commands import HERE, ROOT

UV = HERE / "uv"


def call(*arguments: str | Path) -> None:
    subprocess.run([str(one) for one in arguments], check=True, cwd=ROOT, timeout=300)  # noqa: S603


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The four wheels, by the folder that each is built from."""
    built = {}
    for project in ("generated", "tokens", "server", "clients/python"):
        folder = tmp_path_factory.mktemp("wheel")
        call(
            *(UV, "build", "--quiet", "--wheel", "--no-build-isolation"),
            *("--python", HERE / "python", "--out-dir", folder, project),
        )
        built[project] = next(folder.glob("*.whl"))
    return built


def environment_of(folder: Path, *wheels: Path) -> Path:
    """A fresh environment with the pinned dependencies and these wheels; returns its programs."""
    venv.create(folder, symlinks=True)
    install = (UV, "pip", "install", "--quiet", "--python", folder / "bin" / "python")
    # The pins alone, as the image is built: what a wheel asks for beyond them would be missing.
    call(*install, "--require-hashes", "-r", "requirements/runtime.txt")
    call(*install, "--no-deps", *wheels)
    call(UV, "pip", "check", "--quiet", "--python", folder / "bin" / "python")
    return folder / "bin"


@pytest.fixture(scope="session")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the server."""
    folder = tmp_path_factory.mktemp("server") / "venv"
    return environment_of(folder, *(wheels[one] for one in ("generated", "tokens", "server")))


@pytest.fixture(scope="session")
def client_only(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the client, and with what its wheel asks for."""
    folder = tmp_path_factory.mktemp("client") / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    constraints = ("--constraints", "requirements/development.txt")
    call(
        *(UV, "pip", "install", "--quiet", "--python", python, *constraints),
        *(wheels["generated"], wheels["clients/python"]),
    )
    return folder / "bin"
