"""Headers that bring or choose their own key: each is refused, for its reason."""

import gc
import tracemalloc

import pytest
from unit.tokens.forging import (
    ACCESS,
    ACCESS_HEADER,
    ACCESS_PAYLOAD,
    KEY,
    issued,
    segment,
    signed,
    verdict,
)

from tokenauthority_tokens.values import InactiveReason

MALFORMED = InactiveReason.MALFORMED
UNKNOWN_KEY = InactiveReason.UNKNOWN_KEY

GOOD = issued(ACCESS)
HEADER, PAYLOAD, SIGNATURE = GOOD.split(".")


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["AAAA"]},
        {"x5t": "AAAA"},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"p2c": 2_000_000_000},
        {"url": "https://attacker.example"},
        {"": ""},
    ],
)
def test_anything_else_in_the_header(extra: dict[str, object]) -> None:
    assert verdict(signed({**ACCESS_HEADER, **extra}, ACCESS_PAYLOAD)) is MALFORMED


def test_other_serializations() -> None:
    flattened = f'{{"protected":"{HEADER}","payload":"{PAYLOAD}","signature":"{SIGNATURE}"}}'
    general = f'{{"payload":"{PAYLOAD}","signatures":[{{"protected":"{HEADER}"}}]}}'
    encrypted = f"{segment({'alg': 'dir', 'enc': 'A256GCM'})}..AAAA.AAAA.AAAA"
    unencoded = f"{HEADER}..{SIGNATURE}"
    nested = signed({**ACCESS_HEADER, "cty": "JWT"}, GOOD)
    nested_plainly = signed(ACCESS_HEADER, GOOD)
    for token in (flattened, general, encrypted, unencoded, nested, nested_plainly):
        assert verdict(token) is MALFORMED


@pytest.mark.parametrize("kid", [7, None, True, [], {}, [KEY.key_id], {"kid": KEY.key_id}])
def test_a_key_id_that_is_no_text(kid: object) -> None:
    assert verdict(signed({**ACCESS_HEADER, "kid": kid}, ACCESS_PAYLOAD)) is MALFORMED


def test_no_key_id() -> None:
    header = {name: value for name, value in ACCESS_HEADER.items() if name != "kid"}
    assert verdict(signed(header, ACCESS_PAYLOAD)) is MALFORMED


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "x" * 4000,
        "../../../../dev/null",
        "/proc/self/environ",
        "' OR 1=1; DROP TABLE signing_keys; --",
        "| id",
        "http://attacker.example/key",
        "\0",
        f"{KEY.key_id}\0",
        f"{KEY.key_id} ",
        KEY.key_id.swapcase(),
        KEY.key_id[:-1],
        "日本",
        "\ud800",
    ],
    # The key is another one in each run, and an id must not be.
    ids=lambda kid: f"{len(kid)} characters",
)
def test_a_key_id_that_is_not_ours(kid: str) -> None:
    assert verdict(signed({**ACCESS_HEADER, "kid": kid}, ACCESS_PAYLOAD)) is UNKNOWN_KEY


def test_a_key_id_of_10_kb() -> None:
    assert verdict(signed({**ACCESS_HEADER, "kid": "x" * 10_000}, ACCESS_PAYLOAD)) is MALFORMED


def test_ten_thousand_unknown_keys_leave_nothing_behind() -> None:
    tokens = [
        f"{segment({**ACCESS_HEADER, 'kid': f'key-{number}'})}.{PAYLOAD}.{SIGNATURE}"
        for number in range(10_000)
    ]
    tracemalloc.start()
    try:
        # Python keeps some freed objects for later: the first tokens fill that store.
        assert all(verdict(token) is UNKNOWN_KEY for token in tokens[:2000])
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        assert all(verdict(token) is UNKNOWN_KEY for token in tokens[2000:])
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A single word for each of the eight thousand would be more.
    assert after - before < 50_000
