"""How long a token takes tells nothing about what is wrong with it (faults.md, row 11)."""

import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
from support.key_pairs import KeyPair
from unit.tokens.forging import (
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    PAIRS,
    VERIFIER,
    b64,
    header_of,
    segment,
    signed,
    verdict,
)

from tokenauthority_tokens import base64url
from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import MAX_TOKEN_BYTES, Claims, InactiveReason

ROUNDS = 150
MOST = 1.5
"""Slowest to fastest. Signatures out of range took a third, before they had a decoy."""

MOST_MALFORMED = 2.0
"""The same with what is malformed, of which nothing is read. Without the decoy it is ten."""

Case = tuple[KeySet, str]


@contextmanager
def untraced() -> Iterator[None]:
    """Without what measures coverage: it would be most of the time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def timed(cases: Mapping[str, Case]) -> dict[str, float]:
    """Microseconds for each; they take turns, so that all meet the same machine.

    Of each the quarter that was the fastest counts: what else the machine does only adds to it.
    """
    took: dict[str, list[int]] = {name: [] for name in cases}
    with untraced():
        for _ in range(ROUNDS):
            for name, (keys, token) in cases.items():
                begin = time.perf_counter_ns()
                VERIFIER.verify(keys, token)
                took[name].append(time.perf_counter_ns() - begin)
    return {name: statistics.quantiles(times)[0] / 1000 for name, times in took.items()}


def keys_of(pair: KeyPair, *, revoked: bool = False) -> KeySet:
    return KeySet.of([replace(pair.verifying, revoked=revoked)])


def swapped(text: str) -> str:
    """Another text of the same length."""
    return text[::-1].swapcase()


def well_formed(pair: KeyPair) -> dict[str, Case]:
    """Tokens of one length, good and with everything that may be wrong but their form."""
    header, keys = header_of(pair), keys_of(pair)
    good = signed(header, ACCESS_PAYLOAD, pair)
    signing_input, _, signature = good.rpartition(".")
    raw = base64url.decode(signature)
    # What is taken from the signature goes into the payload.
    longer = {**ACCESS_PAYLOAD, "sub": "user-1xxx"}
    return {
        "accepted": (keys, good),
        "unknown kid": (
            keys,
            signed({**header, "kid": swapped(pair.key_id)}, ACCESS_PAYLOAD, pair),
        ),
        "unknown alg": (
            keys,
            signed({**header, "alg": "X" * len(pair.algorithm)}, ACCESS_PAYLOAD, pair),
        ),
        "another's alg": (
            keys,
            signed({**header, "alg": pair.algorithm[::-1]}, ACCESS_PAYLOAD, pair),
        ),
        "bad signature": (
            keys,
            f"{signing_input}.{b64(raw[:20] + bytes([raw[20] ^ 1]) + raw[21:])}",
        ),
        "zeroes": (keys, f"{signing_input}.{b64(bytes(len(raw)))}"),
        "ones": (keys, f"{signing_input}.{b64(bytes([255]) * len(raw))}"),
        "s of zero": (keys, f"{signing_input}.{b64(raw[:-32] + bytes(32))}"),
        "short signature": (keys, f"{segment(header)}.{segment(longer)}.{b64(raw[:-3])}"),
        "wrong issuer": (keys, signed(header, {**ACCESS_PAYLOAD, "iss": swapped(ISSUER)}, pair)),
        "wrong audience": (
            keys,
            signed(header, {**ACCESS_PAYLOAD, "aud": swapped(AUDIENCE)}, pair),
        ),
        "revoked key": (keys_of(pair, revoked=True), good),
    }


def malformed(pair: KeyPair) -> dict[str, Case]:
    """Tokens of the same length that are none."""
    keys = keys_of(pair)
    good = signed(header_of(pair), ACCESS_PAYLOAD, pair)
    header, payload, signature = good.split(".")
    crossed = signed({**header_of(pair), "typ": "rt+jwt"}, ACCESS_PAYLOAD, pair)
    tokens = {
        "header that is no base64": f"!{header[1:]}.{payload}.{signature}",
        "payload that is no base64": f"{header}.!{payload[1:]}.{signature}",
        "signature that is no base64": f"{header}.{payload}.!{signature[1:]}",
        "header that is no JSON": f"{b64(b'[')}{header[2:]}.{payload}.{signature}",
        "payload that is no JSON": f"{header}.{b64(b'[]]')}{payload[4:]}.{signature}",
        "payload that ends too early": f"{header}.{payload[:-4]}{b64(b'   ')}.{signature}",
        "two parts": f"{header}.{payload}A{signature}",
        "four parts": f"{header}.{payload}.{signature[:20]}.{signature[21:]}",
        "no parts": "A" * len(good),
        "dots": "." * len(good),
        "not ASCII": "é" * len(good),
        "refresh token by its header alone": crossed,
    }
    return {name: (keys, token) for name, token in tokens.items()}


def assert_equal(cases: Mapping[str, Case], most: float) -> None:
    took = timed(cases)
    assert max(took.values()) <= most * min(took.values()), took


@pytest.mark.parametrize("name", PAIRS)
def test_the_cases_are_of_one_length_and_of_all_reasons(name: str) -> None:
    cases = {**well_formed(PAIRS[name]), **malformed(PAIRS[name])}
    assert {len(token) for _, token in cases.values()} == {len(cases["accepted"][1])}
    answers = {case: verdict(token, keys) for case, (keys, token) in cases.items()}
    assert {case for case, one in answers.items() if isinstance(one, Claims)} == {"accepted"}
    assert {one for one in answers.values() if isinstance(one, InactiveReason)} == {
        InactiveReason.MALFORMED,
        InactiveReason.UNKNOWN_KEY,
        InactiveReason.BAD_SIGNATURE,
        InactiveReason.KEY_REVOKED,
        InactiveReason.WRONG_ISSUER,
        InactiveReason.WRONG_AUDIENCE,
    }
    bad = {case for case, one in answers.items() if one is InactiveReason.MALFORMED}
    assert bad == malformed(PAIRS[name]).keys()


@pytest.mark.parametrize("name", PAIRS)
def test_whatever_is_wrong_with_a_well_formed_token_takes_as_long(name: str) -> None:
    assert_equal(well_formed(PAIRS[name]), MOST)


@pytest.mark.parametrize("name", ["ES256", "EdDSA"])
def test_a_malformed_token_takes_as_long_too(name: str) -> None:
    # Where the signature is the most of the work. By HS256 it is a tenth, and reading the payload
    # the rest; but whoever sends what is malformed knows that it is.
    assert_equal({**well_formed(PAIRS[name]), **malformed(PAIRS[name])}, MOST_MALFORMED)


FLAT = {
    "numbers": '{"x":[' + "1," * 2500 + "1]}",
    "objects": '{"x":[' + "{}," * 1700 + "{}]}",
    "members": "{" + ",".join(f'"{number:x}":0' for number in range(700)) + "}",
    "the same member": "{" + '"x":0,' * 900 + '"x":0}',
    "texts": '{"permissions":[' + '"",' * 1700 + '""]}',
    "digits": '{"x":' + "9" * 5500 + "}",
    "as many digits as Python takes": '{"x":' + "9" * 4300 + "}",
    "escapes": '{"x":"' + "\\u0041" * 900 + '"}',
    "lines": "\n" * 5500,
    "NUL": "\0" * 5500,
}
DEEP = {
    "brackets": "[" * 5500,
    "closed brackets": '{"x":' + "[" * 2700 + "]" * 2700 + "}",
    "objects in objects": '{"a":' * 1100,
}


# Reading the deep ones takes the longer the deeper the release of Python goes.
@pytest.mark.parametrize(("payloads", "most"), [(FLAT, 2.75), (DEEP, 5.0)], ids=["flat", "deep"])
def test_no_token_of_8_kib_takes_much_longer_than_a_good_one(
    payloads: Mapping[str, str], most: float
) -> None:
    # A stranger's payload is read before its signature is known to be bad. With a call of Python
    # for each number and each object in it, it took a good deal longer than this.
    pair = PAIRS["ES256"]
    keys, header = keys_of(pair), header_of(pair)
    permissions = [f"permission-number-{number:04}-of-the-engines" for number in range(130)]
    good = signed(header, {**ACCESS_PAYLOAD, "permissions": permissions}, pair)
    assert isinstance(verdict(good, keys), Claims)
    cases = {"good": (keys, good)}
    for name, payload in payloads.items():
        cases[name] = (keys, signed(header, payload, pair))
        cases[f"header of {name}"] = (keys, f"{segment(payload)}.{segment(ACCESS_PAYLOAD)}.AAAA")
    cases |= {
        f"{text!r}": (keys, text * (MAX_TOKEN_BYTES // len(text))) for text in ("A", ".", "日")
    }
    assert max(len(token) for _, token in cases.values()) <= MAX_TOKEN_BYTES
    took = timed(cases)
    assert max(took.values()) <= most * took["good"], took
