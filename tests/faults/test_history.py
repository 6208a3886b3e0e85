"""The history itself: what it is there to find is told to it here."""

import pytest
from faults.harness.history import History, Kind, Source, quantile

TOKEN = "t-1"


def revoked(*, effective: bool) -> History:
    """A token that was good, and of which the revocation was acknowledged."""
    history = History(converges=1.0)
    history.issued(TOKEN)
    begun = history.revoking(TOKEN)
    history.revoked(TOKEN, begun, "nothing", effective=effective)
    return history


def accepted(history: History, source: Source, begun: float) -> list[str]:
    """What is wrong after an acceptance that began then."""
    kind = Kind("worker 0", TOKEN, source, active=True)
    history.answered(kind, begun=begun, ended=begun + 0.001)
    return history.violations()


def refused(history: History, source: Source, begun: float) -> list[str]:
    """What is wrong after a refusal that began then."""
    kind = Kind("worker 0", TOKEN, source, active=False)
    history.answered(kind, begun=begun, ended=begun + 0.001)
    return history.violations()


@pytest.mark.parametrize("source", Source)
def test_an_acceptance_that_began_after_everybody_knew(source: Source) -> None:
    history = revoked(effective=True)
    assert accepted(history, source, history.fates[TOKEN].final - 0.001) == []
    (found,) = accepted(history, source, history.fates[TOKEN].final + 0.001)
    assert found.startswith("R1, accepted")
    with pytest.raises(AssertionError, match="1 violations"):
        history.check()


def test_the_database_knows_at_once() -> None:
    history = revoked(effective=False)
    (found,) = accepted(history, Source.DATABASE, history.fates[TOKEN].durable + 0.001)
    assert found.startswith("R1, accepted by the database")


@pytest.mark.parametrize("source", [Source.LEASED_VIEW, Source.CLIENT])
def test_a_revocation_that_is_lost(source: Source) -> None:
    history = revoked(effective=False)
    durable = history.fates[TOKEN].durable
    assert accepted(history, source, durable + 0.9) == []
    (found,) = accepted(history, source, durable + 1.1)
    assert found.startswith("R2, still accepted")


def test_a_good_token_that_is_refused() -> None:
    history = History()
    history.issued(TOKEN)
    (found,) = refused(history, Source.LEASED_VIEW, 0.0)
    assert found.startswith("R3, a good token was refused")


def test_a_refusal_before_anybody_asked_for_it() -> None:
    history = revoked(effective=True)
    begun = history.fates[TOKEN].begun
    assert refused(history, Source.CLIENT, begun) == []
    (found,) = refused(history, Source.CLIENT, begun - 0.1)
    assert found.startswith("R3, a good token was refused")


def test_one_that_nobody_was_told_of_may_be_either() -> None:
    history = History()
    history.issued(TOKEN)
    begun = history.revoking(TOKEN)
    assert accepted(history, Source.DATABASE, begun + 10) == []
    assert refused(history, Source.DATABASE, begun + 10) == []


def test_one_fault_among_many_good_answers_is_found() -> None:
    history = revoked(effective=True)
    final = history.fates[TOKEN].final
    accepted(history, Source.CLIENT, final - 1)
    accepted(history, Source.CLIENT, final + 0.001)
    for number in range(100):
        refused(history, Source.CLIENT, final + number)
    assert len(accepted(history, Source.CLIENT, final - 0.5)) == 1


def test_what_it_tells_people() -> None:
    history = revoked(effective=True)
    history.not_answered("client 0", 3)
    accepted(history, Source.CLIENT, history.fates[TOKEN].final + 0.25)
    lines = history.lines()
    assert "1 acknowledged, nothing: p50" in lines[0]
    assert "1 effective everywhere, 0 not yet" in lines[1]
    assert lines[2].endswith("1 CLIENT; 3 could not be given")
    assert lines[3].startswith("accepted after it was effective everywhere: p50 250.0 ms")
    assert revoked(effective=True).lines()[-1].endswith(": none")
    late = revoked(effective=False)
    accepted(late, Source.CLIENT, late.fates[TOKEN].durable + 0.5)
    assert late.lines()[-1].startswith("accepted after it was durable only: 1, p50 500.0 ms")
    assert list(late.figures()) == ["nothing"]


def test_quantiles() -> None:
    values = [float(one) for one in range(1, 101)]
    assert [quantile(values, at) for at in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert quantile([1.0], 0.5) == 1.0
