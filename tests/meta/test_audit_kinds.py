"""Every kind of event that is written is told in the documentation, and none that is not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "src" / "tokenauthority_server"
PAGE = (ROOT / "docs" / "administration.md").read_text("utf-8")
KIND = re.compile(r"'((?:user|login|session|token|key)\.[a-z_]+)'")


def written() -> set[str]:
    """Those that the database's functions and statements write."""
    functions = SERVER / "adapters" / "postgres"
    texts = [
        path.read_text("utf-8") for path in functions.rglob("*") if path.suffix in {".sql", ".py"}
    ]
    return {kind for text in texts for kind in KIND.findall(text)}


def documented() -> set[str]:
    """Those of the table of kinds."""
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    return {
        kind
        for row in rows
        for kind in re.findall(r"`((?:user|login|session|token|key)\.\w+)`", row)
    }


def test_each_kind_is_documented() -> None:
    assert written() == documented()
    assert len(written()) > 20
