"""Keys in an administrator's hands."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, ORIGIN, PHONE
from support.use_cases import EVERYTHING, TERMS, Authority, authority

from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest
from tokenauthority_server.domain.tokens import InactiveReason, TokenType

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
KEYS = EncryptionKeys([OLD])
ASKED = CreateRequest(user_id=ADA.user_id, profile=ADA, device=PHONE)


async def states(here: Authority) -> list[KeyState]:
    return [key.state for key in await here.keys.list_keys()]


async def test_the_first_rotation_needs_no_wait_and_later_ones_do(here: Authority) -> None:
    activated = await here.keys.activate("", ORIGIN)
    here.database.clock.advance(timedelta(seconds=1))
    await here.rotation.tick()
    assert here.codec.active_key_id() == activated.key_id
    with pytest.raises(errors.KeyStateError, match="may be activated from"):
        await here.keys.activate("", ORIGIN)
    here.database.clock.advance(TERMS.published_for)
    assert (await here.keys.activate("", ORIGIN)).key_id != activated.key_id


async def test_a_key_is_prepared_for_the_algorithm_that_signs_or_for_another(
    here: Authority,
) -> None:
    assert (await here.keys.prepare("", ORIGIN)).algorithm == "ES256"
    assert (await here.keys.prepare("RS256", ORIGIN)).algorithm == "RS256"
    assert (await states(here)).count(KeyState.PREPARED) == 3


@pytest.mark.parametrize("algorithm", ["HS256", "none", "es256", "ES256 "])
async def test_no_other_algorithm_has_keys(here: Authority, algorithm: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match="algorithm: must be one of ES256, EdDSA"):
        await here.keys.prepare(algorithm, ORIGIN)


async def test_the_key_that_signs_is_not_retired_but_a_prepared_one_is(here: Authority) -> None:
    found = {key.state: key.key_id for key in await here.keys.list_keys()}
    prepared, active = found[KeyState.PREPARED], found[KeyState.ACTIVE]
    with pytest.raises(errors.KeyStateError):
        await here.keys.retire(active, ORIGIN)
    assert (await here.keys.retire(prepared, ORIGIN)).state is KeyState.RETIRED
    with pytest.raises(errors.KeyStateError):
        await here.keys.activate(prepared, ORIGIN)


async def test_the_key_that_goes_on_for_a_new_algorithm_is_not_retired_either(
    here: Authority,
) -> None:
    # Guard: by the algorithm alone it went, and a key that nobody had fetched yet signed.
    here.database.clock.advance(timedelta(seconds=1))
    changed = await authority(here.database, KEYS, "EdDSA")
    with pytest.raises(errors.KeyStateError, match="the one that signs"):
        await changed.keys.retire(here.codec.active_key_id(), ORIGIN)


async def test_no_key_is_stored_beside_some_that_cannot_be_opened(here: Authority) -> None:
    # Guard: without the proof it was, and no process could follow the keys any more.
    strangers = await _with(here, EncryptionKeys([NEW]))
    with pytest.raises(errors.SigningKeyError):
        await strangers.keys.prepare("", ORIGIN)
    with pytest.raises(errors.SigningKeyError):
        await strangers.keys.revoke(here.codec.active_key_id(), ORIGIN)
    assert len(await here.keys.list_keys()) == 2


async def test_the_last_key_of_an_algorithm_that_is_left_is_retired(here: Authority) -> None:
    left = here.codec.active_key_id()
    changed = await authority(here.database, KEYS, "EdDSA")
    here.database.clock.advance(TERMS.published_for)
    await changed.rotation.tick()
    assert (await changed.keys.retire(left, ORIGIN)).state is KeyState.RETIRED


@pytest.mark.parametrize("method", ["activate", "retire", "revoke"])
async def test_an_unknown_key_is_not_found(here: Authority, method: str) -> None:
    with pytest.raises(errors.KeyNotFoundError):
        await getattr(here.keys, method)("unknown", ORIGIN)


async def test_a_revoked_key_takes_its_tokens_and_sessions_with_it(here: Authority) -> None:
    stolen = here.codec.active_key_id()
    other = await authority(here.database, KEYS)
    pair = await here.issuing.create_pair(ASKED, ORIGIN)

    revoked = await here.keys.revoke(stolen, ORIGIN)

    assert revoked.key is not None
    assert (revoked.key.state, revoked.sessions) == (KeyState.REVOKED, 1)
    assert revoked.effective_everywhere
    # Neither process has looked at the keys since.
    for each in (here, other):
        verdict = await each.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
        assert verdict.reason is InactiveReason.KEY_REVOKED
        assert verdict.revocation_reason is RevocationReason.KEY_REVOKED
        with pytest.raises(errors.RefreshTokenInvalidError):
            await each.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    assert (await here.listing.list_sessions(ADA.user_id, 0, "")).sessions == ()
    assert stolen not in {key.key_id for key in (await _fresh(here)).ring.public_keys()}


async def test_what_it_signed_ends_no_session_though_nobody_here_has_heard_of_it(
    here: Authority,
) -> None:
    # Guard: Revoke believed it until the next tick, and so anybody's session could be ended.
    pair = await here.issuing.create_pair(ASKED, ORIGIN)
    stolen = here.codec.active_key_id()
    await here.keys.activate("", ORIGIN)
    await here.rotation.tick()
    victim = await here.refreshing.refresh(pair.refresh_token, PHONE, ORIGIN)
    other = await authority(here.database, KEYS)
    await here.keys.revoke(stolen, ORIGIN)
    # Signed by the stolen key, and naming a session of another: as good as any forgery.
    for each in (here, other, await _fresh(here)):
        done = await each.revoking.revoke_token(pair.refresh_token, RevocationReason.LOGOUT, ORIGIN)
        assert (done.sessions, done.effective_everywhere) == (0, True)
    verdict = await here.validating.validate(victim.pair.access_token, TokenType.ACCESS, EVERYTHING)
    assert verdict.reason is None


async def test_its_successor_signs_from_the_same_moment_also_where_nobody_has_heard_of_it(
    here: Authority,
) -> None:
    # Guard: without trying again with the key that signs now, this was UNAVAILABLE for seconds.
    earlier = await here.issuing.create_pair(ASKED, ORIGIN)
    await here.keys.activate("", ORIGIN)
    await here.rotation.tick()
    other = await authority(here.database, KEYS)
    await here.keys.revoke(here.codec.active_key_id(), ORIGIN)
    created = await other.issuing.create_pair(ASKED, ORIGIN)
    refreshed = await here.refreshing.refresh(earlier.refresh_token, PHONE, ORIGIN)
    for pair in (created, refreshed.pair):
        for each in (here, other):
            verdict = await each.validating.validate(
                pair.access_token, TokenType.ACCESS, EVERYTHING
            )
            assert verdict.reason is None


async def test_two_keys_that_are_revoked_in_a_row_leave_one_that_signs(here: Authority) -> None:
    for _ in range(3):
        await here.keys.revoke((await _fresh(here)).codec.active_key_id(), ORIGIN)
    pair = await here.issuing.create_pair(ASKED, ORIGIN)
    verdict = await here.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    assert verdict.reason is None
    assert (await states(here)).count(KeyState.ACTIVE) == 1


async def test_a_key_that_is_kept_elsewhere_dies_by_its_fact(here: Authority) -> None:
    revoked = await here.keys.revoke_elsewhere("in a file", ORIGIN)
    assert (revoked.key, revoked.sessions, revoked.effective_everywhere) == (None, 0, True)
    assert "in a file" in (await here.rotation.store.load()).revoked_key_ids


async def test_no_stored_key_is_activated_where_a_setting_brings_the_one_that_signs(
    here: Authority,
) -> None:
    keys = replace(here.keys, algorithm="")
    with pytest.raises(errors.KeyStateError, match="SIGNING_KEYS_DIR"):
        await keys.activate("", ORIGIN)
    # The last stored one can go.
    assert (await keys.retire(here.codec.active_key_id(), ORIGIN)).state is KeyState.RETIRED


async def test_all_keys_are_sealed_anew_by_the_first_encryption_key(here: Authority) -> None:
    both = await authority(here.database, EncryptionKeys([NEW, OLD]))
    assert await both.keys.rewrap() == (2, 2)
    assert await both.keys.rewrap() == (0, 2)
    alone = await authority(here.database, EncryptionKeys([NEW]))
    assert alone.codec.active_key_id() == here.codec.active_key_id()
    with pytest.raises(errors.SigningKeyError):
        await authority(here.database, EncryptionKeys([OLD]))


async def test_where_the_encryption_key_is_lost_all_begins_anew(here: Authority) -> None:
    # Guard: while revoked keys had to be opened too, no process ever started again.
    strangers = await _with(here, EncryptionKeys([NEW]))
    stored = await strangers.keys.list_keys()
    for key in sorted(stored, key=lambda key: key.state is KeyState.ACTIVE):
        await strangers.keys.revoke(key.key_id, ORIGIN, with_lost_encryption_key=True)
    begun = await authority(here.database, EncryptionKeys([NEW]))
    pair = await begun.issuing.create_pair(ASKED, ORIGIN)
    verdict = await begun.validating.validate(pair.access_token, TokenType.ACCESS, EVERYTHING)
    assert verdict.reason is None


async def test_what_nothing_opens_is_not_sealed_anew(here: Authority) -> None:
    strangers = await _with(here, EncryptionKeys([NEW]))
    with pytest.raises(errors.SigningKeyError):
        await strangers.keys.rewrap()


async def _fresh(here: Authority) -> Authority:
    """Another process, which has just looked at the keys."""
    return await authority(here.database, KEYS)


async def _with(here: Authority, keys: EncryptionKeys) -> Authority:
    """A process that looks after the keys and has loaded none."""
    return await authority(here.database, keys, started=False)


def test_terms_leave_time_for_verifiers() -> None:
    assert TERMS.published_for >= timedelta(minutes=10)
