"""How many connections are accepted, by how many files the process may have."""

import resource

import pytest

from tokenauthority_server.transport.open_files import MOST_CONNECTIONS, OWN_FILES, most_connections

ENOUGH = MOST_CONNECTIONS + OWN_FILES


class Limits:
    """The limits of a process, in place of this one's own."""

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)

    def getrlimit(self, _which: int) -> tuple[int, int]:
        return self.now

    def setrlimit(self, _which: int, limits: tuple[int, int]) -> None:
        self.now = limits


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "connections"),
    [
        (1_048_576, 1_048_576, 1_048_576, MOST_CONNECTIONS),
        (1_024, 524_288, ENOUGH, MOST_CONNECTIONS),  # as services of systemd have them
        (1_024, 1_024, 1_024, 1_024 - OWN_FILES),
        (1_024, 2_048, 2_048, 2_048 - OWN_FILES),
        (100, 100, 100, 1),
    ],
)
def test_connections_leave_files_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int, connections: int
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limits.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limits.setrlimit)

    assert most_connections() == connections
    assert limits.now == (raised, hard)
