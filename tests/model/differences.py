"""Where the authority and the model do not say the same; and how the contract puts a refusal."""

import grpc
from model.running_authority import Refusal

NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
CODES = {
    "INVALID_REQUEST": grpc.StatusCode.INVALID_ARGUMENT,
    "REQUEST_ID_REUSED": grpc.StatusCode.INVALID_ARGUMENT,
    "PROFILE_TOO_LARGE": grpc.StatusCode.INVALID_ARGUMENT,
    "REQUEST_ID_SPENT": grpc.StatusCode.FAILED_PRECONDITION,
    "USER_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "USERNAME_TAKEN": grpc.StatusCode.ALREADY_EXISTS,
    "USER_NOT_ALLOWED": grpc.StatusCode.PERMISSION_DENIED,
    "REFRESH_TOKEN_INVALID": grpc.StatusCode.UNAUTHENTICATED,
    "REFRESH_TOKEN_EXPIRED": grpc.StatusCode.UNAUTHENTICATED,
    "REFRESH_TOKEN_REUSED": grpc.StatusCode.UNAUTHENTICATED,
    "SESSION_ENDED": grpc.StatusCode.UNAUTHENTICATED,
}


class DifferenceError(AssertionError):
    """The authority and the model do not say the same."""


class BusyError(BaseException):
    """The history tells nothing: the machine is too busy. No Exception, so that the run ends."""


def is_no_answer(answer: object) -> bool:
    return isinstance(answer, Refusal) and answer.code in NO_ANSWER


def refusal(reason: str) -> Refusal:
    return Refusal(CODES[reason], reason)
