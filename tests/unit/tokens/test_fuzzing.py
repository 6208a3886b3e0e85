"""A short run of the fuzzing, and that it would see what it looks for."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from time import thread_time

import pytest
from fuzz import seeds
from fuzz.judging import ACCEPTED, FindingError, Judge, Verify
from fuzz.keys import PAIRS
from fuzz.targets import TARGETS
from unit.tokens.forging import ACCESS, ACCESS_PAYLOAD, VERIFIER, header_of, signed

from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import Claims, InactiveReason, TokenType

TESTS = Path(__file__).parents[2]
RUNS = 4000
SEEDS = [(name, number) for name, some in seeds.seeds().items() for number in range(len(some))]
GOOD = next(
    token for token, claims in seeds.tokens().items() if claims == replace(ACCESS, key_id="ES256")
)
TWICE = signed(
    header_of(PAIRS["HS256"]), f'{{"sub":"root",{json.dumps(ACCESS_PAYLOAD)[1:]}', PAIRS["HS256"]
)


@pytest.mark.parametrize(("name", "number"), SEEDS)
def test_what_fuzzing_starts_from(name: str, number: int) -> None:
    assert TARGETS[name].run(seeds.seeds()[name][number])


def test_what_fuzzing_starts_from_is_accepted_and_refused_by_each_target() -> None:
    for name, some in seeds.seeds().items():
        told = {TARGETS[name].run(seed) for seed in some}
        assert ACCEPTED in told
        assert len(told) > 1


def honest(keys: KeySet, token: str) -> Claims | InactiveReason:
    return VERIFIER.verify(keys, token)


def gullible(_: KeySet, __: str) -> Claims | InactiveReason:
    return replace(ACCESS, user_id="root", key_id="ES256")


def trimming(keys: KeySet, token: str) -> Claims | InactiveReason:
    return VERIFIER.verify(keys, token.rstrip("="))


def content_with_the_last(keys: KeySet, token: str) -> Claims | InactiveReason:
    """Takes the last one of members that stand twice, as PyJWT does."""
    answer = VERIFIER.verify(keys, token)
    return replace(ACCESS, key_id="HS256") if answer is InactiveReason.MALFORMED else answer


def blind(keys: KeySet, token: str) -> Claims | InactiveReason:
    """Reads the payload, and leaves the signature to others."""
    answer = VERIFIER.verify(keys, token)
    return replace(ACCESS, key_id="ES256") if answer is InactiveReason.BAD_SIGNATURE else answer


def misreading(keys: KeySet, token: str) -> Claims | InactiveReason:
    answer = VERIFIER.verify(keys, token)
    return replace(answer, roles=("admin",)) if isinstance(answer, Claims) else answer


def confused(keys: KeySet, token: str) -> Claims | InactiveReason:
    answer = VERIFIER.verify(keys, token)
    return replace(answer, token_type=TokenType.REFRESH) if isinstance(answer, Claims) else answer


def slow(keys: KeySet, token: str) -> Claims | InactiveReason:
    begin = thread_time()
    while thread_time() < begin + 0.06:
        answer = VERIFIER.verify(keys, token)
    return answer


def failing(_: KeySet, token: str) -> Claims | InactiveReason:
    raise UnicodeError(token)


def silent(_: KeySet, __: str) -> Claims | InactiveReason:
    return InactiveReason.EXPIRED


FAULTY: list[tuple[Verify, str]] = [
    (gullible, "nonsense"),
    (gullible, GOOD),
    (trimming, f"{GOOD}=="),
    (content_with_the_last, TWICE),
    (blind, f"{GOOD[:-4]}AAAA"),
    (misreading, GOOD),
    (confused, GOOD),
    (slow, GOOD),
    (failing, GOOD),
    (silent, GOOD),
]


@pytest.mark.parametrize(("verify", "token"), FAULTY)
def test_what_must_not_be_is_seen(verify: Verify, token: str) -> None:
    Judge(honest).token(token.encode())
    with pytest.raises((FindingError, UnicodeError)):
        Judge(verify).token(token.encode())


def test_a_change_keeps_within_its_bounds_and_reaches_behind_the_encoding() -> None:
    chance = Random(1)  # noqa: S311 - no secret

    def flip(data: bytes, longest: int) -> bytes:
        at = chance.randrange(len(data) + 1)
        return (data[:at] + b"\0" + data[at + 1 :])[:longest]

    for name, some in seeds.seeds().items():
        target = TARGETS[name]
        told = set()
        for _ in range(300):
            changed = target.change(chance.choice(some), target.longest, chance, flip)
            assert len(changed) <= target.longest
            told.add(target.run(changed))
        assert len(told) >= 2


@pytest.mark.skipif(find_spec("atheris") is None, reason="there is no atheris for this platform")
def test_a_short_run(tmp_path: Path) -> None:
    # What measures coverage would get in the way of what is led by it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "fuzz", "--runs", str(RUNS), "--seconds", "50"),
            *("--folder", tmp_path, "--seed", "4"),
        ],
        cwd=TESTS,
        env=kept,
        capture_output=True,
        text=True,
        timeout=58,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    total = re.search(
        r"^([\d,]+) inputs, ([\d,]+) accepted, .*BAD_SIGNATURE", done.stdout, re.MULTILINE
    )
    assert total
    inputs, accepted = (int(number.replace(",", "")) for number in total.groups())
    assert inputs >= RUNS
    assert 0 < accepted < inputs
    assert list((tmp_path / "found").iterdir()) == []
