"""No secret gets through, in whatever it is wrapped; and what is none stays readable."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tokenauthority_server.telemetry.redaction import MASK, plain, redact, scrub

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_x"
SECRET = "hunter2"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\nhunter2\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        (JWT, MASK),
        (f"the token {JWT} is bad", f"the token {MASK} is bad"),
        (f"'{JWT}==', {JWT}", f"'{MASK}', {MASK}"),
        (JWT[:20], MASK),
        (f"a b {JWT.partition('.')[0]}.", f"a b {MASK}"),
        (
            "postgresql://user:hunter2@db:5432/x",
            f"postgresql://user:{MASK}@db:5432/x",
        ),
        ("redis://:hunter2@cache:6379", f"redis://:{MASK}@cache:6379"),
        ("postgresql+asyncpg://u:a/hunter2@b@db", f"postgresql+asyncpg://u:{MASK}@db"),
        ("host=db password=hunter2 user=x", f"host=db password={MASK} user=x"),
        ("password='hunter2 two'", f"password={MASK}"),
        ("Pair(access_token='hunter2', expires_in=3)", f"Pair(access_token={MASK}, expires_in=3)"),
        ("?sslmode=require&password=hunter2&x=1", f"?sslmode=require&password={MASK}&x=1"),
        ("JWT_SECRET_KEY=hunter2", f"JWT_SECRET_KEY={MASK}"),
        ('KEY_ENCRYPTION_KEY="hunter2"', f"KEY_ENCRYPTION_KEY={MASK}"),
        ("Authorization: Bearer hunter2hunter2", f"Authorization: Bearer {MASK}"),
        ("Basic dXNlcjpodW50ZXIy", f"Basic {MASK}"),
        (f"the key\n{PEM}\nends", f"the key\n{MASK}\nends"),
        (PEM.partition("-----END")[0], MASK),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "refresh_token is required",
        "http://127.0.0.1:8081/readyz",
        "postgresql://db:5432/x?sslmode=require",
        "postgresql://user@db/x",
        "Basic rules hold",
        "a = b, key_id=k1, epoch=3",
        "hey Joe, eyJoe",
        "ada@example.com",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_what_is_none_stays_readable(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "old_password",
        "Authorization",
        "jwt_secret_key",
        "token",
        "tokens",
        "access_token",
        "refresh-token",
        "private_key",
        "key_encryption_key",
    ],
)
def test_a_secret_is_known_by_its_key(key: str) -> None:
    assert redact(None, "info", {key: SECRET}) == {key: MASK}
    assert redact(None, "info", {"deep": [{key: [SECRET]}]}) == {"deep": [{key: MASK}]}


@pytest.mark.parametrize("key", ["token_type", "token_id", "key_id", "session_id", "tokenize"])
def test_other_keys_are_left_alone(key: str) -> None:
    assert redact(None, "info", {key: "value"}) == {key: "value"}


class Color(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Thing(Enum):
    A = "a"


@dataclass
class Account:
    password: str


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        (Number.ONE, 1),
        ("text", "text"),
        (Text(JWT), MASK),
        (Color.RED, "red"),
        (Thing.A, "Thing.A"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01 00:00:00+00:00"),
        (timedelta(seconds=3), "0:00:03"),
        (Path("/data"), "/data"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        ((1, JWT), [1, MASK]),
        ([{"a": JWT}], [{"a": MASK}]),
        ({JWT}, [MASK]),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "x"}, {"1": "x"}),
        (ValueError(f"bad {JWT}"), f"ValueError: bad {MASK}"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (b"hunter2", "<bytes>"),
        (Account(SECRET), "<Account>"),
        (StringValue(value=SECRET), "<StringValue>"),
        (object, "<type>"),
    ],
)
def test_only_plain_data_is_written(value: Any, written: Any) -> None:
    assert plain(value) == written
    assert redact(None, "info", {"key": value}) == {"key": written}
