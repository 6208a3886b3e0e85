"""What the database holds in the place of a refresh token's id."""

from tokenauthority_server.domain.tokens import fingerprint


def test_a_fingerprint_is_the_sha_256_of_the_id() -> None:
    # FIPS 180-2, the first example of SHA-256.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint("abc").hex() == expected
