"""Validation asks the memory under a lease, and the database without one."""

from unit.revocation.hand_ticks import turns
from unit.revocation.processes import TERMS, Process, World, claims, running

from tokenauthority_server.domain.revocations import CheckSource


async def test_memory_under_a_lease_and_the_database_without_one() -> None:
    world = World()
    world.commit("a")
    one = Process(world)
    tokens = [claims("a"), claims("b")]
    assert one.view.check_now(tokens[0]) is None
    answered = await one.view.check(tokens)
    assert answered.source is CheckSource.DATABASE
    async with running(one.verifier.run):
        checks = [one.view.check_now(token) for token in tokens]
        assert [check and check.source for check in checks] == [CheckSource.LEASED_VIEW] * 2
        leased = await one.view.check(tokens)
        assert leased.source is CheckSource.LEASED_VIEW
        assert [check and check.deaths[0] for check in checks] == list(leased.deaths)
        assert leased.deaths == answered.deaths
        assert one.view.counts() == {"alive": 2, "dead": 2, "database": 2}
        world.ticks.jump(TERMS.usable)
        assert one.view.check_now(tokens[0]) is None
        assert (await one.view.check(tokens)).source is CheckSource.DATABASE
        await turns()
