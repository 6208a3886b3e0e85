"""The strict verifier: what is a token of ours, and what is not (RFC 8725)."""

from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens import jws
from tokenauthority_tokens.jws import CompactToken, Header
from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import MAX_TOKEN_BYTES, Claims, InactiveReason, TokenType


class Verifier:
    """Verifies tokens of one issuer for one audience. Nothing of a token is parsed twice."""

    __slots__ = ("_audiences", "_issuer")

    def __init__(self, *, issuer: str, audience: str) -> None:
        self._issuer = issuer
        # A refresh token is for the issuer alone (RFC 8725, section 3.9).
        self._audiences = {TokenType.ACCESS: audience, TokenType.REFRESH: issuer}

    def audience(self, token_type: TokenType) -> str:
        """Return the `aud` of a token of this type."""
        return self._audiences[token_type]

    def verify(self, keys: KeySet, token: str) -> Claims | InactiveReason:
        """Return the claims of a token that one of the keys signed, for our audience of its type.

        Or the first of these reasons that applies: MALFORMED, UNKNOWN_KEY (no key has this id and
        this algorithm), BAD_SIGNATURE, KEY_REVOKED, WRONG_ISSUER, WRONG_AUDIENCE. Times are for
        `values.unfit`. Of two tokens of one length none takes longer for what is wrong with it:
        each costs one check of a signature. Above MAX_TOKEN_BYTES nothing is looked at. Raises
        nothing, whatever the token.
        """
        if len(token) > MAX_TOKEN_BYTES:
            return InactiveReason.MALFORMED
        try:
            parts = jws.split(token)
            header = keys.headers.get(parts.header_segment) or jws.read_header(parts.header_segment)
        except ValueError:
            keys.decoy.spend(token.encode("utf-8", "surrogatepass"))
            return InactiveReason.MALFORMED
        return self._judge(keys, header, parts)

    def _judge(self, keys: KeySet, header: Header, parts: CompactToken) -> Claims | InactiveReason:
        try:
            claims = payloads.read(parts.payload, header.token_type, header.key_id)
        except ValueError:
            # No exception of the parsing gets out: the text of the token would hang on it.
            claims = None
        key = keys.find(header)
        good = (key or keys.decoy).verify(parts.signing_input, parts.signature)
        if claims is None:
            return InactiveReason.MALFORMED
        if key is None:
            return InactiveReason.UNKNOWN_KEY
        if not good:
            return InactiveReason.BAD_SIGNATURE
        return InactiveReason.KEY_REVOKED if key.revoked else self._addressed(claims)

    def _addressed(self, claims: Claims) -> Claims | InactiveReason:
        if claims.issuer != self._issuer:
            return InactiveReason.WRONG_ISSUER
        if claims.audience != self._audiences[claims.token_type]:
            return InactiveReason.WRONG_AUDIENCE
        return claims
