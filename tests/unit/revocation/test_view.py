"""The view says what the one rule says, and keeps facts for as long as they matter."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.revocation.hand_ticks import HandTicks
from unit.revocation.processes import claims, fact, live

from tokenauthority_server.domain.revocations import (
    Fact,
    FactKey,
    FactKind,
    LiveFact,
    RevocationReason,
    death_by,
    targets,
)
from tokenauthority_server.domain.tokens import TokenType
from tokenauthority_server.revocation import view as module
from tokenauthority_server.revocation.leases import DRIFT
from tokenauthority_server.revocation.view import View

KINDS = {
    FactKind.TOKEN: ["token-1", "token-2"],
    FactKind.SESSION: ["sess_1", "sess_2"],
    FactKind.KEY: ["key-1", "key-2"],
    FactKind.USER: [""],
    FactKind.PROFILE: [""],
}
MINUTE = 60.0
HOUR = 3_600 / DRIFT
"""An hour by a clock that may be as quick as that."""


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    kind = draw(st.sampled_from(FactKind))
    has_epoch = kind in {FactKind.USER, FactKind.PROFILE}
    return replace(
        fact(draw(st.sampled_from(KINDS[kind])), kind),
        reason=draw(st.sampled_from(RevocationReason)),
        epoch=draw(st.integers(1, 5)) if has_epoch else 0,
        except_session_id=draw(st.sampled_from(["", "sess_1"])) if kind is FactKind.USER else "",
    )


def after(hours: float, one: Fact) -> LiveFact:
    """Return a fact that matters for that long."""
    hour = live()
    longer = timedelta(hours=hours)
    return LiveFact(one, hour.expire_time - hour.remaining + longer, longer)


@given(st.lists(facts(), max_size=8), st.sampled_from(TokenType), st.integers(0, 5), st.data())
def test_what_it_says_is_the_rule(
    added: list[Fact], token_type: TokenType, epoch: int, data: st.DataObject
) -> None:
    standing: dict[FactKey, Fact] = {}
    for one in added:
        known = standing.get(one.key)
        # Once written, only a user's are written anew, with a higher epoch.
        if known is None or known.epoch < one.epoch:
            standing[one.key] = one
    ticks = HandTicks()
    view = View(ticks)
    for one in data.draw(st.permutations([*standing.values(), *standing.values()])):
        view.add(after(1, one))
    token = replace(claims("token-1"), token_type=token_type, epoch=epoch, profile_epoch=epoch)
    deaths = [death_by(standing[key], token) for key in targets(token) if key in standing]
    assert view.death(token) == next((one for one in deaths if one is not None), None)
    known_again = View(ticks)
    for part in view.items():
        for known_fact in part:
            known_again.add(known_fact)
    assert known_again.death(token) == view.death(token)
    assert sum(view.sizes().values()) == len(standing)


@pytest.mark.parametrize("kind", FactKind)
def test_each_kind_of_fact_kills(kind: FactKind) -> None:
    view = View(HandTicks())
    one = fact(KINDS[kind][0], kind, epoch=1)
    view.add(after(1, one))
    assert view.death(claims("token-1")) == death_by(one, claims("token-1"))


def test_of_a_user_the_highest_epoch_counts_with_its_own_exception_in_any_order() -> None:
    view = View(HandTicks())
    assert view.add(live(kind=FactKind.USER, epoch=2, spared="sess_1"))
    assert not view.add(live(kind=FactKind.USER, epoch=1))
    assert view.death(claims("a")) is None
    assert view.add(live(kind=FactKind.USER, epoch=3))
    assert not view.add(live(kind=FactKind.USER, epoch=2, spared="sess_1"))
    assert view.death(claims("a"))


def test_facts_are_dropped_when_they_matter_no_more_and_not_before() -> None:
    ticks = HandTicks()
    view = View(ticks)
    for kind, names in KINDS.items():
        view.add(live(names[0], kind=kind, epoch=1))
    ticks.jump(HOUR - 1)
    assert not view.drop()
    assert set(view.sizes().values()) == {1}
    ticks.jump(1 + MINUTE)
    assert not view.drop()
    assert set(view.sizes().values()) == {0}
    assert view.death(claims("token-1")) is None
    assert view.add(live("token-1"))


def test_a_fact_that_comes_to_matter_for_longer_is_kept_for_longer() -> None:
    ticks = HandTicks()
    view = View(ticks)
    for one in (fact("key-1", FactKind.KEY), fact(kind=FactKind.USER, epoch=1)):
        assert view.add(after(1, one))
        assert view.add(after(2, one))
        assert not view.add(after(1, one))
    ticks.jump(HOUR + MINUTE)
    view.drop()
    assert view.sizes()[FactKind.KEY] == view.sizes()[FactKind.USER] == 1
    ticks.jump(HOUR)
    view.drop()
    assert view.sizes()[FactKind.KEY] == view.sizes()[FactKind.USER] == 0


def test_so_many_are_dropped_at_once() -> None:
    ticks = HandTicks()
    view = View(ticks)
    for number in range(module.DROPPED_AT_ONCE + 1):
        view.add(live(f"token-{number}"))
        view.add(live(f"sess-{number}", kind=FactKind.SESSION))
    ticks.jump(HOUR + MINUTE)
    assert view.drop()
    assert view.sizes()[FactKind.TOKEN] == 1
    assert not view.drop()
    assert view.sizes()[FactKind.TOKEN] == 0


def test_what_is_added_or_dropped_while_all_are_given_does_no_harm() -> None:
    ticks = HandTicks()
    view = View(ticks)
    for number in range(2 * module.CHUNK):
        view.add(live(f"token-{number}"))
    parts = view.items()
    assert len(next(parts)) == module.CHUNK
    view.add(live("late"))
    ticks.jump(HOUR + MINUTE)
    view.drop()
    assert [one for part in parts for one in part] == []


def test_a_user_who_is_revoked_again_and_again_takes_no_more_memory() -> None:
    view = View(HandTicks())
    for epoch in range(1, 100):
        view.add(live(kind=FactKind.USER, epoch=epoch))
    waiting = view._users._dropping._minutes
    assert sum(map(len, waiting.values())) == 1
