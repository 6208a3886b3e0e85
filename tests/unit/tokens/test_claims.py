"""The payload says exactly what the contract says, and nothing else is read."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace

import pytest
from hypothesis import given
from unit.tokens.drawing import any_claims
from unit.tokens.forging import (
    ACCESS,
    ACCESS_PAYLOAD,
    KEY,
    REFRESH,
    REFRESH_PAYLOAD,
)

from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens.values import Claims, TokenType

REQUIRED = ["sub", "session_id", "token_type", "iat", "exp", "iss", "aud", "jti", "epoch"]


def read_access(members: Mapping[str, object]) -> Claims:
    return payloads.read(json.dumps(members).encode(), TokenType.ACCESS, KEY.key_id)


def read_refresh(members: Mapping[str, object]) -> Claims:
    return payloads.read(json.dumps(members).encode(), TokenType.REFRESH, KEY.key_id)


@given(any_claims())
def test_claims_survive(claims: Claims) -> None:
    assert payloads.read(payloads.write(claims), claims.token_type, "key") == claims


def test_the_payload_of_an_access_token() -> None:
    expected = json.dumps(ACCESS_PAYLOAD, separators=(",", ":")).encode()
    assert payloads.write(ACCESS) == expected
    assert payloads.read(expected, TokenType.ACCESS, KEY.key_id) == ACCESS


def test_the_payload_of_a_refresh_token() -> None:
    expected = json.dumps(REFRESH_PAYLOAD, separators=(",", ":")).encode()
    assert payloads.write(REFRESH) == expected
    assert payloads.read(expected, TokenType.REFRESH, KEY.key_id) == REFRESH


def test_a_refresh_token_says_nothing_of_the_profile() -> None:
    with_profile = replace(ACCESS, token_type=TokenType.REFRESH)
    assert json.loads(payloads.write(with_profile)).keys() == REFRESH_PAYLOAD.keys()


def test_absent_values_are_left_out_and_zeroes_are_not() -> None:
    bare = Claims(
        token_type=TokenType.ACCESS,
        user_id="u",
        session_id="s",
        token_id="j",
        issue_time=0,
        expire_time=0,
        epoch=0,
        issuer="i",
        audience="a",
    )
    members = json.loads(payloads.write(bare))
    assert list(members) == [*REQUIRED, "profile_epoch"]
    assert payloads.read(payloads.write(bare), TokenType.ACCESS, "") == bare


def test_text_is_written_as_utf_8() -> None:
    written = payloads.write(replace(ACCESS, username="Zoë 日本 🚀"))
    assert '"username":"Zoë 日本 🚀"'.encode() in written
    assert payloads.read(written, TokenType.ACCESS, "").username == "Zoë 日本 🚀"


def test_the_two_types_are_not_taken_for_each_other() -> None:
    for payload, other in (
        (ACCESS_PAYLOAD, TokenType.REFRESH),
        (REFRESH_PAYLOAD, TokenType.ACCESS),
        (REFRESH_PAYLOAD | {"profile_epoch": 4}, TokenType.ACCESS),
        (REFRESH_PAYLOAD | {"token_type": "access"}, TokenType.REFRESH),
    ):
        with pytest.raises(ValueError, match=r"."):
            payloads.read(json.dumps(payload).encode(), other, "")


@pytest.mark.parametrize("name", [*REQUIRED, "profile_epoch"])
def test_a_missing_member_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="missing"):
        read_access({one: value for one, value in ACCESS_PAYLOAD.items() if one != name})


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_member_of_a_refresh_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="missing"):
        read_refresh({one: value for one, value in REFRESH_PAYLOAD.items() if one != name})


@pytest.mark.parametrize("name", ["nbf", "azp", "Sub", "sub ", "", "client_id", "crit", "iat\0"])
def test_an_unknown_member_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not ours"):
        read_access({**ACCESS_PAYLOAD, name: 1})
    with pytest.raises(ValueError, match="not ours"):
        read_refresh({**REFRESH_PAYLOAD, name: 1})


@pytest.mark.parametrize("name", ["username", "email", "roles", "permissions", "profile_epoch"])
def test_the_profile_in_a_refresh_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not ours"):
        read_refresh({**REFRESH_PAYLOAD, name: ACCESS_PAYLOAD[name]})


TEXTS = ["sub", "session_id", "iss", "aud", "jti", "device_id", "username", "email"]
INTEGERS = ["iat", "exp", "epoch", "profile_epoch"]
LISTS = ["scope", "roles", "permissions"]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "value", ["", None, 1, True, ["x"], [], {}, {"x": 1}, "a\0b", "\ud800", "x\udfff"]
)
def test_what_is_no_text_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_access({**ACCESS_PAYLOAD, name: value})


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("value", [None, True, False, "1", "", [1], {}, -1, 1.0, 2**63, 10**400])
def test_what_is_no_integer_in_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_access({**ACCESS_PAYLOAD, name: value})


def test_times_end_where_a_timestamp_does() -> None:
    last = 253_402_300_799
    latest = read_access({**ACCESS_PAYLOAD, "iat": last, "exp": last})
    assert (latest.issue_time, latest.expire_time) == (last, last)
    for times in ({"iat": last, "exp": last + 1}, {"iat": last + 1, "exp": last + 1}):
        with pytest.raises(ValueError, match="range"):
            read_access({**ACCESS_PAYLOAD, **times})


@pytest.mark.parametrize(
    ("token_type", "longest"), [(TokenType.ACCESS, 86_400), (TokenType.REFRESH, 31_536_000)]
)
def test_no_token_lives_longer_than_any_setting_allows(token_type: TokenType, longest: int) -> None:
    payload = ACCESS_PAYLOAD if token_type is TokenType.ACCESS else REFRESH_PAYLOAD
    begin = 1_767_225_600

    def lives(seconds: int) -> Claims:
        members = {**payload, "iat": begin, "exp": begin + seconds}
        return payloads.read(json.dumps(members).encode(), token_type, "")

    for fitting in (0, 1, longest):
        assert lives(fitting).expire_time - begin == fitting
    for other in (-1, -begin, longest + 1, 10 * longest):
        with pytest.raises(ValueError, match="lives that long"):
            lives(other)


@pytest.mark.parametrize("name", ["epoch", "profile_epoch"])
def test_epochs_end_where_the_column_does(name: str) -> None:
    highest = read_access({**ACCESS_PAYLOAD, name: 2**63 - 1})
    assert getattr(highest, name) == 2**63 - 1
    with pytest.raises(ValueError, match="bounds"):
        read_access({**ACCESS_PAYLOAD, name: 2**63})


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "value",
    [None, [], "x", 1, True, {}, {"0": "x"}, [1], [None], ["x", ["y"]], ["a\0"], ["\ud800"]],
)
def test_what_is_no_list_of_texts_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_access({**ACCESS_PAYLOAD, name: value})


@pytest.mark.parametrize("value", ["", "ACCESS", "Access", "access ", "id", None, 1, ["access"]])
def test_the_token_type_is_exact(value: object) -> None:
    with pytest.raises(ValueError, match="disagree"):
        read_access({**ACCESS_PAYLOAD, "token_type": value})


def test_every_claim_of_the_domain_is_in_the_samples() -> None:
    # So that a claim that is added to the domain is added to the payload and to these tests.
    empty = ("", (), 0)
    assert [one.name for one in fields(Claims) if getattr(ACCESS, one.name) in empty] == []
