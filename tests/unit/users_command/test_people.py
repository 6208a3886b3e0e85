"""From records to users: every field is checked, and no value is quoted."""

from typing import Any

import pytest
from support.use_cases import Authority, authority

from tokenauthority_server.adapters.memory import MemoryDatabase
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.imports import ImportedUser
from tokenauthority_server.domain.passwords import is_bcrypt
from tokenauthority_server.services.importing import Line
from tokenauthority_server.users_command.duplicates import Seen
from tokenauthority_server.users_command.people import line_of
from tokenauthority_server.users_command.records import Record

HASH = "$2b$12$" + "." * 53
ANN = {"id": "1", "username": "ann"}


@pytest.fixture(scope="module")
async def here() -> Authority:
    return await authority(MemoryDatabase(), EncryptionKeys([bytes(range(32))]))


def read(here: Authority, **members: Any) -> Line:
    return line_of(Record(7, members), here.codec)


def user(here: Authority, **members: Any) -> ImportedUser:
    line = read(here, **(ANN | members))
    assert line.problems == ()
    assert line.user is not None
    return line.user


def test_a_whole_one(here: Authority) -> None:
    found = user(
        here,
        email="ann@example.com",
        password_hash=HASH,
        roles="a;b",
        permissions=["read", "write all"],
        active="no",
    )
    assert (found.profile.user_id, found.profile.username) == ("1", "ann")
    assert found.profile.email == "ann@example.com"
    assert found.profile.roles == ("a", "b")
    assert found.profile.permissions == ("read", "write all")
    assert found.profile_size == here.codec.profile_size(found.profile)
    assert (found.password_hash, found.active) == (HASH, False)
    assert HASH not in repr(found)


def test_a_bare_one(here: Authority) -> None:
    found = user(here, email=None, roles=None, permissions="", password_hash="", active="")
    assert (found.profile.email, found.profile.roles, found.profile.permissions) == ("", (), ())
    assert (found.password_hash, found.active) == ("", True)


def test_ids_may_be_numbers(here: Authority) -> None:
    assert user(here, id=12).profile.user_id == "12"


@pytest.mark.parametrize(
    ("written", "roles"),
    [
        ("a", ("a",)),
        (" a;  b c ;", ("a", "b", "c")),
        ('["a b", "c"]', ("a b", "c")),
        (["a;b"], ("a;b",)),
        ("[]", ()),
    ],
)
def test_lists_are_written_in_several_ways(
    here: Authority, written: object, roles: tuple[str, ...]
) -> None:
    assert user(here, roles=written).profile.roles == roles


@pytest.mark.parametrize("yes", [True, 1, "true", " TRUE ", "t", "yes", "Y", "1", None, ""])
def test_active(here: Authority, *, yes: object) -> None:
    assert user(here, active=yes).active


@pytest.mark.parametrize("no", [False, 0, "false", "F", "no", "n", "0"])
def test_inactive(here: Authority, *, no: object) -> None:
    assert not user(here, active=no).active


@pytest.mark.parametrize("kind", ["2a", "2b", "2y"])
@pytest.mark.parametrize("cost", [4, 12, 13])
def test_hashes_that_can_be_checked(here: Authority, kind: str, cost: int) -> None:
    good = f"${kind}${cost:02}$" + "./Az09" + "O" * 47
    assert user(here, password_hash=good).password_hash == good


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"id": ""}, "id is required"),
        ({"id": None}, "id is required"),
        ({"username": ""}, "username is required"),
        ({"id": "x" * 129}, "id has 129 bytes; at most 128"),
        ({"username": "x" * 151}, "username has 151 bytes"),
        ({"email": "x" * 255}, "email has 255 bytes"),
        ({"username": "a\0"}, "username contains NUL"),
        ({"roles": "a a"}, "roles[1] is there twice"),
        ({"roles": [""]}, "roles[0] is empty"),
        ({"roles": "[1"}, "roles begin like a JSON array"),
        ({"roles": "[" * 50_000}, "roles begin like a JSON array"),
        ({"roles": [1]}, "roles[0] is no text"),
        ({"permissions": {"a": 1}}, "permissions is no text"),
        ({"id": True}, "id is no text"),
        ({"id": 1.5}, "id is no text"),
        ({"username": ["ann"]}, "username is no text"),
        ({"username": "\ud800"}, "username is no Unicode text"),
        ({"roles": ["\udfff"]}, "roles[0] is no Unicode text"),
        ({"active": "maybe"}, "active is neither true nor false"),
        ({"active": 2}, "active is neither true nor false"),
        ({"password_hash": "secret"}, "password_hash is no bcrypt hash"),
        ({"password_hash": HASH[:-1]}, "password_hash is no bcrypt hash"),
        ({"password_hash": HASH + "a"}, "password_hash is no bcrypt hash"),
        ({"password_hash": HASH + "\n"}, "password_hash is no bcrypt hash"),
        ({"password_hash": HASH.replace("2b", "2x")}, "password_hash is no bcrypt hash"),
        ({"password_hash": HASH.replace("12", "03")}, "password_hash is no bcrypt hash"),
        ({"password_hash": HASH.replace("12", "14")}, "password_hash has a cost of 14; at most 13"),
        ({"password_hash": HASH.replace("12", "31")}, "password_hash has a cost of 31"),
        ({"password_hash": HASH[:30] + "!" + HASH[31:]}, "password_hash is no bcrypt hash"),
        ({"roles": ["x" * 9_000]}, "roles and permissions, and what else there is, do not fit"),
    ],
)
def test_what_breaks_a_rule(here: Authority, members: dict[str, Any], told: str) -> None:
    line = read(here, **(ANN | members))
    assert line.user is None
    assert told in "; ".join(line.problems)
    assert "secret" not in repr(line)
    assert HASH[7:20] not in repr(line)


def test_all_problems_are_told_at_once(here: Authority) -> None:
    line = read(here, password_hash="?", active="?")
    assert [one.split()[0] for one in line.problems] == [
        "id",
        "username",
        "password_hash",
        "active",
    ]


def test_what_was_no_record_is_no_user(here: Authority) -> None:
    line = line_of(Record(3, problem="is not UTF-8"), here.codec)
    assert line == Line(number=3, problems=("is not UTF-8",))


def test_a_line_that_says_it_once_more(here: Authority) -> None:
    def written(number: int, user_id: str, username: str) -> Line:
        return line_of(Record(number, {"id": user_id, "username": username}), here.codec)

    with Seen.nothing() as seen:
        first = written(2, "1", "ann")
        assert seen.checked(first) == first
        assert seen.checked(written(3, "1", "ben")).problems == ("id is that of line 2",)
        assert seen.checked(written(4, "2", "ann")).problems == ("username is that of line 2",)
        both = ("id is that of line 2", "username is that of line 2")
        assert seen.checked(written(5, "1", "ann")).problems == both
        # What was refused has not been said, and an id is no username.
        ben = written(6, "ann", "ben")
        assert seen.checked(ben) == ben
        bad = Line(number=7, problems=("x",))
        assert seen.checked(bad) == bad


@pytest.mark.parametrize("cost", [3, 4, 13, 14, 16, 31])
def test_no_hash_is_taken_that_no_login_would_check(here: Authority, cost: int) -> None:
    written = HASH.replace("12", f"{cost:02}")
    assert (read(here, **ANN, password_hash=written).user is not None) == is_bcrypt(written)
