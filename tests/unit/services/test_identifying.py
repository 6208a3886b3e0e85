"""Who calls is told by the certificate and the credential, whole, and by neither in part."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tokenauthority_server.domain.caller_keys import caller_key, digest_of
from tokenauthority_server.domain.callers import EVERY_RIGHT, Admission, Caller
from tokenauthority_server.domain.errors import CallerUnknownError
from tokenauthority_server.services.identifying import MAX_CREDENTIAL_CHARACTERS, Identifying

URI = "spiffe://wakedock.internal/ns/wakedock/sa/api"
KEY, OTHER_KEY = caller_key(bytes(range(32))), caller_key(bytes(32))
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"


def admission(name: str) -> Admission:
    return Admission(caller=Caller(name=name, rights=EVERY_RIGHT))


API, WEB = admission("api"), admission("web")


@dataclass
class Known:
    """The port KnownCallers."""

    uris: Mapping[str, Admission] = field(default_factory=lambda: {URI: API})
    names: Mapping[str, Admission] = field(
        default_factory=lambda: {"api.internal": API, "api-2.internal": API, "web.internal": WEB}
    )
    keys: Mapping[bytes, Admission] = field(
        default_factory=lambda: {digest_of(KEY): API, digest_of(OTHER_KEY): WEB}
    )
    tokens: Mapping[str, Admission] = field(default_factory=lambda: {TOKEN: API})

    def by_uri(self, uri: str) -> Admission | None:
        return self.uris.get(uri)

    def by_dns(self, name: str) -> Admission | None:
        return self.names.get(name)

    def by_key(self, digest: bytes) -> Admission | None:
        return self.keys.get(digest)

    def by_service_account(self, token: str) -> Admission | None:
        return self.tokens.get(token)


IDENTIFYING = Identifying(Known())


@pytest.mark.parametrize(
    ("uris", "names", "credentials"),
    [
        ([URI], [], []),
        ([URI], ["elsewhere.internal"], []),
        ([], ["api.internal"], []),
        # Two names of one caller contradict nothing.
        ([], ["elsewhere.internal", "api.internal", "api-2.internal"], []),
        ([], [], [f"Bearer {KEY}"]),
        ([], [], [f"bearer {KEY}"]),
        ([], [], [f"Bearer {TOKEN}"]),
        ([URI], [], [f"Bearer {KEY}"]),
        # A certificate that names nobody is no claim.
        (["spiffe://mesh/ns/a/sa/b"], [], [f"Bearer {KEY}"]),
        ([], ["mesh.internal"], [f"Bearer {TOKEN}"]),
    ],
)
def test_who_shows_it_is_known(uris: list[str], names: list[str], credentials: list[str]) -> None:
    assert IDENTIFYING.identify(uris, names, credentials) is API


@pytest.mark.parametrize(
    ("uris", "names", "credentials", "why"),
    [
        ([], [], [], "no certificate, no credential"),
        # A part of an allowed name, and an allowed name as a part.
        ([URI[:-1]], [], [], "names no caller"),
        ([f"{URI}x"], [], [], "names no caller"),
        ([f"{URI}/"], [], [], "names no caller"),
        ([URI.upper()], [], [], "names no caller"),
        ([URI.replace("//", "//evil@")], [], [], "names no caller"),
        ([], ["evil.api.internal"], [], "names no caller"),
        ([], ["api.internal.evil"], [], "names no caller"),
        ([], ["*.internal"], [], "names no caller"),
        ([URI, URI], [], [], "more than one URI"),
        ([URI, "spiffe://other/one"], [], [f"Bearer {KEY}"], "more than one URI"),
        # Where there is a URI it alone counts.
        (["spiffe://mesh/ns/a/sa/b"], ["api.internal"], [], "names no caller"),
        ([], ["api.internal", "web.internal"], [], "names two callers"),
        ([URI], [], [f"Bearer {OTHER_KEY}"], "different callers"),
        # A good certificate makes no bad credential good.
        ([URI], [], ["Bearer nonsense"], "service account is no caller's"),
        ([URI], [], [""], "not of the scheme"),
        ([], [], [f"Bearer {KEY}", f"Bearer {KEY}"], "more than one credential"),
        ([], [], [KEY], "not of the scheme"),
        ([], [], [f"Basic {KEY}"], "not of the scheme"),
        ([], [], [f"Bearer  {KEY}"], "service account is no caller's"),
        ([], [], [f"Bearer {KEY} "], "not the form"),
        ([], [], [f"Bearer {KEY[:-1]}"], "not the form"),
        ([], [], [f"Bearer {caller_key(b'x' * 32)}"], "key is not known"),
        ([], [], ["Bearer tac_é"], "not the form"),
        ([], [], ["Bearer " + "x" * MAX_CREDENTIAL_CHARACTERS], "too long"),
    ],
)
def test_anybody_else_is_not(
    uris: list[str], names: list[str], credentials: list[str], why: str
) -> None:
    with pytest.raises(CallerUnknownError) as caught:
        IDENTIFYING.identify(uris, names, credentials)

    assert why in caught.value.why
    assert str(caught.value) == "the caller is not known"
    assert KEY[4:] not in caught.value.why
