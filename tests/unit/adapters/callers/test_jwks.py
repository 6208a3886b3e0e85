"""The keys of a cluster are read strictly; what is wrong with them is told with the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cluster import Cluster

from tokenauthority_server.adapters.callers.jwks import MAX_JWKS_BYTES, read_jwks

ONE = Cluster().jwk


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "jwks.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def key_set(*keys: object) -> str:
    return json.dumps({"keys": keys})


def test_the_keys_are_known_by_their_ids(tmp_path: Path) -> None:
    two = Cluster("ES256", "two").jwk
    # What signs in ways that are not accepted here is passed over.
    other: dict[str, Any] = ONE | {"kid": "three", "alg": "RS512"}
    keys = read_jwks(written(tmp_path, key_set(ONE, two, other))).keys
    assert {key_id: key.algorithm.name for key_id, key in keys.items()} == {
        "one": "RS256",
        "two": "ES256",
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is no JSON Web Key Set"),
        ("[]", "is no JSON Web Key Set"),
        ('{"keys": {}}', "is no JSON Web Key Set"),
        (b"\xff", "is no JSON Web Key Set"),
        (key_set(), "holds no key for ES256 or RS256"),
        (key_set(ONE | {"alg": "RS512"}), "holds no key for ES256 or RS256"),
        (key_set(ONE, ONE), "key 2 has the kid of another one"),
        (key_set("text"), "key 1 has no kid"),
        (key_set({k: v for k, v in ONE.items() if k != "kid"}), "key 1 has no kid"),
        (key_set(ONE | {"use": "enc"}), "key 1 is not for signatures"),
        (key_set(ONE | {"d": "AQAB"}), "key 1 is not a public key"),
        (key_set(ONE | {"n": "AQAB"}), "key 1 is no RS256 key"),
        (key_set(ONE | {"alg": ["RS256"]}), "holds no key"),
        (key_set(ONE | {"alg": "ES256"}), "key 1 has an alg that is not for its kty"),
        ('{"keys": [{"kid": "a", "kid": "b"}]}', "key 1 has a member twice"),
        (" " * (MAX_JWKS_BYTES + 1), "has more than"),
    ],
)
def test_a_bad_file_is_told_with_what_is_wrong(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match="jwks") as caught:
        read_jwks(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_jwks(tmp_path / "jwks.json")
    with pytest.raises(ValueError, match="is no regular file"):
        read_jwks(Path("/dev/null"))
