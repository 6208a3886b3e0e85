"""One key from one file: what is taken, in each of its forms, and what an edit makes of it."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from support.key_files import assert_kept, jwk, new_key, pem, public_jwk, public_pem

from tokenauthority_server.adapters.signing_keys.key_file import KeyFile, read_key
from tokenauthority_tokens.algorithms import UnfitKeyError

EC, ED, RSA = new_key("ES256"), new_key("EdDSA"), new_key("RS256")


def taken(name: str, content: bytes, wanted: str = "ES256") -> KeyFile:
    """The key, which signs what it verifies where it has a private half."""
    found = read_key(name, content, wanted)
    if found.private:
        signature = found.verifying.algorithm.scheme.sign(b"message", found.private)
        assert found.verifying.verify(b"message", signature)
    return found


@pytest.mark.parametrize(
    ("key", "algorithm"), [(EC, "ES256"), (ED, "EdDSA"), (RSA, "RS256")], ids=["EC", "Ed", "RSA"]
)
def test_each_form_of_a_key_is_the_same_key(key: Any, algorithm: str) -> None:
    forms = [taken("a.pem", pem(key)), taken("A.PEM", b"made on Monday\n" + pem(key))]
    forms += [taken("a.jwk", jwk(key)), taken("a.json", jwk(key, ext=True, key_ops=["sign"]))]
    if algorithm != "EdDSA":
        forms.append(taken("a.pem", pem(key, PrivateFormat.TraditionalOpenSSL)))
    halves = [taken("a.pem", public_pem(key)), taken("a.jwk", public_jwk(key, use="sig"))]
    assert all(one.private for one in forms)
    assert not any(one.private for one in halves)
    assert {one.verifying.algorithm.name for one in forms + halves} == {algorithm}
    # Without a kid of its own a key goes by its thumbprint.
    assert len({one.verifying.key_id for one in forms + halves}) == 1
    assert {one.thumbprint for one in forms + halves} == {forms[0].verifying.key_id}


def test_the_kid_of_a_jwk_is_its_own() -> None:
    for kid in ("2026-03", "!" * 128):
        assert taken("a.jwk", jwk(EC, kid=kid)).verifying.key_id == kid
    assert taken("a.jwk", jwk(EC, kid="k")).thumbprint == taken("a.pem", pem(EC)).thumbprint


@pytest.mark.parametrize(
    ("content", "wanted", "algorithm"),
    [
        (jwk(RSA), "RS256", "RS256"),
        (jwk(RSA), "PS256", "PS256"),
        (jwk(RSA), "ES256", "RS256"),
        (jwk(RSA, alg="PS256"), "RS256", "PS256"),
        (jwk(RSA, alg="RS256"), "PS256", "RS256"),
        (public_jwk(RSA), "PS256", "PS256"),
    ],
)
def test_an_rsa_key_is_for_what_it_says_or_else_for_what_signs(
    content: bytes, wanted: str, algorithm: str
) -> None:
    assert taken("a.jwk", content, wanted).verifying.algorithm.name == algorithm


def test_a_pem_file_of_rsa_is_for_what_signs() -> None:
    found = {wanted: taken("a.pem", pem(RSA), wanted) for wanted in ("RS256", "PS256", "EdDSA")}
    names = {wanted: one.verifying.algorithm.name for wanted, one in found.items()}
    assert names == {"RS256": "RS256", "PS256": "PS256", "EdDSA": "RS256"}


def test_nothing_of_a_key_is_shown() -> None:
    for content in (pem(EC), pem(RSA)):
        assert_kept(content, repr(read_key("a.pem", content, "ES256")))
    for content in (jwk(EC), jwk(RSA)):
        assert_kept(content, repr(read_key("a.jwk", content, "ES256")))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pem", pem(EC)),
        ("a.pem", pem(RSA)),
        ("a.jwk", jwk(EC)),
        ("a.jwk", jwk(ED)),
        ("a.jwk", jwk(RSA)),
    ],
    ids=["EC PEM", "RSA PEM", "EC JWK", "Ed JWK", "RSA JWK"],
)
@given(st.data())
def test_a_private_key_with_one_byte_changed_is_refused_or_the_same_key(
    name: str, content: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = content[:place] + bytes([byte]) + content[place + 1 :]
    try:
        found = read_key(name, changed, "ES256")
    except UnfitKeyError as error:
        assert_kept(content, str(error))
    else:
        assert found.thumbprint == read_key(name, content, "ES256").thumbprint


@given(st.binary(max_size=200), st.sampled_from(["a.pem", "a.jwk"]))
def test_anything_else_is_refused_and_nothing_more(content: bytes, name: str) -> None:
    for one in (content, b"-----BEGIN PRIVATE KEY-----\n" + content):
        with pytest.raises(UnfitKeyError):
            read_key(name, one, "ES256")
