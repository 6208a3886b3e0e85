"""Lets a caller call what it is allowed by name, and nothing else."""

from tokenauthority_server.domain.errors import CallerNotAllowedError
from tokenauthority_server.transport.interceptors.call import Call, Check, Context
from tokenauthority_server.transport.policy import Method


def authorized(method: Method) -> Check:
    """Return what refuses whoever is not allowed the method; it raises CallerNotAllowedError."""
    path, name = method.path, method.short_name

    def allowed(_context: Context, call: Call) -> None:
        if call.admission is None or path not in call.admission.rpcs:
            raise CallerNotAllowedError(name)

    return allowed
