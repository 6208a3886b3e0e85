"""What a command promises that cannot tell the servers: nothing."""

from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.domain.revocations import about_user
from tokenauthority_server.propagation import Untold


async def test_nothing_is_promised() -> None:
    untold: Propagation = Untold()
    await untold.publish_new()
    assert not await untold.publish(about_user("u-1"))
    assert not await untold.settle(about_user("u-1"))
