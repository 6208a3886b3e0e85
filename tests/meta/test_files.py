"""What is written by hand is small and well named; what is generated says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Made by tools, or not part of the project.
OTHERS = {"generated", "build", "dist", "__pycache__"}
GENERATED = ROOT / "generated" / "src"
# The protos are not among them: a service and its messages are one file.
SUFFIXES = {".py", ".sql", ".md", ".yaml", ".toml"}
MOST_LINES = 400
# Whatever nobody found a place for ends up in modules of these names.
NO_SUBJECT = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}


def written(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in OTHERS:
            continue
        if path.is_dir():
            yield from written(path)
        elif path.suffix in SUFFIXES:
            yield path


FILES = list(written())


def test_the_whole_project_is_looked_at() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert {"server", "clients", "tests", "benchmarks", "protos", "docs", "deploy"} <= folders


def test_no_file_is_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in FILES}
    long = {str(path.relative_to(ROOT)): length for path, length in lengths.items()}
    assert {path: length for path, length in long.items() if length > MOST_LINES} == {}


def test_every_module_has_a_subject() -> None:
    named = {part.removesuffix(".py") for path in FILES for part in path.relative_to(ROOT).parts}
    assert named & NO_SUBJECT == set()


@pytest.mark.parametrize(
    "path",
    [path for path in GENERATED.rglob("*.py*") if path.suffix in {".py", ".pyi"}],
    ids=lambda path: path.name,
)
def test_generated_code_is_marked(path: Path) -> None:
    head = path.read_text("utf-8")[:300].lower()
    # An empty file is what makes its folder a package.
    assert not head or ("generated" in head and "do not edit" in head)


def test_tools_are_told_what_is_generated() -> None:
    attributes = (ROOT / ".gitattributes").read_text("utf-8").splitlines()
    assert "generated/src/** linguist-generated=true" in attributes
