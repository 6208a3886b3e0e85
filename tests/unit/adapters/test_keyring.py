"""The ring knows which keys verify, which one signs, and what anyone may know of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.key_pairs import make_pair, pair_of
from unit.adapters.forging import KEY, NOW, SECRET, SYMMETRIC_KEY, key_of, make_key

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, symmetric_key
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.ports import PublicKeys
from tokenauthority_tokens.algorithms import ALGORITHMS


def ring_of(*keys: TokenKey, algorithm: str = "ES256") -> KeyRing:
    ring = KeyRing(algorithm)
    ring.replace(keys)
    return ring


def aged(state: KeyState, days: int, algorithm: str = "ES256") -> TokenKey:
    return make_key(algorithm, state, NOW - timedelta(days=days))


def test_nothing_is_known_before_it_is_loaded() -> None:
    ring = KeyRing("ES256")
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


def test_until_its_algorithm_has_an_active_key_the_newest_of_another_signs() -> None:
    older, newer = aged(KeyState.ACTIVE, 9), aged(KeyState.ACTIVE, 1, "EdDSA")
    prepared = aged(KeyState.PREPARED, 0, "EdDSA")
    assert ring_of(older, prepared, algorithm="EdDSA").current().signer() is older
    assert ring_of(older, newer, algorithm="RS256").current().signer() is newer
    assert ring_of(newer, older, algorithm="ES256").current().signer() is older


def test_where_keys_come_from_elsewhere_no_stored_one_signs() -> None:
    # Guard: else the former key of the database signed when the last file was gone.
    stored = aged(KeyState.ACTIVE, 0)
    ring = KeyRing("ES256", stored_keys_sign=False)
    ring.replace([stored])
    assert ring.current().keys.keys() == {stored.key_id}
    with pytest.raises(StoreUnavailableError):
        ring.current().signer()


def test_that_no_key_signs_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    ring = KeyRing("ES256")
    key = aged(KeyState.ACTIVE, 0)
    for keys in ([], [], [key], [key], [], []):
        ring.replace(keys)
    told = capsys.readouterr().out
    assert told.count("no key signs") == 2
    assert told.count(f"key_id={key.key_id}") == 1


def test_a_configured_key_signs_rather_than_a_newer_stored_one() -> None:
    configured, stored = aged(KeyState.ACTIVE, 9), aged(KeyState.ACTIVE, 0)
    ring = KeyRing("ES256")
    ring.replace([stored], configured=[configured])
    assert ring.current().signer() is configured
    ring.replace([stored], configured=[replace(configured, state=KeyState.RETIRED)])
    assert ring.current().signer() is stored
    ring.replace([stored], configured=[replace(configured, signing=None)])
    assert ring.current().signer() is stored


def test_of_several_configured_keys_the_first_one_of_the_algorithm_signs() -> None:
    other, first, second = (aged(KeyState.ACTIVE, 9, name) for name in ("EdDSA", "ES256", "ES256"))
    ring = KeyRing("ES256")
    ring.replace([aged(KeyState.ACTIVE, 0)], configured=[other, first, second])
    assert ring.current().signer() is first


def test_what_signs_is_what_unknown_tokens_are_checked_against() -> None:
    # So that they take as long as the usual ones.
    active = aged(KeyState.ACTIVE, 9)
    ring = ring_of(aged(KeyState.RETIRED, 1, "EdDSA"), active, aged(KeyState.PREPARED, 0, "EdDSA"))
    assert ring.current().verifying.decoy is active.verifying


def test_a_key_that_is_revoked_elsewhere_is_revoked_whatever_its_state_says() -> None:
    other = aged(KeyState.PREPARED, 0)
    for keys, configured in (([other], [KEY]), ([KEY, other], [])):
        ring = KeyRing("ES256")
        ring.replace(keys, configured=configured, revoked={KEY.key_id, "unknown"})
        known = ring.current()
        assert known.active is None
        assert [key.key_id for key in known.published] == [other.key_id]
        assert known.keys[KEY.key_id].state is KeyState.REVOKED
        assert known.verifying.keys[KEY.key_id].revoked
        with pytest.raises(StoreUnavailableError):
            known.signer_of(KEY.key_id)
        assert KEY.state is KeyState.ACTIVE


def test_a_key_whose_own_state_is_revoked_verifies_nothing() -> None:
    for configured in ([], [replace(KEY, state=KeyState.REVOKED)]):
        keys = [] if configured else [replace(KEY, state=KeyState.REVOKED)]
        ring = KeyRing("ES256")
        ring.replace(keys, configured=configured)
        assert ring.current().verifying.keys[KEY.key_id].revoked


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


def test_all_keys_are_exchanged_at_once() -> None:
    ring = ring_of(KEY, SYMMETRIC_KEY)
    former = ring.current()
    other = make_key()
    ring.replace([other])
    assert former.keys.keys() == former.verifying.keys.keys() == {KEY.key_id, SYMMETRIC_KEY.key_id}
    assert ring.current().keys.keys() == ring.current().verifying.keys.keys() == {other.key_id}


def test_two_keys_with_one_id_are_refused_and_change_nothing() -> None:
    ring = ring_of(KEY)
    former = ring.current()
    twin = replace(make_key(), verifying=replace(make_pair("EdDSA").verifying, key_id=KEY.key_id))
    for keys, configured in (([KEY, twin], []), ([KEY], [twin])):
        with pytest.raises(ValueError, match="same id"):
            ring.replace(keys, configured=configured)
        assert ring.current() is former


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
    assert key.verifying.verify(b"message", key.sign(b"message"))


@pytest.mark.parametrize("secret", [b"", b"short", SECRET[:31]])
def test_a_short_secret_is_refused_without_being_shown(secret: bytes) -> None:
    with pytest.raises(ValueError, match="JWT_SECRET_KEY must have at least 32 bytes") as refusal:
        symmetric_key(secret, KeyState.ACTIVE)
    assert "short" not in str(refusal.value)


def test_a_public_key_as_the_secret_is_refused() -> None:
    pem = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0C\n-----END PUBLIC KEY-----"
    with pytest.raises(ValueError, match="must be a secret, not a public key"):
        symmetric_key(pem, KeyState.ACTIVE)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_of_the_table_signs_what_it_verifies(name: str) -> None:
    key = key_of(pair_of(name))
    signature = key.sign(b"message")
    assert len(signature) == key.verifying.signature_bytes
    assert key.verifying.verify(b"message", signature)
    assert not key.verifying.verify(b"another message", signature)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_nothing_secret_of_a_key_is_shown(name: str) -> None:
    key = key_of(make_pair(name))
    shown = repr(key) + repr(ring_of(key).current())
    assert "signing=" not in shown
    assert " key=" not in shown
    assert "PrivateKey" not in shown
    assert SECRET.decode() not in shown
