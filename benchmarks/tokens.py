"""T1 and T2: verifying and signing a token, against PyJWT's own decode and encode of it.

Both sides run in this process and alternate: there is no store and no driver. The time is that of
the processor, so that what else runs on the machine counts as little as it can.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from benchmarks.figures import Spread, ratio
from benchmarks.rows import Line, Row, Verdict
from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens.algorithms import ALGORITHMS
from tokenauthority_tokens.keys import VerifyingKey
from tokenauthority_tokens.values import Claims, TokenType, unfit

VERIFYING_BUDGET = 1.1
ISSUER, AUDIENCE = "wakedock", "wakedock-users"
LEEWAY = 5
"""In seconds, as CLOCK_LEEWAY_SECONDS is when nobody sets it."""
LIFETIME = 3600
KEY_ID = "k" * 43
USER = ("engines.read", "engines.run")
ADMINISTRATOR = tuple(
    f"resource-{number:02}.{verb}"
    for number in range(24)
    for verb in ("read", "write", "delete", "share")
)
"""Permissions that make a token of 3.3 kB."""

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, and for about how many seconds each side runs in each."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Sides:
    """Microseconds for a token, in each round."""

    ours: list[float]
    bare: list[float]

    @property
    def ratio(self) -> Spread:
        return ratio(self.ours, self.bare)


def verifying(pace: Pace) -> Row:
    measured = {}
    for name, (key, private) in _keys().items():
        codec = _codec(key, private)
        for who, permissions in (("user", USER), ("admin", ADMINISTRATOR)):
            token = codec.sign(_claims(permissions))
            what = f"{name}, {who}, {len(token) / 1000:.1f} kB, µs"
            ours, bare = partial(_verify, codec, token), partial(_decode, name, key.key, token)
            measured[what] = _alternate(ours, bare, pace)
    return _row(
        "T1",
        "the strict verification of an access token, times included, against jwt.decode with its "
        "algorithm, issuer, audience and times checked and every claim required; one core",
        measured,
        VERIFYING_BUDGET,
    )


def signing(pace: Pace) -> Row:
    claims = _claims(USER)
    measured = {
        f"{name}, µs": _alternate(
            partial(_codec(key, private).sign, claims),
            partial(_encode, name, private, json.loads(payloads.write(claims))),
            pace,
        )
        for name, (key, private) in _keys().items()
    }
    return _row(
        "T2", "writing and signing a user's access token against jwt.encode; one core", measured
    )


def _verify(codec: TokenCodec, token: str) -> None:
    claims = codec.verify(token)
    assert unfit(claims, TokenType.ACCESS, now=time.time(), leeway=LEEWAY) is None


def _decode(name: str, key: Any, token: str) -> None:
    jwt.decode(
        token,
        key,
        algorithms=[name],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=LEEWAY,
        options=DECODING,
    )


DECODING: Any = {
    "strict_aud": True,
    "require": [
        *("sub", "session_id", "token_type", "iat", "exp", "iss", "aud", "jti"),
        *("epoch", "profile_epoch"),
    ],
}


def _encode(name: str, private: Any, members: dict[str, Any]) -> str:
    return jwt.encode(members, private, algorithm=name, headers={"kid": KEY_ID, "typ": "at+jwt"})


def _alternate(ours: Step, bare: Step, pace: Pace) -> Sides:
    """Return what each took, round by round; a round before the first warms both."""
    times = max(1, int(pace.seconds / (_seconds(bare, 10) / 10)))
    took = [
        [1e6 * _seconds(step, times) / times for step in (ours, bare)]
        for _ in range(pace.rounds + 1)
    ]
    return Sides(*(list(side) for side in zip(*took[1:], strict=True)))


def _seconds(step: Step, times: int) -> float:
    begin = time.process_time()
    for _ in range(times):
        step()
    return time.process_time() - begin


def _row(
    name: str, compares: str, measured: Mapping[str, Sides], budget: float | None = None
) -> Row:
    return Row(
        id=name,
        compares=compares,
        lines=tuple(_line(what, sides, budget) for what, sides in measured.items()),
        verdict=_verdict([sides.ratio.median for sides in measured.values()], budget),
        details={
            "ratios": {what: asdict(sides.ratio) for what, sides in measured.items()},
            "microseconds": {what: asdict(sides) for what, sides in measured.items()},
        },
    )


def _verdict(ratios: Sequence[float], budget: float | None) -> Verdict:
    if budget is None:
        return Verdict.SHOWN
    return Verdict.MET if max(ratios) <= budget else Verdict.BROKEN


def _line(what: str, sides: Sides, budget: float | None) -> Line:
    ours, bare = (f"{Spread.of(one).median:.1f}" for one in (sides.ours, sides.bare))
    return Line(what, ours, bare, str(sides.ratio), f"≤ {budget:g}" if budget else "")


def _keys() -> dict[str, tuple[VerifyingKey, Any]]:
    """Return a new key of each algorithm and its private half, with RSA keys of 2,048 bits."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private: dict[str, Any] = {
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        "RS256": rsa_key,
        "PS256": rsa_key,
        "HS256": bytes(range(32)),
    }
    return {
        name: (
            VerifyingKey(
                key_id=KEY_ID,
                algorithm=algorithm,
                key=private[name] if algorithm.is_symmetric else private[name].public_key(),
            ),
            private[name],
        )
        for name, algorithm in ALGORITHMS.items()
    }


def _codec(key: VerifyingKey, private: Any) -> TokenCodec:
    ring = KeyRing(key.algorithm.name)
    now = datetime.now(UTC)
    one = TokenKey(verifying=key, state=KeyState.ACTIVE, jwk="", create_time=now, signing=private)
    ring.replace([one])
    return TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE)


def _claims(permissions: tuple[str, ...]) -> Claims:
    now = int(time.time())
    return Claims(
        token_type=TokenType.ACCESS,
        user_id="user-1",
        session_id="sess_" + "s" * 43,
        token_id="j" * 43,
        issue_time=now,
        expire_time=now + LIFETIME,
        epoch=3,
        issuer=ISSUER,
        audience=AUDIENCE,
        key_id=KEY_ID,
        device_id="laptop",
        scope=("read", "write"),
        username="ada",
        email="ada@example.org",
        roles=("engineer",),
        permissions=permissions,
        profile_epoch=4,
    )
