"""Facts that are known here, and were not seen in the log yet: others may lack them."""

from collections.abc import Iterable, Sequence
from typing import Final

from tokenauthority_server.domain.revocations import FactKey, LiveFact

MOST: Final = 100_000
"""Kept at the most. Those beyond it reach the others by the database alone, somewhat later."""


class Unlogged:
    """What is still to be appended, whoever does it first."""

    def __init__(self) -> None:
        self._facts: dict[FactKey, LiveFact] = {}

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, facts: Iterable[LiveFact]) -> None:
        """Note facts; of the same key the one with the higher epoch counts."""
        for one in facts:
            known = self._facts.get(one.fact.key)
            if known is None:
                if len(self._facts) < MOST:
                    self._facts[one.fact.key] = one
            elif known.fact.epoch < one.fact.epoch:
                self._facts[one.fact.key] = one

    def seen(self, facts: Iterable[LiveFact]) -> None:
        """Take away what stands in the log by now."""
        if not self._facts:
            return
        for one in facts:
            known = self._facts.get(one.fact.key)
            if known is not None and known.fact.epoch <= one.fact.epoch:
                del self._facts[one.fact.key]

    def first(self, most: int) -> Sequence[LiveFact]:
        """Return up to so many of them."""
        return [one for one, _ in zip(self._facts.values(), range(most), strict=False)]
