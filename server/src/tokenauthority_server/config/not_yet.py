"""Settings of the contract that this release does not act on."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokenauthority_server.config.faults import Fault


@dataclass(frozen=True, slots=True)
class NotYet:
    """Such a setting: the values that change nothing, and whether it promises protection.

    One that promises protection stops the start, or its operator would believe to be protected.
    """

    harmless: tuple[str, ...] = ()
    protects: bool = False


NOT_YET: Mapping[str, NotYet] = {
    "WORKERS": NotYet(("1",), protects=True),
    "REVOCATION_LEASE_SECONDS": NotYet(("3",)),
}


def not_yet(given: Mapping[str, str]) -> tuple[list[Fault], list[Fault]]:
    """The faults, and the warnings, for those of `given` that would change something."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for name, rule in NOT_YET.items():
        if name in given and given[name].strip().lower() not in rule.harmless:
            problem = "is part of the contract, but this release does not act on it yet; unset it"
            (faults if rule.protects else warnings).append(Fault(name, problem))
    return faults, warnings
