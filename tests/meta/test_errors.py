"""The table of errors is complete: every domain error has a row, and every reason has a use."""

from tokenauthority.v1.error_reason_pb2 import ErrorReason
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.errors import AuthorityError, TemporaryError
from tokenauthority_server.transport.errors import INTERNAL, REFUSALS

# Only their subclasses are raised.
ABSTRACT = {AuthorityError, TemporaryError}


def test_every_domain_error_has_a_row() -> None:
    raised = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, AuthorityError)
    } - ABSTRACT

    assert raised <= set(REFUSALS)
    assert not ABSTRACT & set(REFUSALS)


def test_every_subclass_anywhere_has_a_row() -> None:
    def below(kind: type[AuthorityError]) -> set[type[AuthorityError]]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    of_the_server = {
        kind
        for kind in below(AuthorityError)
        if kind.__module__.startswith("tokenauthority_server")
    }

    assert of_the_server - ABSTRACT <= set(REFUSALS)


def test_every_reason_has_a_use() -> None:
    used = {refusal.reason_name for refusal in (*REFUSALS.values(), INTERNAL)}
    published = {
        name.removeprefix("ERROR_REASON_") for name in ErrorReason.DESCRIPTOR.values_by_name
    }

    assert used == published - {"UNSPECIFIED"}


def test_no_two_errors_share_a_reason() -> None:
    reasons = [refusal.reason_name for refusal in (*REFUSALS.values(), INTERNAL)]

    assert len(reasons) == len(set(reasons))
