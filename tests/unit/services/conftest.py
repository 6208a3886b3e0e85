import pytest
from support.use_cases import Authority, authority

from tokenauthority_server.adapters.memory import MemoryDatabase
from tokenauthority_server.adapters.sealing import EncryptionKeys


@pytest.fixture
async def here() -> Authority:
    return await authority(MemoryDatabase(), EncryptionKeys([bytes(range(32))]))
