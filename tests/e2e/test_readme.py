"""What the READMEs tell people to paste does what the READMEs show."""

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from support.commands import HERE, ROOT, Server, run, server

VOLATILE = re.compile(r".*_time|.*_token|session_id|token_id|key_id|expires_in")
BLOCK = re.compile(r"```(\w+)\n(.*?)```|`(call [^`]+)`", re.DOTALL)
CUT = "<<<cut>>>"


@pytest.fixture(scope="module")
def developing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("developing")
    # Started by root, the stores may run as another user, who has to get there.
    for one in (folder, folder.parent):
        one.chmod(0o711)
    settings = {"DATA_DIR": str(folder / "data")}
    program = HERE / "tokenauthority"
    with server(program, "dev", folder / "output", settings, "keys activate") as started:
        yield started


def parts(name: str) -> list[tuple[str, str]]:
    """The blocks of code and the calls in the text, in their order, each with its language."""
    text = (ROOT / name).read_text("utf-8")
    return [
        ("call", found[3].replace("\n", " ")) if found[3] else (found[1], found[2])
        for found in BLOCK.finditer(text)
    ]


def pasted(name: str, *others: str) -> str:
    """A script of what is to be pasted, with the tool that is at hand; other calls after it."""
    scripts = [text for language, text in parts(name) if language == "bash"]
    start = next(text for text in scripts if "CreatePair" in text)
    by_buf = next(text for text in scripts if text.startswith("call() { .venv/bin/buf"))
    if shutil.which("grpcurl") is None:
        _, _, rest = start.partition("\n")
        start = by_buf + rest
    return f"\necho '{CUT}'\n".join([start, *others])


def outputs(script: str, developing: Server) -> list[str]:
    here = script.replace("127.0.0.1:50051", developing.address("grpc"))
    done = run("bash", "-c", here.replace(".venv/bin/", f"{HERE}/"))
    return done.text.split(f"{CUT}\n")


def snake(value: Any) -> Any:
    """The names as grpcurl writes them; buf writes them in camel case."""
    if isinstance(value, dict):
        return {
            re.sub("(?<=[a-z])[A-Z]", lambda found: f"_{found[0].lower()}", key): snake(one)
            for key, one in value.items()
        }
    return [snake(one) for one in value] if isinstance(value, list) else value


def without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: type(one) if VOLATILE.fullmatch(key) else without_volatile(one)
            for key, one in value.items()
        }
    return [without_volatile(one) for one in value] if isinstance(value, list) else value


def alike(shown: str, real: str) -> bool:
    return bool(without_volatile(json.loads(shown)) == without_volatile(snake(json.loads(real))))


def test_the_quick_start_gives_what_it_shows(developing: Server) -> None:
    found = parts("README.md")
    validate, refresh, *others = (text for language, text in found if language == "call")
    shown = [text for language, text in found if language == "json"]
    (error,) = (text for language, text in found if language == "text")
    script = pasted("README.md", validate, refresh, refresh, *others)

    real = outputs(script, developing)

    pair, active, replayed, listed, revoked, inactive = shown
    assert alike(pair, real[0]), real[0]
    assert alike(active, real[1]), real[1]
    assert replayed.strip() not in real[2]
    assert replayed.strip() in real[3]
    assert alike(listed, real[4]), real[4]
    assert alike(revoked, real[5]), real[5]
    assert alike(inactive, real[6]), real[6]
    message = re.search(r"Message: (.*)", error)
    assert message
    assert message[1] in real[7]


def test_the_french_quick_start_does_what_it_says(developing: Server) -> None:
    (text,) = outputs(pasted("README.fr.md"), developing)

    *_, sessions, revoked, dead = re.split(r"(?<=\n\})\n", text.strip())
    assert text.count('"active": true') == 1
    assert text.count('"replayed": true') == 1
    assert re.search(r'"session_?[iI]d": "sess_', sessions)
    assert re.search(r'"revoked_?[sS]essions": "1"', revoked)
    assert "INACTIVE_REASON_USER_REVOKED" in dead


def test_the_key_is_rotated_as_the_readme_shows(developing: Server) -> None:
    shown = next(text for language, text in parts("README.md") if "keys activate" in text)
    command, head, _, row, told = shown.removeprefix("$ ").splitlines()
    data = {"DATA_DIR": str(developing.output.parent / "data")}

    done = run("bash", "-c", command.replace(".venv/bin/", f"{HERE}/"), settings=data)

    lines = [line for line in done.text.splitlines() if line.strip()]
    assert lines[0].split() == head.split()
    assert lines[2].split()[1:3] == row.split()[1:3] == ["ES256", "ACTIVE"]
    assert lines[3] == told
