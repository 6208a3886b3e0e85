"""Taking users over, a batch at a time; and erasing one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from support.asking import ADA, ORIGIN, PROFILE_SIZE, access_claims, new_session
from support.memory_stores import memory_stores
from support.steps import create, delete_user

from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemoryErasure,
    MemoryPropagation,
    MemoryUserImporter,
)
from tokenauthority_server.domain.errors import StoreUnavailableError, UserNotDeletedError
from tokenauthority_server.domain.imports import Imported, ImportedUser
from tokenauthority_server.domain.revocations import About
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import Profile
from tokenauthority_server.services.erasing import BATCH as ERASED_AT_ONCE
from tokenauthority_server.services.erasing import Erasing
from tokenauthority_server.services.importing import BATCH, Importing, Line, Outcome


def user(number: int) -> ImportedUser:
    profile = Profile(user_id=f"u-{number}", username=f"n-{number}")
    return ImportedUser(profile=profile, profile_size=PROFILE_SIZE)


def lines(count: int) -> Iterator[Line]:
    """Every tenth is none."""
    for number in range(1, count + 1):
        if number % 10:
            yield Line(number=number, user=user(number))
        else:
            yield Line(number=number, problems=("is no user",))


class Batches(MemoryUserImporter):
    """Remembers how many came at once, and is away after some."""

    def __init__(self, database: MemoryDatabase, last: int = 1_000) -> None:
        super().__init__(database)
        self.sizes: list[int] = []
        self._last = last

    async def put_all(
        self,
        users: Sequence[ImportedUser],
        origin: Origin,
        *,
        replace_passwords: bool,
        dry_run: bool,
    ) -> Sequence[Imported]:
        if len(self.sizes) == self._last:
            raise StoreUnavailableError("PostgreSQL")
        self.sizes.append(len(users))
        return await super().put_all(
            users, origin, replace_passwords=replace_passwords, dry_run=dry_run
        )


def over(importer: Batches, *, reaches: bool = True) -> Importing:
    propagation = MemoryPropagation(importer._database, reaches=reaches)
    return Importing(importer=importer, propagation=propagation)


async def taken(importing: Importing, given: Iterator[Line]) -> list[Outcome]:
    return [one async for one in importing.take_over(given, ORIGIN)]


async def test_every_line_has_its_outcome_in_order() -> None:
    database = MemoryDatabase()
    importer = Batches(database)
    count = 2 * BATCH + 15
    found = await taken(over(importer), lines(count))
    assert [one.line.number for one in found] == list(range(1, count + 1))
    for one in found:
        wanted = None if one.line.number % 10 == 0 else Imported.CREATED
        assert one.imported is wanted
    assert importer.sizes == [BATCH * 9 // 10] * 2 + [14]
    assert len(database.users) == sum(importer.sizes)


async def test_lines_that_are_all_none_ask_nothing() -> None:
    importer = Batches(MemoryDatabase())
    bad = [Line(number=at, problems=("x",)) for at in range(3)]
    found = await taken(over(importer), iter(bad))
    assert [one.imported for one in found] == [None] * 3
    assert importer.sizes == []


async def test_what_was_done_before_a_failure_is_done() -> None:
    database = MemoryDatabase()
    importing = over(Batches(database, last=1))
    outcomes = importing.take_over(lines(BATCH + 5), ORIGIN)
    for number in range(1, BATCH + 1):
        assert (await anext(outcomes)).line.number == number
    with pytest.raises(StoreUnavailableError):
        await anext(outcomes)
    again = await taken(over(Batches(database)), lines(BATCH))
    assert {one.imported for one in again} == {None, Imported.UNCHANGED}


async def test_a_dry_run_changes_nothing() -> None:
    database = MemoryDatabase()
    importing = replace(over(Batches(database)), dry_run=True)
    assert (await taken(importing, lines(3)))[0].imported is Imported.CREATED
    assert database.users == {}


async def test_what_a_batch_has_ended_is_published_with_it() -> None:
    database = MemoryDatabase()
    await create(memory_stores(database), new_session())
    access = access_claims(await create(memory_stores(database), new_session()))
    inactive = ImportedUser(profile=ADA, profile_size=PROFILE_SIZE, active=False)
    # What was ended by an earlier run is published again: that one may not have come to it.
    for imported in (Imported.CHANGED, Imported.UNCHANGED):
        propagation = MemoryPropagation(database)
        importing = Importing(importer=MemoryUserImporter(database), propagation=propagation)
        (found,) = await taken(importing, iter([Line(number=1, user=inactive)]))
        assert (found.imported, found.published) == (imported, True)
        assert propagation.death(access) is None
        await propagation.settle(About())
        assert propagation.death(access) is not None


async def test_what_could_not_be_published_is_told() -> None:
    importing = over(Batches(MemoryDatabase()), reaches=False)
    assert [one.published for one in await taken(importing, lines(2))] == [False, False]
    dry = replace(importing, dry_run=True)
    assert [one.published for one in await taken(dry, lines(2))] == [True, True]


async def test_a_person_is_erased_in_batches() -> None:
    database = MemoryDatabase()
    stores = memory_stores(database)
    for _ in range(ERASED_AT_ONCE + 1):
        await create(stores, new_session())
    erasing = Erasing(MemoryErasure(database))
    with pytest.raises(UserNotDeletedError):
        await erasing.erase(ADA.user_id, ORIGIN)
    await delete_user(stores, ADA.user_id)
    # A row for each session, one for its event, and those of the counts.
    assert await erasing.erase(ADA.user_id, ORIGIN) == 2 * (ERASED_AT_ONCE + 1) + 1
    assert await erasing.erase(ADA.user_id, ORIGIN) == 0
