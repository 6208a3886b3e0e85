"""The line that says how much was explored."""

from collections.abc import Callable, Iterator

import pytest
from coverage import Coverage
from model.revocation.checker import Tally

EXPLORED = "revocations explored"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tally = Tally()
    # What tests note goes with their reports, also from other processes.
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == EXPLORED and isinstance(value, dict):
                tally.add(Tally(**value))
    if tally.runs:
        terminalreporter.write_line(f"{EXPLORED}: {tally}")


@pytest.fixture
def explored(record_property: Callable[[str, object], None]) -> Callable[[Tally], None]:
    """Count a run."""
    return lambda tally: record_property(EXPLORED, vars(tally))


@pytest.fixture(autouse=True, scope="module")
def unmeasured() -> Iterator[None]:
    """Let the runs go uncounted: they take five times as long where each line of them is."""
    coverage = Coverage.current()
    if coverage:
        coverage.stop()
    yield
    if coverage:
        coverage.start()
