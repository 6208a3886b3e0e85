"""What can be wrong with the network before a store."""

from collections.abc import Callable, Mapping
from typing import Final

from faults.harness.network import Network

NETWORK_FAULTS: Final[Mapping[str, Callable[[Network], None]]] = {
    "slow": lambda network: network.delay(30),
    "too slow": lambda network: network.delay(700),
    "slicing": lambda network: network.slice(120),
    "resetting": lambda network: network.reset_within(0.5),
    "dropping": lambda network: network.drop(),
    "swallowing": lambda network: network.blackhole(),
    "silent": lambda network: network.silence(),
}
PASSABLE: Final = frozenset({"slow", "slicing", "resetting"})
"""Faults that let a call through, if late or at the second attempt; the others let none."""
