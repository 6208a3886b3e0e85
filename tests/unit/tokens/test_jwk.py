"""A public key is read from its one spelling as a JWK, for verifying signatures and no more."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.key_pairs import SECRET, KeyPair
from unit.tokens.forging import ACCESS, PAIRS, b64, issued, issued_by, verdict

from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import (
    ALGORITHMS,
    ES256,
    UnfitKeyError,
)
from tokenauthority_tokens.keys import KeySet

KEY_PAIRS = [name for name, algorithm in ALGORITHMS.items() if not algorithm.is_symmetric]
PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]


def members_of(name: str) -> dict[str, Any]:
    key = PAIRS[name].verifying
    members: dict[str, Any] = json.loads(jwk.write(key.key, key.algorithm, key.key_id))
    return members


def private_members_of(pair: KeyPair) -> dict[str, Any]:
    return dict(pair.verifying.algorithm.scheme.to_jwk(pair.private, as_dict=True))


ES256_JWK, EDDSA_JWK, RS256_JWK = (members_of(name) for name in ("ES256", "EdDSA", "RS256"))


def refusal(members: Mapping[str, object] | str) -> str:
    text = members if isinstance(members, str) else json.dumps(members)
    with pytest.raises(UnfitKeyError) as refused:
        jwk.public_key(text)
    # What could not be read hangs on the library's errors.
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_what_is_written_is_read(name: str) -> None:
    key = PAIRS[name].verifying
    text = jwk.write(key.key, key.algorithm, key.key_id)
    again = jwk.public_key(text)
    assert (again.key_id, again.algorithm, again.revoked) == (key.key_id, key.algorithm, False)
    assert jwk.write(again.key, again.algorithm, again.key_id) == text
    assert verdict(issued(ACCESS, PAIRS[name]), KeySet.of([again])) == issued_by(PAIRS[name])


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("ES256", {"kty", "crv", "x", "y"}),
        ("EdDSA", {"kty", "crv", "x"}),
        ("RS256", {"kty", "n", "e"}),
        ("PS256", {"kty", "n", "e"}),
    ],
)
def test_what_is_written(name: str, members: set[str]) -> None:
    written = members_of(name)
    assert written.keys() == members | {"kid", "alg", "use"}
    assert (written["kid"], written["alg"], written["use"]) == (PAIRS[name].key_id, name, "sig")


@pytest.mark.parametrize("name", PAIRS)
def test_nothing_private_is_written_whatever_is_handed_in(name: str) -> None:
    pair = PAIRS[name]
    written = jwk.write(pair.private, pair.verifying.algorithm, "key")
    assert json.loads(written).keys() & set(PRIVATE) == set()
    assert b64(SECRET) not in written


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_members_that_are_not_needed_may_be_absent_or_there(name: str) -> None:
    members = members_of(name)
    for more in ({"key_ops": ["verify"]}, {"ext": True}, {"x5t": "AAAA"}):
        assert jwk.public_key(json.dumps({**members, **more})).key_id == PAIRS[name].key_id
    del members["use"], members["alg"]
    # Of the two for RSA keys it is the older one.
    expected = "RS256" if name == "PS256" else name
    assert jwk.public_key(json.dumps(members)).algorithm.name == expected


@pytest.mark.parametrize("name", KEY_PAIRS)
@pytest.mark.parametrize("member", PRIVATE)
def test_private_members_are_refused_even_if_they_are_wrong_or_empty(
    name: str, member: str
) -> None:
    for value in ("AQAB", "", None):
        assert "private members" in refusal({**members_of(name), member: value})


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_a_private_key_is_refused_as_a_public_one(name: str) -> None:
    private = {**private_members_of(PAIRS[name]), "kid": "key"}
    assert "private members" in refusal(private)


def test_a_secret_is_refused() -> None:
    members = {"kty": "oct", "k": b64(SECRET), "kid": "key", "alg": "HS256"}
    assert "private members" in refusal(members)
    del members["k"]
    assert "kty" in refusal(members)


@pytest.mark.parametrize("use", ["enc", "", "SIG", "sig ", None, 1, True, ["sig"], {}])
def test_another_use_is_refused(use: object) -> None:
    # An object is refused before, since no member of ours is one.
    assert "use" in refusal({**ES256_JWK, "use": use}) or use == {}


@pytest.mark.parametrize(
    "operations",
    [
        [],
        ["sign"],
        ["encrypt"],
        ["VERIFY"],
        ["verify "],
        "verify",
        "sign,verify",
        None,
        1,
        [["verify"]],
    ],
)
def test_other_operations_are_refused(operations: object) -> None:
    assert "key_ops" in refusal({**ES256_JWK, "key_ops": operations})


def test_a_key_may_be_for_more_than_verifying() -> None:
    members = {**ES256_JWK, "key_ops": ["sign", "verify"]}
    assert jwk.public_key(json.dumps(members)).algorithm is ES256


@pytest.mark.parametrize("kty", ["ec", "oct", "", "AKP", None, 1, ["EC"], "EC "])
def test_another_kty_is_refused(kty: object) -> None:
    assert "kty" in refusal({**ES256_JWK, "kty": kty})


@pytest.mark.parametrize("members", [ES256_JWK, EDDSA_JWK, RS256_JWK], ids=["EC", "OKP", "RSA"])
def test_the_kty_of_another_key_is_refused(members: Mapping[str, object]) -> None:
    for kty in {"EC", "OKP", "RSA"} - {members["kty"]}:
        assert refusal({**members, "kty": kty})


@pytest.mark.parametrize(
    "alg", ["HS256", "none", "ES384", "es256", "", None, 1, ["ES256"], "ES256 "]
)
def test_an_alg_that_is_not_known_is_refused(alg: object) -> None:
    for members in (ES256_JWK, EDDSA_JWK, RS256_JWK):
        assert "alg" in refusal({**members, "alg": alg})


@pytest.mark.parametrize("name", KEY_PAIRS)
@pytest.mark.parametrize("other", KEY_PAIRS)
def test_the_alg_of_another_kind_of_key_is_refused(name: str, other: str) -> None:
    members = {**members_of(name), "alg": other}
    if members_of(other)["kty"] == members["kty"]:
        assert jwk.public_key(json.dumps(members)).algorithm.name == other
    else:
        assert "alg" in refusal(members)


@pytest.mark.parametrize("key_id", ["", None, 7, True, ["key"]])
def test_a_kid_that_is_none_is_refused(key_id: object) -> None:
    assert "no kid" in refusal({**ES256_JWK, "kid": key_id})


def test_a_missing_kid_is_refused() -> None:
    members = {name: value for name, value in ES256_JWK.items() if name != "kid"}
    assert "no kid" in refusal(members)


@pytest.mark.parametrize("key_id", ["k\n", "\0", "schlüssel", "日本", "\ud800", "a\tb", "\x7f"])
def test_a_kid_that_no_header_and_no_log_should_hold_is_refused(key_id: str) -> None:
    assert "printable" in refusal({**ES256_JWK, "kid": key_id})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{",
        "{}{}",
        '{"kty":"EC","kty":"RSA"}',
        '{"kty":"EC","\\u006bty":"EC"}',
        '{"kty":{"kty":"EC"}}',
        "\ufeff{}",
        "\ud800",
        '{"a":1.5}',
    ],
)
def test_what_is_no_object_with_each_member_once_is_refused(text: str) -> None:
    assert "JSON object" in refusal(text)


@pytest.mark.parametrize("member", ["kty", "crv", "x", "y", "kid", "alg", "use"])
def test_any_member_that_stands_twice_is_refused(member: str) -> None:
    text = json.dumps(ES256_JWK)
    twice = f"{text[:-1]},{json.dumps(member)}:{json.dumps(ES256_JWK[member])}}}"
    assert json.loads(twice) == ES256_JWK
    assert "JSON object" in refusal(twice)


def test_a_jwk_that_is_too_long_is_refused() -> None:
    text = json.dumps(ES256_JWK)
    fitting = text + " " * (jwk.MAX_JWK_BYTES - len(text))
    assert jwk.public_key(fitting).key_id == ES256_JWK["kid"]
    assert f"more than {jwk.MAX_JWK_BYTES} bytes" in refusal(fitting + " ")


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_a_member_of_the_key_that_is_missing_is_refused(name: str) -> None:
    for missing in PAIRS[name].verifying.algorithm.thumbprint_members:
        members = {one: value for one, value in members_of(name).items() if one != missing}
        assert refusal(members)


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_is_refused(text: str) -> None:
    assert refusal(text)


@given(
    st.sampled_from([ES256_JWK, EDDSA_JWK, RS256_JWK]),
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"]),
    st.text() | st.integers() | st.none() | st.booleans() | st.lists(st.text()),
)
def test_any_member_of_any_value_gives_the_key_or_is_refused(
    members: Mapping[str, str], name: str, value: object
) -> None:
    changed = json.dumps({**members, name: value})
    try:
        key = jwk.public_key(changed)
    except UnfitKeyError:
        return
    written = json.loads(jwk.write(key.key, key.algorithm, key.key_id))
    assert {**members, "alg": written["alg"], "kid": written["kid"]} == written


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_of_a_private_jwk_the_public_half_alone_is_loaded(name: str) -> None:
    pair, algorithm = PAIRS[name], ALGORITHMS[name]
    public = jwk.load(private_members_of(pair), algorithm)
    assert not hasattr(public, "sign")
    assert jwk.thumbprint(public, algorithm) == jwk.thumbprint(pair.verifying.key, algorithm)


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_a_jwk_for_signing_has_to_allow_it(name: str) -> None:
    private = private_members_of(PAIRS[name]) | {"alg": name}
    private.pop("key_ops", None)
    assert jwk.algorithm_of(private, "sign") is ALGORITHMS[name]
    assert jwk.algorithm_of({**private, "key_ops": ["sign"]}, "sign") is ALGORITHMS[name]
    with pytest.raises(UnfitKeyError, match="key_ops do not have sign"):
        jwk.algorithm_of({**private, "key_ops": ["verify"]}, "sign")


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_the_librarys_own_jwks_are_read_as_well(name: str) -> None:
    theirs = ALGORITHMS[name].scheme.to_jwk(PAIRS[name].verifying.key, as_dict=True)
    read = jwk.public_key(json.dumps({**theirs, "alg": name, "kid": "key"}))
    assert read.verify(b"message", PAIRS[name].sign(b"message"))
