"""What a password must be."""

import pytest

from tokenauthority_server.domain.errors import PasswordRefusedError
from tokenauthority_server.domain.passwords import (
    check_new,
    folded,
    is_argon2id,
    is_bcrypt,
    normalized,
)

BCRYPT = f"{'a' * 21}O{'a' * 31}"

FULLWIDTH = "ａｂｃｄｅｆｇｈｉｊｋｌ"  # noqa: RUF001 - that is what it is about
LIGATURE = "\ufdfa"
"""Three bytes, and 33 of them in NFKC."""


@pytest.mark.parametrize(
    "password",
    ["twelve bytes", "a" * 1024, FULLWIDTH, "é" * 6, "    12 spaces", "a\ttab and \x01 control"],
)
def test_what_is_allowed(password: str) -> None:
    check_new(password, "ada")


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("eleven byte", "has less than 12 bytes"),
        # Eighteen bytes as typed, and six in its normal form.
        (FULLWIDTH[:6], "has less than 12 bytes"),
        ("", "has less than 12 bytes"),
        ("a" * 1025, "has more than 1024 bytes"),
        ("é" * 513, "has more than 1024 bytes"),
        (LIGATURE * 300, "has more than 1024 bytes in its normal form (NFKC)"),
        ("twelve\0bytes", "contains NUL"),
        ("my name is Ada Lovelace", "contains the username"),
        ("my name is ＡＤＡ, hello", "contains the username"),  # noqa: RUF001
    ],
)
def test_what_is_refused_and_why(password: str, problem: str) -> None:
    with pytest.raises(PasswordRefusedError) as refused:
        check_new(password, "aDa")
    assert refused.value.problem == problem
    assert not password or password not in str(refused.value)


def test_a_name_of_two_letters_is_in_too_many() -> None:
    check_new("password of al and others", "al")
    with pytest.raises(PasswordRefusedError):
        check_new("password of ali and others", "ali")


def test_too_much_is_refused_before_it_is_normalized() -> None:
    with pytest.raises(PasswordRefusedError, match=r"more than 1024 bytes$"):
        check_new(LIGATURE * 400, "ada")


def test_names_are_counted_without_case_and_width() -> None:
    assert folded("Ａda") == folded("aDA") == "ada"  # noqa: RUF001
    assert folded("Straße") == folded("STRASSE")
    # Once is not enough: what case folding makes of some letters has a normal form of its own.
    assert folded(folded("ᾳ̂")) == folded("ᾳ̂")
    assert folded(" ada") != folded("ada")


def test_hashes_are_of_the_normal_form() -> None:
    assert normalized("e\u0301") == normalized("\u00e9")


@pytest.mark.parametrize("kind", ["2a", "2b", "2y"])
def test_hashes_of_the_platform(kind: str) -> None:
    assert is_bcrypt(f"${kind}$12${BCRYPT}")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        f"$2x$12${BCRYPT}",
        f"$2b$12${BCRYPT[:-1]}",
        f"$2b$12${BCRYPT}a",
        f"$2b$12${BCRYPT}\n",
        f"$2b$03${BCRYPT}",
        # A minute for each login.
        f"$2b$14${BCRYPT}",
        f"$2b$99${BCRYPT}",
        # bcrypt has no such salt: four bits are left over.
        f"$2b$12${'a' * 53}",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    ],
)
def test_what_is_none_of_them(stored: str) -> None:
    assert not is_bcrypt(stored)


@pytest.mark.parametrize("cost", ["m=19456,t=2,p=1", "m=47104,t=1,p=1", "m=65536,t=3,p=4"])
def test_hashes_of_argon2id(cost: str) -> None:
    assert is_argon2id(f"$argon2id$v=19${cost}$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "$argon2id$",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        # Two GiB, and a day.
        "$argon2id$v=19$m=2097152,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=65536,t=999999,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$\u00e4AAAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_what_is_no_argon2id_that_may_be_checked(stored: str) -> None:
    assert not is_argon2id(stored)
