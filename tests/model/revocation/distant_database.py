"""PostgreSQL over a link: the facts, the query of validation, and the changes of use cases."""

from collections.abc import Callable, Sequence

from model.revocation.database import LATEST_COMMIT, Database
from model.revocation.network import GIVES_UP, Link

from tokenauthority_server.domain.revocation_ports import Facts, Mark
from tokenauthority_server.domain.revocations import (
    About,
    Check,
    CheckSource,
    Fact,
    FactKey,
    LiveFact,
)
from tokenauthority_server.domain.tokens import Claims


class DistantFacts:
    """The port FactStore."""

    def __init__(self, database: Database, link: Link) -> None:
        self._database = database
        self._link = link

    async def about(self, about: About) -> Sequence[LiveFact]:
        async def work() -> Sequence[LiveFact]:
            return self._database.about(about)

        return await self._link.ask(work)

    async def page(self, size: int, after: FactKey | None) -> Facts:
        async def work() -> Facts:
            return self._database.page(size, after)

        return await self._link.ask(work)

    async def since(self, mark: Mark) -> Facts | None:
        async def work() -> Facts | None:
            return self._database.since(mark)

        return await self._link.ask(work)


class DistantView:
    """The port RevocationView, by a question to the database for each answer."""

    def __init__(self, database: Database, link: Link) -> None:
        self._database = database
        self._link = link

    def check_now(self, claims: Claims) -> Check | None:
        del claims
        return None

    async def check(self, claims: Sequence[Claims]) -> Check:
        async def work() -> Check:
            return Check(CheckSource.DATABASE, tuple(self._database.deaths(claims)))

        return await self._link.ask(work)


async def change(  # noqa: PLR0913 - each of them is needed
    database: Database,
    link: Link,
    lock: str,
    decide: Callable[[], Sequence[tuple[Fact, float]]],
    committed: Callable[[], object],
    *,
    patient: bool,
) -> None:
    """Write facts; who is patient waits for a commit that takes seconds."""
    await link.ask(
        lambda: database.change(lock, decide, committed),
        LATEST_COMMIT + GIVES_UP if patient else GIVES_UP,
    )
