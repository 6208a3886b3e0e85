import re
from pathlib import Path

from tokenauthority_server.config import Settings

ROOT = Path(__file__).parents[2]
# Instructions on one line each, without comments.
TEXT = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
INSTRUCTIONS = TEXT.replace("\\\n", " ").splitlines()
RUNTIME = INSTRUCTIONS[max(i for i, line in enumerate(INSTRUCTIONS) if line.startswith("FROM")) :]


def words(instructions: list[str], name: str) -> list[str]:
    return [
        word for line in instructions if line.startswith(f"{name} ") for word in line.split()[1:]
    ]


def test_the_image_exposes_the_default_ports() -> None:
    defaults = [Settings.model_fields[name].default for name in ("grpc_port", "http_port")]
    assert words(RUNTIME, "EXPOSE") == [str(port) for port in defaults]


def test_the_image_listens_on_every_address_but_admits_no_one_by_itself() -> None:
    environment = dict(word.split("=", 1) for word in words(RUNTIME, "ENV"))
    of_python_and_shell = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    settings = environment.keys() - of_python_and_shell
    assert settings <= {name.upper() for name in Settings.model_fields}
    assert environment["GRPC_HOST"] == environment["HTTP_HOST"] == "0.0.0.0"  # noqa: S104
    assert "ALLOW_ANONYMOUS_CALLERS" not in environment


def test_nothing_but_what_is_copied_enters_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line for line in ignored if not line.startswith("#")]
    assert patterns[0] == "*"
    admitted = {pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")}
    copies = [line.split()[1:] for line in INSTRUCTIONS if line.startswith("COPY ")]
    copied = {copy[0] for copy in copies if not copy[0].startswith("--from")}
    assert copied == admitted
    for path in copied:
        assert (ROOT / path).exists()
