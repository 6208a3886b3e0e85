from collections.abc import AsyncIterator

import pytest
from unit.client.scripted_authority import ScriptedAuthority, serving

from tokenauthority_client import TokenAuthorityClient


@pytest.fixture
async def authority() -> AsyncIterator[ScriptedAuthority]:
    async with serving(ScriptedAuthority()) as running:
        yield running


@pytest.fixture
async def client(authority: ScriptedAuthority) -> AsyncIterator[TokenAuthorityClient]:
    async with TokenAuthorityClient(authority.address) as opened:
        yield opened
