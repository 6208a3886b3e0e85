"""The environment, the `.env` file, and the files that secrets come in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_settings import BaseSettings, DotEnvSettingsSource


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was given, and where."""

    text: str = field(repr=False)
    origin: str


def read_sources(environ: Mapping[str, str], dotenv: Path) -> dict[str, Given]:
    """Everything that is set, by name; the environment before the file.

    An empty value is as good as none, since `X=${X:-}` is how deployments pass on what may be
    unset.

    Raises:
        ValueError: the file is there and cannot be read; the text says why.
    """
    try:
        in_file = DotEnvSettingsSource(BaseSettings, env_file=dotenv, case_sensitive=True).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {_reason(error)}") from None
    given = {name: Given(text, ".env") for name, text in in_file.items() if text}
    given.update((name, Given(text, "environment")) for name, text in environ.items() if text)
    return given


def read_secret_file(given: Given) -> Given:
    """The secret in the file that was given, without the newline that ends it.

    Raises:
        ValueError: it cannot be read, or is empty; the text says why.
    """
    # Whoever confuses X_FILE with X puts the secret where the path belongs: what does not begin
    # like a path is not repeated.
    like_a_path = given.text.startswith(("/", "./", "../"))
    subject = f"names {given.text}, which" if like_a_path else "names a file that"
    try:
        with Path(given.text).open(encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        raise ValueError(f"{subject} cannot be read: {_reason(error)}") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"{subject} is empty")
    return Given(text, f"file {given.text}")


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or "it is no UTF-8 text"
