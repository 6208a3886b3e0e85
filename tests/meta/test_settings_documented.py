"""docs/configuration.md names every setting, with the default and the limits that the code has."""

import re
from pathlib import Path

from pydantic import SecretStr

from tokenauthority_server.config import Settings
from tokenauthority_server.config.limits import limits
from tokenauthority_server.config.loading import DEV_DEFAULTS, SECRETS

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def rows(page: str) -> dict[str, list[str]]:
    """The cells beside each setting; a line for each, in every table."""
    found = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", page, re.MULTILINE)
    assert len(found) == len(dict(found)), "a setting is described twice"
    return {name: cells.split(" | ") for name, cells in found}


def written(value: object) -> str:
    if value is None or value == SecretStr(""):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def default(name: str) -> str:
    serve = written(
        Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})
    )
    return f"{serve}, in `dev` {written(DEV_DEFAULTS[name])}" if name in DEV_DEFAULTS else serve


def test_the_page_has_every_setting_with_its_default_and_no_other() -> None:
    documented = {name: cells[0] for name, cells in rows(PAGE).items()}
    assert documented == {name.upper(): default(name) for name in Settings.model_fields}


def test_the_page_has_the_limits_that_are_checked() -> None:
    documented = rows(PAGE)
    for name, field in Settings.model_fields.items():
        if checked := limits(field):
            assert documented[name.upper()][1] == checked, name


def test_the_page_says_what_is_secret() -> None:
    secret = {name for name, cells in rows(PAGE).items() if cells[2].endswith("Secret.")}
    assert secret == {name.upper() for name in SECRETS}
