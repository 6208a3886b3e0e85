"""Verifiers that are told of revocations, in memory."""

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.facts import MemoryFactStore
from tokenauthority_server.domain.revocations import (
    About,
    Death,
    Fact,
    FactKey,
    death_by,
    targets,
)
from tokenauthority_server.domain.tokens import Claims


class MemoryPropagation:
    """A Propagation to verifiers that know of a MemoryDatabase's facts what they are told.

    `reaches` is what it says of them: whether a fact that was published has come to all, or will.
    """

    def __init__(self, database: MemoryDatabase, *, reaches: bool = True) -> None:
        self._database = database
        self._facts = MemoryFactStore(database)
        self._known: dict[FactKey, Fact] = {}
        self._published: dict[FactKey, Fact] = {}
        self.reaches = reaches

    async def settle(self, about: About) -> bool:
        """Let the verifiers know it, and all that was published before."""
        await self.publish(about)
        self._known |= self._published
        return self.reaches

    async def publish(self, about: About) -> bool:
        """Let the verifiers know it some time."""
        self._published |= {one.fact.key: one.fact for one in await self._facts.about(about)}
        return self.reaches

    async def publish_new(self) -> None:
        """Let the verifiers know all that there is."""
        self._known |= {key: row.fact for key, row in self._database.facts.items()}

    def forget(self) -> None:
        """Let the verifiers know nothing, as if nothing had been told to them."""
        self._known.clear()
        self._published.clear()

    def death(self, claims: Claims) -> Death | None:
        """Return why the verifiers refuse a token; None where they take it."""
        known = (self._known.get(target) for target in targets(claims))
        return next((death for fact in known if fact and (death := death_by(fact, claims))), None)
