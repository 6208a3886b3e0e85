"""What fuzzing starts from: good inputs, and known attacks. Made anew for each run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from fuzz.keys import PAIRS
from support.example_keys import RFC_7515_A_2_KEY, RFC_7515_A_3_KEY, RFC_8037_A_2_KEY
from unit.tokens.forging import (
    ACCESS,
    ACCESS_PAYLOAD,
    REFRESH,
    REFRESH_PAYLOAD,
    header_of,
    issued,
    signed,
)

from tokenauthority_tokens import jwk
from tokenauthority_tokens.values import Claims, TokenType

BARE: Final = Claims(
    token_type=TokenType.ACCESS,
    user_id="u",
    session_id="s",
    token_id="j",
    issue_time=0,
    expire_time=0,
    epoch=0,
    issuer=ACCESS.issuer,
    audience=ACCESS.audience,
)
FULL: Final = replace(
    ACCESS,
    username='Zoë "日本" 🚀\\',
    permissions=tuple(f"resource-{number}.read" for number in range(60)),
)
HOSTILE_MEMBERS: Final[tuple[dict[str, object], ...]] = (
    {"alg": "none"},
    {"jwk": {"kty": "oct", "k": "AAAA"}},
    {"jku": "https://attacker.example/keys"},
    {"crit": ["b64"], "b64": False},
    {"zip": "DEF"},
    {"kid": "../../dev/null"},
    {"kid": 7},
)
UNFIT_KEYS: Final[tuple[Mapping[str, object], ...]] = (
    RFC_7515_A_2_KEY,
    {**RFC_7515_A_2_KEY, "kid": "key", "e": "Aw"},
    {**RFC_7515_A_2_KEY, "kid": "key", "n": RFC_7515_A_2_KEY["n"][:171]},
    {**RFC_7515_A_3_KEY, "kid": "key\n", "use": "enc"},
    {**RFC_8037_A_2_KEY, "kid": "key", "alg": "ES256", "key_ops": ["sign"]},
    {**RFC_8037_A_2_KEY, "kid": "key", "crv": "Ed448", "x": "A" * 76},
)
HOSTILE_TEXTS: Final = (
    "",
    "{}",
    "[]",
    '{"alg":"HS256","alg":"none","kid":"HS256","typ":"at+jwt"}',
    '{"a":1e400,"b":-1,"c":NaN,"d":01,"e":"\\ud800","f":"\\u0000"}',
    '{"a":[[[[[[[[]]]]]]]]}',
    "[" * 4000,
    '\ufeff{"alg":"HS256"}',
    ' {\n"alg" : "HS256" ,\t"kid":"\\u0048S256","typ":"at+jwt" } ',
)
WORDS: Final = (
    *('"alg"', '"kid"', '"typ"', '"at+jwt"', '"rt+jwt"', '"none"'),
    *(f'"{name}"' for name in {**ACCESS_PAYLOAD, **REFRESH_PAYLOAD}),
    *(f'"{name}"' for name in PAIRS),
    *('"kty"', '"crv"', '"EC"', '"OKP"', '"RSA"', '"P-256"', '"Ed25519"', '"use"', '"key_ops"'),
    *('"x"', '"y"', '"n"', '"e"', '"d"', '"sig"', '"verify"', '"AQAB"'),
    *("null", "true", "[]", "{}", ":", ",", "\\u0000", "\\ud800", "9223372036854775807", "-0"),
    *(".", "..", "=", "eyJ", "AAAA"),
)


def tokens() -> dict[str, Claims]:
    """Every good token to start from, and what it says: nothing else may ever be accepted."""
    every = [(claims, pair) for claims in (BARE, ACCESS, REFRESH) for pair in PAIRS.values()]
    every += [(FULL, PAIRS["EdDSA"])]
    return {issued(claims, pair): replace(claims, key_id=pair.key_id) for claims, pair in every}


def seeds() -> Mapping[str, list[bytes]]:
    """The inputs of each target, by its name."""
    header = header_of(PAIRS["HS256"])
    headers = [header, header_of(PAIRS["HS256"], TokenType.REFRESH), header_of(PAIRS["ES256"])]
    payloads = [ACCESS_PAYLOAD, REFRESH_PAYLOAD]
    hostile = [signed({**header, **one}, ACCESS_PAYLOAD, PAIRS["HS256"]) for one in HOSTILE_MEMBERS]
    public = [
        pair.verifying for pair in PAIRS.values() if not pair.verifying.algorithm.is_symmetric
    ]
    return {
        "token": [
            *(token.encode() for token in tokens()),
            *(token.encode() for token in hostile),
            *(text.encode() for text in ("", "..", "A.A.A", "eyJ.eyJ.AAAA", "日本.\n.=")),
        ],
        "header": _texts([*headers, *({**header, **one} for one in HOSTILE_MEMBERS)]),
        "payload": _texts(payloads),
        "jwk": [
            *(jwk.write(key.key, key.algorithm, key.key_id).encode() for key in public),
            *_texts([*UNFIT_KEYS, {"kty": "oct", "k": "AAAA", "kid": "key"}]),
        ],
    }


def write(folder: Path, target: str) -> None:
    """Write the target's inputs, one a file."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()[target]):
        (folder / f"seed-{number:02}").write_bytes(seed)


def dictionary() -> str:
    """The words, as libFuzzer reads them."""
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in WORDS)
    return "".join(f'"{word}"\n' for word in escaped)


def _texts(members: Sequence[Mapping[str, object]]) -> list[bytes]:
    written = [json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in members]
    return [text.encode() for text in (*written, *HOSTILE_TEXTS)]
