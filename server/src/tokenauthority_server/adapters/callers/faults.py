"""What is wrong with a callers' file, line by line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tokenauthority_server.adapters.callers.toml_lines import Path as Place
from tokenauthority_server.adapters.mounted_files import shown
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.telemetry.redaction import scrub


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and in which line of the file; 0 is for the file as a whole."""

    line: int
    problem: str


class CallersFileError(StartError):
    """The file cannot be used. `faults` has a line for each thing that is wrong, and no value."""

    exit_code = 2

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        name = shown(path)
        self.faults = tuple(
            # Any name may be a key in the wrong place.
            scrub(f"{name}:{one.line}: {one.problem}" if one.line else f"{name} {one.problem}")
            for one in sorted(set(faults))
        )
        super().__init__("\n".join(f"CALLERS_FILE: {fault}" for fault in self.faults))


class Lines:
    """Where in the file its values are."""

    def __init__(self, lines: Mapping[Place, int]) -> None:
        self._lines = lines

    def of(self, place: Place) -> int:
        """Return the line of a value, or of the nearest thing that it is in."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def fault(self, place: Place, problem: str) -> Fault:
        """Return what is wrong with the value at this place."""
        names = (part for part in place if isinstance(part, str))
        named = ".".join(name if name.isprintable() else ascii(name) for name in names)
        return Fault(self.of(place), f"{named} {problem}")

    def faults_of(
        self, error: ValidationError, table: Place, model: type[BaseModel]
    ) -> Iterator[Fault]:
        """Yield what the library found wrong with a table, in our words."""
        for one in error.errors(include_url=False, include_input=False):
            # Of the members of a mapping it says so in a part of its own.
            inner = tuple(part for part in one["loc"] if part != "[key]")
            yield self.fault((*table, *inner), _problem(one, model))


_KINDS: Final = {
    "string_type": "must be a text, in quotes",
    "list_type": "must be a list, in brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "missing": "is missing",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def _problem(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "extra_forbidden":
        return f"is not known here. Known are {', '.join(model.model_fields)}"
    if kind == "literal_error":
        return f"must be {error['ctx']['expected']}"
    return _KINDS.get(kind, "has a value of a wrong kind")
