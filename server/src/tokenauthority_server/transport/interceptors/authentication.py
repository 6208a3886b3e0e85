"""Finds out who calls, and tells the code of the method."""

from collections.abc import Callable
from typing import Final

import structlog

from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.domain.errors import CallerUnknownError
from tokenauthority_server.services.identifying import Identifying
from tokenauthority_server.transport.calling import current_caller
from tokenauthority_server.transport.interceptors.access_log import address_of
from tokenauthority_server.transport.interceptors.call import Call, Check, Context
from tokenauthority_server.transport.interceptors.log_allowance import LogAllowance
from tokenauthority_server.transport.peer import peer_certificate
from tokenauthority_server.transport.policy import Method

Identify = Callable[[Context], Admission]
"""Returns who calls; raises CallerUnknownError."""

_CREDENTIAL: Final = "authorization"

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def authenticated(identify: Identify) -> Callable[[Method], Check]:
    """Return what admits nobody to a method whom `identify` does not know.

    Why somebody is not known stands in the log alone.
    """
    lines = LogAllowance("more calls of unknown callers, not logged")

    def authenticate(method: Method) -> Check:
        def known(context: Context, call: Call) -> None:
            try:
                call.admission = admission = identify(context)
            except CallerUnknownError as error:
                call.logged = lines.take()
                if call.logged:
                    peer = address_of(context.peer())
                    _log.warning("caller unknown", method=method.path, why=error.why, peer=peer)
                raise
            # Each call has a task, and so a context, of its own: nothing has to be reset.
            current_caller.set(admission.caller)

        return known

    return authenticate


def identify_by(identifying: Identifying) -> Identify:
    """Return what looks at a call's certificate and its credential, and at nothing else."""

    def identify(context: Context) -> Admission:
        certificate = peer_certificate(context)
        credentials = [
            str(value) for key, value in context.invocation_metadata() or () if key == _CREDENTIAL
        ]
        if certificate is None:
            return identifying.identify((), (), credentials)
        return identifying.identify(certificate.uri_sans, certificate.dns_sans, credentials)

    return identify
