"""A profile within the budget always gives tokens within the limit, and little is given away."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.key_pairs import pair_of
from unit.adapters.forging import CODEC, KEY, SYMMETRIC_KEY, codec, key_of
from unit.tokens.forging import AUDIENCE, ISSUER, b64

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.domain.errors import ProfileTooLargeError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.tokens import MAX_TOKEN_BYTES, Claims, TokenType
from tokenauthority_server.domain.users import Profile
from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens.algorithms import ALGORITHMS

LAST_TIME_OF_TEN_DIGITS = 9_999_999_999
LAST_EPOCH = 2**63 - 1

characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
short = st.text(characters, max_size=60)
lists = st.lists(st.text(characters, max_size=200), max_size=40).map(tuple)
device_ids = st.text(characters, max_size=128)
scopes = st.lists(st.text(characters, max_size=128), max_size=64).map(tuple)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    return Profile(
        user_id=draw(short.filter(bool)),
        username=draw(short),
        email=draw(short),
        roles=draw(lists),
        permissions=draw(lists),
    )


def claims_of(
    token_type: TokenType, profile: Profile, device_id: str, scope: tuple[str, ...]
) -> Claims:
    """The claims with the widest times and epochs."""
    return Claims(
        token_type=token_type,
        user_id=profile.user_id,
        session_id="sess_" + b64(bytes(32)),
        token_id=b64(bytes(32)),
        issue_time=LAST_TIME_OF_TEN_DIGITS,
        expire_time=LAST_TIME_OF_TEN_DIGITS,
        epoch=LAST_EPOCH,
        device_id=device_id,
        scope=scope,
        username=profile.username,
        email=profile.email,
        roles=profile.roles,
        permissions=profile.permissions,
        profile_epoch=LAST_EPOCH,
    )


def pad(profile: Profile, verifier: TokenCodec, size: int) -> Profile:
    """The profile with a permission that brings it to that size, or as it is when it is larger."""
    padded = replace(profile, permissions=(*profile.permissions, ""))
    missing = size - verifier.profile_size(padded)
    return (
        replace(padded, permissions=(*profile.permissions, "x" * missing))
        if missing > 0
        else profile
    )


def longest(
    verifier: TokenCodec,
    profile: Profile,
    device_id: str,
    scope: tuple[str, ...],
    keys: Sequence[TokenKey] = (KEY,),
) -> int:
    return max(
        len(verifier.sign(replace(claims_of(one, profile, device_id, scope), key_id=key.key_id)))
        for one in TokenType
        for key in keys
    )


@settings(max_examples=300)
@given(profiles(), device_ids, scopes)
def test_within_the_budget_both_tokens_fit(
    profile: Profile, device_id: str, scope: tuple[str, ...]
) -> None:
    budget = CODEC.profile_budget(device_id, scope)
    filled = pad(profile, CODEC, budget)
    assume(CODEC.profile_size(filled) <= budget)
    assert longest(CODEC, filled, device_id, scope) <= MAX_TOKEN_BYTES


@settings(max_examples=300)
@given(profiles(), device_ids, scopes)
def test_three_bytes_above_the_budget_nothing_fits(
    profile: Profile, device_id: str, scope: tuple[str, ...]
) -> None:
    # One key and our issuer, no longer than the audience: then nothing at all is given away.
    single = codec(KEY)
    budget = single.profile_budget(device_id, scope)
    over = pad(profile, single, max(0, budget) + 3)
    assume(single.profile_size(over) >= budget + 3)
    with pytest.raises(ProfileTooLargeError):
        longest(single, over, device_id, scope)


@given(profiles())
def test_the_size_is_what_the_profile_takes(profile: Profile) -> None:
    claims = claims_of(TokenType.ACCESS, profile, "", ())
    nobody = replace(claims, user_id="", username="", email="", roles=(), permissions=())
    size = len(payloads.write(claims)) - len(payloads.write(nobody))
    # An empty profile is an object of two bytes, and here the comma after it is not there either.
    assert CODEC.profile_size(profile) == size + 1


def test_known_sizes() -> None:
    # The directory keeps the size of a profile, so another release may not count otherwise.
    profile = Profile(user_id="u", username="é", roles=("a", "b"))
    assert CODEC.profile_size(profile) == len(
        '{"sub":"u","username":"é","roles":["a","b"]}'.encode()
    )


@pytest.mark.parametrize(
    ("issuer", "audience"),
    [(ISSUER, AUDIENCE), ("i" * 200, "a"), ("i", "a" * 200), ("é" * 100, "日本")],
    ids=["usual", "long issuer", "long audience", "not ASCII"],
)
@pytest.mark.parametrize("names", [*((name,) for name in ALGORITHMS), tuple(ALGORITHMS)])
def test_the_guarantee_holds_for_any_issuer_audience_and_key(
    issuer: str, audience: str, names: tuple[str, ...]
) -> None:
    keys = [key_of(pair_of(name)) for name in names]
    ring = KeyRing("ES256")
    ring.replace(keys)
    verifier = TokenCodec(ring, issuer=issuer, audience=audience)
    budget = verifier.profile_budget("device", ("scope",))
    # A profile that is all user_id is the whole of it in a refresh token too.
    bare = verifier.profile_size(Profile(user_id="", username=""))
    profile = Profile(user_id="x" * (budget - bare - len('"sub":""')), username="")
    assert verifier.profile_size(profile) == budget
    widest = longest(verifier, profile, "device", ("scope",), keys)
    assert MAX_TOKEN_BYTES - 4 < widest <= MAX_TOKEN_BYTES


def test_device_and_scope_alone_may_be_too_much() -> None:
    assert CODEC.profile_budget("d" * 128, ("s" * 128,) * 64) < 0
    assert CODEC.profile_budget("", ()) > 5000


def test_a_symmetric_key_leaves_room_for_more() -> None:
    active = replace(SYMMETRIC_KEY, state=KeyState.ACTIVE)
    assert codec(active, algorithm="HS256").profile_budget("", ()) > codec(KEY).profile_budget(
        "", ()
    )
