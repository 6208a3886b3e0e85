"""What administrators are told beyond the reason."""

from google.rpc.error_details_pb2 import BadRequest

from tokenauthority_server.domain import errors
from tokenauthority_server.transport.errors import refusal_of, status_of


def test_a_profile_that_is_too_large_names_the_user() -> None:
    error = errors.ProfileTooLargeError()
    status = status_of(
        error, refusal_of(error), request_id="call-1", request_fields=frozenset({"user"})
    )
    bad = BadRequest()
    assert [one for one in status.details if one.Unpack(bad)]
    assert [one.field for one in bad.field_violations] == ["user"]


def test_the_state_of_a_key_is_told() -> None:
    error = errors.KeyStateError("The signing key k may be activated from tomorrow on.")
    status = status_of(error, refusal_of(error), request_id="", request_fields=frozenset())
    assert status.message == (
        "the signing key is not in a state that allows this: The signing key k may be activated "
        "from tomorrow on."
    )
