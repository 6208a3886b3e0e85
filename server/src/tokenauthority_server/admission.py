"""Who may call what, and how often, wired: for the server, and for what checks its files."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from tokenauthority_server.adapters.callers.file import read_callers
from tokenauthority_server.adapters.callers.following import FollowedCallers
from tokenauthority_server.adapters.callers.known import CallersFile
from tokenauthority_server.adapters.redis.connection import Client
from tokenauthority_server.adapters.redis.rates import RedisRateExchange
from tokenauthority_server.config import Settings, is_loopback
from tokenauthority_server.domain.callers import ANONYMOUS, Admission, Caller, Rights
from tokenauthority_server.domain.revocations import CLAIMABLE_REASONS
from tokenauthority_server.services.identifying import Identifying
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.authentication import Identify, identify_by
from tokenauthority_server.transport.policy import POLICIES, Policy, for_known_callers_only

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_ADMINISTRATION: Final = "/tokenauthority.v1.AdminService/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitting:
    """What decides about each call; `follow` keeps it to the file, None where there is none."""

    identify: Identify
    limits: RateLimits
    policies: Mapping[str, Policy]
    follow: Callable[[], Awaitable[None]] | None


def admitting(settings: Settings, redis: Client, metrics: Metrics, *, dev: bool) -> Admitting:
    """Return it; raise CallersFileError when the file is bad.

    Without a file nobody is told apart. Then `dev`, on loopback, lets everyone do everything; the
    others leave administration out.
    """
    limits = RateLimits(RedisRateExchange(redis), time.monotonic_ns)
    if settings.callers_file is None:
        everyone = anonymous(settings, dev=dev)
        return Admitting(identify=lambda _: everyone, limits=limits, policies=POLICIES, follow=None)
    callers = FollowedCallers(lambda: callers_of(settings), tell=metrics.callers_file)
    if not settings.tls_client_ca_file and (names := callers.current.by_certificate_alone):
        _log.warning("nobody is asked for a certificate: set TLS_CLIENT_CA_FILE", callers=names)
    policies = POLICIES
    if settings.health_requires_caller:
        policies = for_known_callers_only(POLICIES)
    return Admitting(
        identify=identify_by(Identifying(callers)),
        limits=limits,
        policies=policies,
        follow=callers.tick,
    )


def callers_of(settings: Settings) -> CallersFile:
    """Return the callers of CALLERS_FILE, which must be set; raise CallersFileError."""
    path, leeway = settings.callers_file, settings.clock_leeway.total_seconds()
    if path is None:
        raise ValueError("there is no callers' file")
    return read_callers(path, POLICIES, leeway)


def anonymous(settings: Settings, *, dev: bool) -> Admission:
    """Return what everybody may where nobody is told apart.

    They share no rate: with one, whoever used it up would shut all the others out.
    """
    here = is_loopback(settings.grpc_host)
    rights = Rights(see_reasons=here, write_profiles=True, claimable_reasons=CLAIMABLE_REASONS)
    everything = dev and here
    return Admission(
        caller=Caller(name=ANONYMOUS, rights=rights),
        rpcs=frozenset(
            path for path in POLICIES if everything or not path.startswith(_ADMINISTRATION)
        ),
    )
