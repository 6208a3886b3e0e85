"""The facts, in memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import FactRow
from tokenauthority_server.domain.revocation_ports import Facts, Mark
from tokenauthority_server.domain.revocations import About, FactKey, FactKind, LiveFact


class MemoryFactStore:
    """A FactStore over a MemoryDatabase, whose changes are counted."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def about(self, about: About) -> Sequence[LiveFact]:
        """Return the live facts that stand there."""
        asked = about.keys.union(*map(self._of_session, about.sessions))
        facts = self._database.facts
        return list(self._live(facts[key] for key in asked if key in facts))

    async def page(self, size: int, after: FactKey | None) -> Facts:
        """Return up to `size` live facts in the order of their keys, from after that one."""
        rows = sorted(self._database.facts.items())
        following = (row for key, row in rows if after is None or key > after)
        return Facts(list(islice(self._live(following), size)), self._mark())

    async def since(self, mark: Mark) -> Facts | None:
        """Return every live fact that was written since the mark, and the new mark."""
        now = self._mark()
        if mark.server != now.server:
            return None
        rows = self._database.facts.values()
        later = (row for row in rows if row.change > int(mark.snapshot))
        return Facts(list(self._live(later)), now)

    def _mark(self) -> Mark:
        return Mark(server=str(self._database.starts), snapshot=str(self._database.fact_changes))

    def _of_session(self, session_id: str) -> set[FactKey]:
        row = self._database.sessions.get(session_id)
        if row is None:
            return set()
        return {
            (row.user_id, FactKind.SESSION, session_id),
            (row.user_id, FactKind.USER, ""),
            (row.user_id, FactKind.PROFILE, ""),
            ("", FactKind.KEY, row.grant.key_id),
        }

    def _live(self, rows: Iterable[FactRow]) -> Iterator[LiveFact]:
        now = self._database.clock.now()
        for row in rows:
            if row.expire_time > now:
                yield LiveFact(row.fact, row.expire_time, row.expire_time - now)
