"""What has to hold for any token whatever."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeVar

from fuzz import seeds
from fuzz.keys import KEYS, PAIRS
from support.key_pairs import KeyPair
from support.reference import flaw_in_form, second_opinion
from unit.tokens.forging import (
    ACCESS_PAYLOAD,
    AUDIENCE,
    ISSUER,
    REFRESH_PAYLOAD,
    header_of,
    segment,
    signed,
)

from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import UnfitKeyError
from tokenauthority_tokens.keys import KeySet, VerifyingKey
from tokenauthority_tokens.values import MAX_TOKEN_BYTES, Claims, InactiveReason, TokenType

Verify = Callable[[KeySet, str], Claims | InactiveReason]
T = TypeVar("T")

ACCEPTED: Final = "accepted"
REFUSED: Final = "UNFIT_KEY"
MOST_SECONDS: Final = 0.05
"""Of the processor's time for one input: a hundred times of what is usual."""

_REASONS: Final = {
    InactiveReason.MALFORMED,
    InactiveReason.UNKNOWN_KEY,
    InactiveReason.BAD_SIGNATURE,
    InactiveReason.WRONG_ISSUER,
    InactiveReason.WRONG_AUDIENCE,
}
_TYPES: Final[set[type]] = {str, int, tuple, TokenType}
_PAYLOADS: Final = {TokenType.ACCESS: ACCESS_PAYLOAD, TokenType.REFRESH: REFRESH_PAYLOAD}


class FindingError(AssertionError):
    """What must never be; the text says what."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks a verifier, and doubts its answers. Each method returns what became of the input."""

    verify: Verify

    def token(self, data: bytes) -> str:
        """Take the input for a token: of those that were issued it may be one, and no other."""
        text = data.decode("utf-8", "surrogateescape")
        answer = self._ask(text)
        if isinstance(answer, Claims) and answer not in _ISSUED:
            raise FindingError(f"A token that nobody issued is accepted: {answer}")
        return self._told(text, answer)

    def header(self, data: bytes) -> str:
        """Take the input for the header of tokens that were signed, whoever it names."""
        return self._best(signed(data, _PAYLOADS[one], pair) for pair, one in _signers(data))

    def payload(self, data: bytes) -> str:
        """Take the input for the payload of tokens that were signed."""
        return self._best(signed(header_of(pair, one), data, pair) for pair, one in _signers(data))

    def _best(self, tokens: Iterable[str]) -> str:
        told = [self._told(token, self._ask(token)) for token in tokens]
        return ACCEPTED if ACCEPTED in told else told[0]

    def _ask(self, token: str) -> Claims | InactiveReason:
        answer = _in_time(lambda: self.verify(KEYS, token))
        if not isinstance(answer, Claims) and answer not in _REASONS:
            raise FindingError(f"The answer is neither claims nor a reason: {answer!r}")
        return answer

    def _told(self, token: str, answer: Claims | InactiveReason) -> str:
        if isinstance(answer, InactiveReason):
            return answer.value
        if len(token) > MAX_TOKEN_BYTES:
            raise FindingError("A token that is too long is accepted")
        key = KEYS.keys[answer.key_id]
        doubt = _flaw_in_claims(answer) or flaw_in_form(token) or second_opinion(token, key, answer)
        if doubt:
            raise FindingError(f"A token is accepted, but {doubt}")
        again = payloads.read(payloads.write(answer), answer.token_type, answer.key_id)
        if again != answer:
            raise FindingError(f"What is read is not what would be written: {answer}, {again}")
        return ACCEPTED


def _flaw_in_claims(claims: Claims) -> str:
    """Return what is wrong with claims that are accepted, or an empty string."""
    strange = {type(getattr(claims, field.name)) for field in fields(claims)} - _TYPES
    if strange:
        return f"claims are of no type that they should be of: {strange}"
    access = claims.token_type is TokenType.ACCESS
    if (claims.issuer, claims.audience) != (ISSUER, AUDIENCE if access else ISSUER):
        return f"it is by or for somebody else: {claims}"
    if not 0 <= claims.expire_time - claims.issue_time <= (1 if access else 365) * 24 * 3600:
        return f"it lives longer than any: {claims}"
    return ""


def public_key(data: bytes) -> str:
    """Take the input for a public key: it is refused, or it is one, and verifies nothing."""
    key = _in_time(lambda: _read(data.decode("utf-8", "surrogateescape")))
    if key is None:
        return REFUSED
    if not (key.key_id.isascii() and key.key_id.isprintable()):
        raise FindingError(f"A kid is accepted that no log should hold: {key.key_id!r}")
    given, written = json.loads(data), json.loads(jwk.write(key.key, key.algorithm, key.key_id))
    if given.keys() & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
        raise FindingError(f"A private key is accepted: {given}")
    for name in ("kid", *key.algorithm.thumbprint_members):
        if given[name] != written[name]:
            raise FindingError(f"It is read as {written}, and was {given}")
    keys = KeySet.of([key])
    message = f"{next(iter(keys.headers))}.{segment(ACCESS_PAYLOAD)}".encode()
    if _in_time(lambda: key.verify(message, bytes(range(key.signature_bytes % 256)))):
        raise FindingError("A key that was made up verifies")
    return ACCEPTED


def _signers(data: bytes) -> Sequence[tuple[KeyPair, TokenType]]:
    """Return who signs: HS256, which costs little, and ES256 for every other input."""
    cheap = [(PAIRS["HS256"], one) for one in TokenType]
    return cheap if len(data) % 2 else [*cheap, (PAIRS["ES256"], TokenType.ACCESS)]


def _read(text: str) -> VerifyingKey | None:
    try:
        return jwk.public_key(text)
    except UnfitKeyError:
        return None


def _in_time(ask: Callable[[], T]) -> T:
    """Return the answer, unless it takes too long three times in a row."""
    for _ in range(3):
        begin = time.thread_time()
        answer = ask()
        took = time.thread_time() - begin
        if took <= MOST_SECONDS:
            return answer
    raise FindingError(f"It takes {1000 * took:.0f} ms of the processor")


_ISSUED: Final = set(seeds.tokens().values())
