"""The ports of old tokens, over the memory form and over PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from support.asking import ORIGIN
from support.memory_stores import memory_stores
from support.old_tokens import AUDIENCE, ISSUER, SECRET, old_token
from support.postgres_stores import postgres_stores
from support.stores import Stores

from tokenauthority_server.adapters.legacy.facts import DatedFact, DatedFacts, PostgresDatedFacts
from tokenauthority_server.adapters.legacy.memory import MemoryDatedFacts
from tokenauthority_server.adapters.legacy.revoker import LegacyRevoker
from tokenauthority_server.adapters.legacy.tokens import OldTokens
from tokenauthority_server.adapters.legacy.view import LegacyView
from tokenauthority_server.adapters.memory import MemoryDatabase
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.tokens import Claims

LEEWAY = timedelta(seconds=5)
OLD = OldTokens(SECRET.encode(), issuer=ISSUER, audience=AUDIENCE)


@dataclass(frozen=True)
class Migrating:
    """A store that old tokens are looked up in as well."""

    stores: Stores
    facts: DatedFacts
    revoke_key: Callable[[], Awaitable[object]]

    @property
    def view(self) -> LegacyView:
        return LegacyView(self.stores.view, self.facts, LEEWAY)

    @property
    def revoker(self) -> LegacyRevoker:
        return LegacyRevoker(self.stores.revoker, self.facts)

    async def now(self) -> int:
        return int((await self.stores.records.now()).timestamp())

    async def issued(self, user_id: str, *, at: int | None = None, **claims: str) -> Claims:
        """What an old token of the user says, issued now or then."""
        issue_time = await self.now() if at is None else at
        found = OLD.verify(old_token(sub=user_id, issue_time=issue_time, **claims))
        assert isinstance(found, Claims)
        return found

    async def user_fact(self, user_id: str) -> DatedFact:
        """The one fact about all that the user holds."""
        found = await self.facts.find([await self.issued(user_id)])
        (only,) = (one for one in found if one.fact.kind is FactKind.USER)
        return only

    async def death(self, claims: Claims) -> Death | None:
        return (await self.view.check([claims])).deaths[0]

    async def end_user(
        self, user_id: str, kept: str = "", reason: RevocationReason = RevocationReason.LOGOUT_ALL
    ) -> int:
        return await self.revoker.end_user_sessions(user_id, kept, reason, ORIGIN)


@pytest.fixture
async def migrating_postgres(database_url: str) -> AsyncIterator[Migrating]:
    database = Database(database_url)
    await database.open()
    async with postgres_stores(database_url) as stores:
        yield Migrating(
            stores,
            PostgresDatedFacts(database),
            lambda: database.change(
                """
                INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
                VALUES ('', 'key', 'legacy', 'KEY_REVOKED', now() + interval '1 hour')
                """
            ),
        )
    await database.close()


@pytest.fixture(params=["memory", "postgres"])
def here(request: pytest.FixtureRequest) -> Migrating:
    if request.param == "memory":
        rows = MemoryDatabase()
        fact = Fact(
            kind=FactKind.KEY, user_id="", target="legacy", reason=RevocationReason.KEY_REVOKED
        )

        async def revoke_key() -> None:
            rows.put_fact(fact, rows.clock.now() + timedelta(hours=1))

        return Migrating(memory_stores(rows), MemoryDatedFacts(rows), revoke_key)
    migrating: Migrating = request.getfixturevalue("migrating_postgres")
    return migrating
