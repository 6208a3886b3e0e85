"""What is fuzzed: its name, what becomes of an input, and how inputs are changed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from fuzz import judging, mutators
from unit.tokens.forging import VERIFIER

from tokenauthority_tokens.jwk import MAX_JWK_BYTES
from tokenauthority_tokens.values import MAX_TOKEN_BYTES


@dataclass(frozen=True, slots=True)
class Target:
    """`run` returns what became of the input, and raises for what must not be."""

    run: Callable[[bytes], str]
    change: Callable[[bytes, int, Random, mutators.Mutate], bytes]
    longest: int


_JUDGE: Final = judging.Judge(VERIFIER.verify)

TARGETS: Final = {
    "token": Target(_JUDGE.token, mutators.change_token, MAX_TOKEN_BYTES + 8),
    "header": Target(_JUDGE.header, mutators.change_json, MAX_TOKEN_BYTES),
    "payload": Target(_JUDGE.payload, mutators.change_json, MAX_TOKEN_BYTES),
    "jwk": Target(judging.public_key, mutators.change_json, MAX_JWK_BYTES + 8),
}
