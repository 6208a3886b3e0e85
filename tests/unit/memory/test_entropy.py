from base64 import urlsafe_b64decode

from tokenauthority_server.adapters.memory import MemoryEntropy


def test_names_are_of_the_contracts_form_and_never_repeat() -> None:
    entropy = MemoryEntropy()
    names = [entropy.session_id() for _ in range(1_000)]
    assert len(set(names)) == 1_000
    for name in names:
        prefix, encoded = name[:5], name[5:]
        assert prefix == "sess_"
        assert len(urlsafe_b64decode(encoded + "=")) == 32


def test_a_seed_decides_the_names() -> None:
    first, again, other = MemoryEntropy("a"), MemoryEntropy("a"), MemoryEntropy("b")
    names = [[entropy.session_id() for _ in range(3)] for entropy in (first, again, other)]
    assert names[0] == names[1]
    assert not set(names[0]) & set(names[2])
