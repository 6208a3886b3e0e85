import re
from pathlib import Path

from tokenauthority_server.transport.errors import INTERNAL, REFUSALS

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_each_error_that_is_sent_is_documented_with_its_status() -> None:
    documented = dict(
        re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    )
    sent = {row.reason_name: row.code.name for row in (*REFUSALS.values(), INTERNAL)}
    assert documented == sent
