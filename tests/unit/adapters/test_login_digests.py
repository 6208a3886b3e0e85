"""Digests of names and sources."""

from tokenauthority_server.adapters.login_digests import KeyedDigests
from tokenauthority_server.adapters.sealing import EncryptionKeys

ONE, OTHER = bytes(range(32)), bytes(range(1, 33))


def test_every_process_derives_the_same() -> None:
    first, second = (KeyedDigests(EncryptionKeys([ONE, *more])) for more in ([], [OTHER]))
    digest = first.digest("name", "ada")
    assert digest == second.digest("name", "ada")
    assert len(digest) == 32


def test_no_two_are_alike() -> None:
    digests = KeyedDigests(EncryptionKeys([ONE]))
    made = [
        digests.digest("name", "ada"),
        digests.digest("source", "ada"),
        digests.digest("name", "ad", "a"),
        digests.digest("name", "ad,a"),
        digests.digest("name", 'ad", "a'),
        KeyedDigests(EncryptionKeys([OTHER])).digest("name", "ada"),
    ]
    assert len(set(made)) == len(made)
