"""Lets a caller call what it is allowed by name, and nothing else."""

from typing import Any

from tokenauthority_server.domain.errors import CallerNotAllowedError
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context
from tokenauthority_server.transport.policy import Callers, Method


def authorized(behavior: Behavior, method: Method) -> Behavior:
    """Refuse the call of whoever is not allowed the method; raises CallerNotAllowedError."""
    if method.policy.callers is Callers.OPEN:
        return behavior
    path, name = method.path, method.short_name

    async def allowed(request: Any, context: Context, call: Call) -> Any:
        if call.admission is None or path not in call.admission.rpcs:
            raise CallerNotAllowedError(name)
        return await behavior(request, context, call)

    return allowed
