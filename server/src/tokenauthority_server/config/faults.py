"""What is wrong with the configuration."""

from collections.abc import Iterable
from dataclasses import dataclass

from tokenauthority_server.domain.errors import StartError


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting, what is wrong with it and what to do, on one line; never a setting's value."""

    setting: str
    problem: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}"


class ConfigurationError(StartError):
    """The configuration cannot be used.

    `faults` holds everything that is wrong, `warnings` what would have been warned about.
    """

    exit_code = 2

    def __init__(self, faults: Iterable[Fault], warnings: Iterable[Fault] = ()) -> None:
        self.faults = tuple(faults)
        self.warnings = tuple(warnings)
        super().__init__("\n".join(str(fault) for fault in self.faults))
