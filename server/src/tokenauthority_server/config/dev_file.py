"""What a running `dev` tells the commands that look after it: its settings, in a file."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import SecretStr

from tokenauthority_server.config.settings import Settings
from tokenauthority_server.config.sources import Given, read_sources

FILE_NAME = "dev.env"


@contextmanager
def telling(settings: Settings, names: Iterable[str]) -> Iterator[None]:
    """Keep these settings in DATA_DIR, for its owner alone to read, as long as `dev` runs."""
    path = settings.data_dir / FILE_NAME
    lines = [f"{name.upper()}='{_text(getattr(settings, name))}'\n" for name in sorted(names)]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(lines), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def dev_settings(given: Mapping[str, Given]) -> dict[str, Given]:
    """Return the settings of the `dev` that runs under DATA_DIR; nothing where none does."""
    folder = (
        given["DATA_DIR"].text if "DATA_DIR" in given else Settings.model_fields["data_dir"].default
    )
    path = Path(folder) / FILE_NAME
    with suppress(ValueError):
        return {name: Given(one.text, str(path)) for name, one in read_sources({}, path).items()}
    return {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
