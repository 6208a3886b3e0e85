"""What Revoke promises of tokens that this process cannot judge."""

from dataclasses import dataclass, replace

import pytest
from support.asking import ORIGIN
from support.use_cases import Authority

from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenRefusedError


@dataclass(frozen=True)
class Refusing:
    """A verifier that refuses every token for one reason."""

    reason: InactiveReason

    def verify(self, token: str) -> Claims:
        del token
        raise TokenRefusedError(self.reason)


@pytest.mark.parametrize(
    "reason",
    [
        InactiveReason.MALFORMED,
        InactiveReason.BAD_SIGNATURE,
        InactiveReason.UNKNOWN_KEY,
        InactiveReason.WRONG_ISSUER,
        InactiveReason.WRONG_AUDIENCE,
    ],
)
async def test_only_what_is_good_nowhere_is_refused_everywhere(
    here: Authority, reason: InactiveReason
) -> None:
    # The others another replica may accept, which has the key, or another issuer.
    nowhere = reason in {InactiveReason.MALFORMED, InactiveReason.BAD_SIGNATURE}
    recognition = replace(here.revoking.recognition, verifier=Refusing(reason))
    revoking = replace(here.revoking, recognition=recognition)
    done = await revoking.revoke_token("a token", RevocationReason.LOGOUT, ORIGIN)
    assert (done.sessions, done.tokens, done.effective_everywhere) == (0, 0, nowhere)
