"""A folder of keys as it is read at the start: what each file's name means, and what is refused."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.key_files import jwk, new_key, pem, public_jwk, public_pem

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.signing_keys.folder import KeyFolder, KeyFolderError
from tokenauthority_server.domain.keys import KeyState

A, B, C, ED = new_key(), new_key(), new_key(), new_key("EdDSA")
RSA = new_key("RS256")
BACK = "Make it readable, or put it back"
ACTIVE, PREPARED, RETIRED = KeyState.ACTIVE, KeyState.PREPARED, KeyState.RETIRED


def folder_of(path: Path, files: Mapping[str, bytes], algorithm: str = "ES256") -> KeyFolder:
    for name, content in files.items():
        (path / name).write_bytes(content)
    return KeyFolder(path, algorithm)


def faults_of(folder: KeyFolder) -> list[str]:
    with pytest.raises(KeyFolderError) as caught:
        folder.read()
    assert caught.value.exit_code == 2
    lines = [f"SIGNING_KEYS_DIR: {fault}" for fault in caught.value.faults]
    assert str(caught.value).splitlines() == lines
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("files", "states"),
    [
        ({"1.pem": pem(A)}, [ACTIVE]),
        # The last private one signs, and all before it did.
        ({"1.pem": pem(A), "2.jwk": jwk(B)}, [RETIRED, ACTIVE]),
        ({"2.pem": pem(A), "1.pem": pem(B), "3.pem": pem(C)}, [RETIRED, RETIRED, ACTIVE]),
        # What comes after it is to come.
        ({"1.pem": pem(A), "2.pem": public_pem(B)}, [ACTIVE, PREPARED]),
        ({"1.pem": public_pem(A), "2.pem": pem(B)}, [RETIRED, ACTIVE]),
        (
            {"1.jwk": public_jwk(A), "2.PEM": pem(B), "3.json": public_jwk(C)},
            [RETIRED, ACTIVE, PREPARED],
        ),
        # A private key of another algorithm does not sign what is new, wherever it stands.
        ({"1.pem": pem(A), "2.pem": pem(ED)}, [ACTIVE, RETIRED]),
        (
            {"1.pem": pem(ED), "2.pem": pem(A), "3.pem": public_pem(RSA)},
            [RETIRED, ACTIVE, PREPARED],
        ),
        # Names are compared character by character.
        ({"key-10.pem": pem(A), "key-9.pem": pem(B)}, [RETIRED, ACTIVE]),
        ({"Z.pem": pem(A), "a.pem": pem(B)}, [RETIRED, ACTIVE]),
    ],
)
def test_the_names_alone_tell_the_states(
    tmp_path: Path, files: Mapping[str, bytes], states: list[KeyState]
) -> None:
    keys = folder_of(tmp_path, files).read()
    assert [key.state for key in keys] == states
    # By what a copy changes, nothing changes.
    for number, name in enumerate(sorted(files, reverse=True)):
        os.utime(tmp_path / name, (number, number))
    assert [key.state for key in KeyFolder(tmp_path, "ES256").read()] == states


def test_replicas_publish_the_same_in_the_same_order(tmp_path: Path) -> None:
    files = {"1.pem": public_pem(A), "2.pem": pem(B), "3.pem": public_pem(C)}
    shown = []
    for number, names in enumerate((sorted(files), sorted(files, reverse=True))):
        path = tmp_path / f"{number}"
        path.mkdir()
        for name in names:
            (path / name).write_bytes(files[name])
        ring = KeyRing("ES256")
        ring.replace((), configured=KeyFolder(path, "ES256").read())
        assert ring.current().signer().state is ACTIVE
        shown.append([(one.key_id, one.state, one.jwk) for one in ring.public_keys()])
    assert shown[0] == shown[1]
    assert [state for _, state, _ in shown[0]] == [PREPARED, ACTIVE, RETIRED]


def test_what_was_active_still_signs_what_it_signed_before(tmp_path: Path) -> None:
    retired, half, active = folder_of(
        tmp_path, {"1.pem": pem(A), "2.pem": public_pem(B), "3.pem": pem(C)}
    ).read()
    assert retired.may_sign
    assert not half.may_sign
    assert active.may_sign
    assert retired.verifying.verify(b"message", retired.sign(b"message"))
    assert (active.signs_until, active.activate_time, active.retire_time) == (None, None, None)


def test_the_public_half_alone_is_published(tmp_path: Path) -> None:
    (key,) = folder_of(tmp_path, {"1.jwk": jwk(A, kid="2026", note="for wakedock")}).read()
    published = json.loads(key.jwk)
    assert published.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (published["kid"], published["alg"], published["use"]) == ("2026", "ES256", "sig")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_rsa_key_signs_with_what_is_asked_for(tmp_path: Path, algorithm: str) -> None:
    (key,) = folder_of(tmp_path, {"1.pem": pem(RSA)}, algorithm).read()
    assert (key.verifying.algorithm.name, key.state) == (algorithm, ACTIVE)


def test_notes_and_hidden_files_are_no_keys(tmp_path: Path) -> None:
    files = {"1.pem": pem(A), "README.md": b"x", "notes.TXT": b"x", ".2.pem.swp": b"x"}
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / ".hidden").mkdir()
    assert len(folder_of(tmp_path, files).read()) == 1


def test_every_fault_is_told_at_once_with_its_file(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        {
            "1.pem": pem(A),
            "2.pem": pem(B)[:-40],
            "3.jwk": jwk(C, use="enc"),
            "4.pem": b"x" * 16_385,
            "5.key": pem(C),
            "6": pem(C),
        },
    )
    (tmp_path / "7.pem").mkdir()
    (tmp_path / "8.pem").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "9.pem")
    (tmp_path / "zero.pem").symlink_to("/dev/zero")
    other = "is neither a key (.pem, .jwk, .json) nor a note (.md, .txt). Rename it, or remove it"
    assert faults_of(folder) == [
        f"{tmp_path}/2.pem is damaged, or cut off. Put it back from a copy",
        f"{tmp_path}/3.jwk is not for signatures: its use is not sig",
        f"{tmp_path}/4.pem has more than 16384 bytes, so it is no key. Remove it",
        f"{tmp_path}/5.key {other}",
        f"{tmp_path}/6 {other}",
        f"{tmp_path}/7.pem cannot be read: Is a directory. {BACK}",
        f"{tmp_path}/8.pem cannot be read: No such file or directory. {BACK}",
        f"{tmp_path}/9.pem is no regular file, so it is no key. Remove it",
        f"{tmp_path}/zero.pem is no regular file, so it is no key. Remove it",
    ]


def test_a_name_of_many_lines_is_told_on_one(tmp_path: Path) -> None:
    (fault,) = faults_of(folder_of(tmp_path, {"1.pem": pem(A), "a\nb\x1b[31m": b""}))
    assert fault.startswith(f"'{tmp_path}/a\\nb\\x1b[31m' is neither a key")


def test_one_key_under_two_names_is_told_with_both(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, {"1.pem": pem(A), "2.jwk": public_jwk(A, kid="2"), "3.pem": public_pem(A)}
    )
    advice = "Remove one of the two; where one is the public half, that one"
    assert faults_of(folder) == [
        f"{tmp_path}/2.jwk holds the same key as {tmp_path}/1.pem. {advice}",
        f"{tmp_path}/3.pem holds the same key as {tmp_path}/1.pem. {advice}",
    ]


def test_one_key_for_two_algorithms_is_one_key_too_many(tmp_path: Path) -> None:
    files = {"1.jwk": jwk(RSA, alg="RS256", kid="1"), "2.jwk": jwk(RSA, alg="PS256", kid="2")}
    (fault,) = faults_of(folder_of(tmp_path, files, "RS256"))
    assert "holds the same key as" in fault


def test_one_kid_of_two_keys_is_told_with_both_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"1.jwk": jwk(A, kid="k"), "2.jwk": public_jwk(B, kid="k")})
    assert faults_of(folder) == [
        f"{tmp_path}/2.jwk has the same kid as {tmp_path}/1.jwk. Give one of the two another"
    ]


@pytest.mark.parametrize(
    ("algorithm", "command"),
    [
        ("ES256", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        ("EdDSA", "openssl genpkey -algorithm ED25519"),
        ("RS256", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("PS256", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ],
)
def test_without_a_key_that_signs_it_is_told_how_to_make_one(
    tmp_path: Path, algorithm: str, command: str
) -> None:
    told = (
        f"{tmp_path} holds no private key for JWT_ALGORITHM={algorithm}. "
        f"Make one with: {command} -out FILE.pem"
    )
    assert faults_of(KeyFolder(tmp_path, algorithm)) == [told]
    halves = {"1.pem": public_pem(A), "2.pem": public_pem(ED), "3.pem": public_pem(RSA)}
    assert faults_of(folder_of(tmp_path, halves, algorithm)) == [told]


def test_the_private_key_of_another_algorithm_is_none_that_signs(tmp_path: Path) -> None:
    (fault,) = faults_of(folder_of(tmp_path, {"1.pem": pem(ED)}))
    assert "holds no private key for JWT_ALGORITHM=ES256" in fault


def test_there_is_an_end_to_how_many_keys_are_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {f"{number:02}.pem": b"" for number in range(65)})
    (fault,) = faults_of(folder)
    assert fault.startswith(f"{tmp_path} holds 65 files of keys, and 64 are the most. Remove ")


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    assert faults_of(KeyFolder(tmp_path / "gone", "ES256")) == [
        f"{tmp_path}/gone cannot be read: No such file or directory. {BACK}"
    ]
    (tmp_path / "file").touch()
    assert faults_of(KeyFolder(tmp_path / "file", "ES256")) == [
        f"{tmp_path}/file cannot be read: Not a directory. {BACK}"
    ]


def test_a_key_in_place_of_its_folder_is_not_repeated() -> None:
    (fault,) = faults_of(KeyFolder(Path(pem(A).decode().replace("/", "")), "ES256"))
    assert fault.startswith("the folder that it names cannot be read: ")
    assert "PRIVATE" not in fault
