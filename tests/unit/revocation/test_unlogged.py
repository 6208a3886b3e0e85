"""Facts that are not in the log are remembered, up to a number."""

import pytest
from unit.revocation.processes import live

from tokenauthority_server.domain.revocations import FactKind
from tokenauthority_server.revocation import unlogged as module
from tokenauthority_server.revocation.unlogged import Unlogged


def test_of_the_same_key_the_higher_epoch_counts_and_only_it_takes_both_away() -> None:
    unlogged = Unlogged()
    low, high = (live(kind=FactKind.USER, epoch=epoch) for epoch in (1, 2))
    unlogged.seen([low])
    unlogged.add([low, high, low])
    assert unlogged.first(5) == [high]
    unlogged.seen([low, live("other")])
    assert len(unlogged) == 1
    unlogged.seen([high])
    assert len(unlogged) == 0


def test_there_are_no_more_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    unlogged = Unlogged()
    unlogged.add([live(target) for target in "abcde"])
    assert unlogged.first(2) == [live("a"), live("b")]
    assert len(unlogged) == 3
