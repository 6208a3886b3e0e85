"""The ring knows which keys verify, which one signs, and what anyone may know of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from unit.adapters.forging import KEY, NOW, SECRET, SYMMETRIC_KEY, es256_key

from tokenauthority_server.adapters.jwt.algorithms import ALGORITHMS, ES256, HS256
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, public_jwk, symmetric_key
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.ports import PublicKeys


def ring_of(*keys: TokenKey, algorithm: str = "ES256") -> KeyRing:
    ring = KeyRing(algorithm)
    ring.replace(keys)
    return ring


def aged(state: KeyState, days: int) -> TokenKey:
    return replace(es256_key(), state=state, create_time=NOW - timedelta(days=days))


def test_nothing_is_known_before_it_is_loaded() -> None:
    # Fixed keys do not count: a token of a key that is yet to be loaded must not be refused.
    for ring in (KeyRing("ES256"), KeyRing("HS256", [SYMMETRIC_KEY])):
        with pytest.raises(StoreUnavailableError):
            ring.current()
        with pytest.raises(StoreUnavailableError):
            ring.public_keys()


def test_an_empty_set_has_no_signer() -> None:
    ring = ring_of()
    assert list(ring.public_keys()) == []
    with pytest.raises(StoreUnavailableError):
        ring.current().signer()


def test_the_newest_active_key_of_the_rings_algorithm_signs() -> None:
    newest = aged(KeyState.ACTIVE, 1)
    symmetric = replace(SYMMETRIC_KEY, state=KeyState.ACTIVE)
    ring = ring_of(
        aged(KeyState.ACTIVE, 2), newest, aged(KeyState.PREPARED, 0), aged(KeyState.RETIRED, 0)
    )
    assert ring.current().signer() is newest
    assert ring_of(newest, symmetric, algorithm="HS256").current().signer() is symmetric
    assert ring_of(newest, symmetric).current().signer() is newest


def test_public_keys_are_newest_first_without_secret_or_revoked_ones() -> None:
    old, new = aged(KeyState.RETIRED, 9), aged(KeyState.PREPARED, 0)
    active = aged(KeyState.ACTIVE, 3)
    revoked = aged(KeyState.REVOKED, 1)
    keys: PublicKeys = ring_of(old, SYMMETRIC_KEY, active, revoked, new)
    assert [one.key_id for one in keys.public_keys()] == [new.key_id, active.key_id, old.key_id]
    assert [one.state for one in keys.public_keys()] == [
        KeyState.PREPARED,
        KeyState.ACTIVE,
        KeyState.RETIRED,
    ]


def test_a_public_key_is_what_the_key_says() -> None:
    key = replace(KEY, activate_time=NOW, retire_time=NOW + timedelta(days=1))
    (published,) = ring_of(key).public_keys()
    assert (published.key_id, published.algorithm) == (KEY.key_id, "ES256")
    assert (published.activate_time, published.retire_time) == (NOW, NOW + timedelta(days=1))
    jwk = json.loads(published.jwk)
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (jwk["kty"], jwk["crv"], jwk["kid"]) == ("EC", "P-256", KEY.key_id)
    assert (jwk["alg"], jwk["use"]) == ("ES256", "sig")


def test_all_keys_are_exchanged_at_once_but_the_fixed_ones() -> None:
    ring = KeyRing("ES256", [SYMMETRIC_KEY])
    ring.replace([KEY])
    former = ring.current()
    other = es256_key()
    ring.replace([other])
    assert former.keys.keys() == {KEY.key_id, SYMMETRIC_KEY.key_id}
    assert ring.current().keys.keys() == {other.key_id, SYMMETRIC_KEY.key_id}


def test_two_keys_with_one_id_are_refused_and_change_nothing() -> None:
    ring = ring_of(KEY)
    former = ring.current()
    with pytest.raises(ValueError, match="same id"):
        ring.replace([KEY, replace(es256_key(), key_id=KEY.key_id)])
    assert ring.current() is former


def test_the_id_of_a_key_pair_is_its_thumbprint() -> None:
    # The key of RFC 7517, appendix A.1; its thumbprint was computed apart from this code.
    x = 0x30A0424CD21C2944838A2D75C92B37E76EA20D9F00893A3B4EEE8A3C0AAFEC3E
    private = 0xF3BD0C07A81FB932781ED52752F60CC89A6BE5E51934FE01938DDB55D8F77801
    key = ec.derive_private_key(private, ec.SECP256R1())
    assert key.public_key().public_numbers().x == x
    key_id, jwk = public_jwk(key, ES256)
    assert key_id == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
    assert json.loads(jwk)["x"] == "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"


def test_the_id_of_the_symmetric_key_is_the_same_everywhere_and_is_no_hash_of_it() -> None:
    assert SYMMETRIC_KEY.key_id == "HWy3jw-s-S7Fl4sRdDofP9JSyTa3y4MN_caZx04E2YQ"
    assert symmetric_key(b"another secret of thirty-two bytes", KeyState.ACTIVE).key_id != (
        SYMMETRIC_KEY.key_id
    )


def test_the_symmetric_key_is_of_no_age() -> None:
    assert SYMMETRIC_KEY.create_time == datetime(1970, 1, 1, tzinfo=UTC)
    assert SYMMETRIC_KEY.jwk == ""


@given(st.binary(min_size=32, max_size=80))
def test_any_secret_of_the_right_length_is_a_key_or_a_value_error(secret: bytes) -> None:
    try:
        key = symmetric_key(secret, KeyState.ACTIVE)
    except ValueError:
        return
    assert key.verify(b"message", key.sign(b"message"))


@pytest.mark.parametrize("secret", [b"", b"short", SECRET[:31]])
def test_a_short_secret_is_refused_without_being_shown(secret: bytes) -> None:
    with pytest.raises(ValueError, match="JWT_SECRET_KEY must have at least 32 bytes") as refusal:
        symmetric_key(secret, KeyState.ACTIVE)
    assert "short" not in str(refusal.value)


def test_a_public_key_as_the_secret_is_refused() -> None:
    pem = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0C\n-----END PUBLIC KEY-----"
    with pytest.raises(ValueError, match="must be a secret, not a public key"):
        symmetric_key(pem, KeyState.ACTIVE)


def test_every_algorithm_of_the_table_signs_what_it_verifies_in_the_size_that_it_says() -> None:
    assert ALGORITHMS == {"ES256": ES256, "HS256": HS256}
    for key in (KEY, SYMMETRIC_KEY):
        signature = key.sign(b"message")
        assert len(signature) == key.algorithm.signature_bytes
        assert key.verify(b"message", signature)
        assert not key.verify(b"another message", signature)


def test_nothing_secret_of_a_key_is_shown() -> None:
    for key in (KEY, SYMMETRIC_KEY):
        assert "signing" not in repr(key)
        assert "verifying" not in repr(key)
    assert SECRET.decode() not in repr(SYMMETRIC_KEY)
    assert SECRET.decode() not in repr(ring_of(SYMMETRIC_KEY).current())
