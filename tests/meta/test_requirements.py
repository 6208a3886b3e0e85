"""The pins hold on every machine: exact, hashed, and silent about where packages come from."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"
FILES = sorted(FOLDER.glob("*.txt"))
# A name, perhaps with extras; its one version; perhaps the environments that it is for; hashes.
PIN = re.compile(
    r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,._-]+\])?==[0-9][a-z0-9.!+]*( ; [a-z_]+ [^/@:]+)?"
    r"( --hash=sha256:[0-9a-f]{64})+"
)


def pins(path: Path) -> list[str]:
    joined = path.read_text("utf-8").replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def test_there_are_pins() -> None:
    assert {path.stem for path in FILES} == {"runtime", "development", "generate", "uv"}
    assert all(pins(path) for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_line_is_a_pin_with_its_hashes(path: Path) -> None:
    # So there is no option, no address, no path and no comment either.
    assert [line for line in pins(path) if not PIN.fullmatch(line)] == []


def test_what_runs_in_production_is_what_is_tested() -> None:
    runtime, development = (
        set(pins(FOLDER / f"{name}.txt")) for name in ("runtime", "development")
    )
    versions = {line.partition(" ")[0] for line in development}
    assert {line.partition(" ")[0] for line in runtime} <= versions
