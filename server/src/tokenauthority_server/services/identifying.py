"""Finds out who calls, by the connection's certificate and by a credential. Nothing else counts."""

from collections.abc import Sequence
from typing import Final

from tokenauthority_server.domain.caller_keys import PREFIX, digest_of, is_caller_key
from tokenauthority_server.domain.callers import Admission, KnownCallers
from tokenauthority_server.domain.errors import CallerUnknownError

MAX_CREDENTIAL_CHARACTERS: Final = 8 * 1024
"""As long as any token of this authority may be. Nothing longer is looked at."""

_SCHEME: Final = "bearer "


class Identifying:
    """Every refusal is the same error; its `why` is for the log, and holds nothing of a credential.

    A certificate that names nobody is no claim, so that a caller with a key may have one of the
    network's own. A certificate that names two, a credential that is not good beside a certificate
    that is, and two that name different callers, are refused: what contradicts itself is not
    explained away.
    """

    def __init__(self, known: KnownCallers) -> None:
        self._known = known

    def identify(
        self, uris: Sequence[str], dns_names: Sequence[str], credentials: Sequence[str]
    ) -> Admission:
        """Return who has this certificate and these values of `authorization`.

        Both lists of names are empty where there is no certificate. Raises CallerUnknownError.
        """
        by_certificate = self._by_names(uris, dns_names)
        if not credentials:
            if by_certificate is None:
                named = bool(uris or dns_names)
                raise CallerUnknownError(
                    "the certificate names no caller" if named else "no certificate, no credential"
                )
            return by_certificate
        by_credential = self._by_credentials(credentials)
        if by_certificate is not None and by_certificate != by_credential:
            raise CallerUnknownError("the certificate and the credential name different callers")
        return by_credential

    def _by_names(self, uris: Sequence[str], dns_names: Sequence[str]) -> Admission | None:
        if len(uris) > 1:
            # The X.509-SVID standard of SPIFFE, section 2: exactly one, or it is to be rejected.
            raise CallerUnknownError("the certificate has more than one URI")
        if uris:
            # It alone counts then: whoever may ask for a certificate of its own URI may often put
            # any DNS name beside it.
            return self._known.by_uri(uris[0])
        found = None
        for name in dns_names:
            one = self._known.by_dns(name)
            if one is None:
                continue
            if found is not None and found != one:
                raise CallerUnknownError("the certificate names two callers")
            found = one
        return found

    def _by_credentials(self, credentials: Sequence[str]) -> Admission:
        if len(credentials) > 1:
            raise CallerUnknownError("more than one credential")
        value = credentials[0]
        if len(value) > MAX_CREDENTIAL_CHARACTERS:
            raise CallerUnknownError("the credential is too long")
        if value[: len(_SCHEME)].lower() != _SCHEME:
            raise CallerUnknownError("the credential is not of the scheme Bearer")
        credential = value[len(_SCHEME) :]
        if credential.startswith(PREFIX):
            if not is_caller_key(credential):
                raise CallerUnknownError("the caller key has not the form of one")
            found = self._known.by_key(digest_of(credential))
            if found is None:
                raise CallerUnknownError("the caller key is not known")
        else:
            found = self._known.by_service_account(credential)
            if found is None:
                raise CallerUnknownError("the service account is no caller's")
        return found
