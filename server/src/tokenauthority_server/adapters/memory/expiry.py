"""How long what is minted lives."""

from datetime import datetime

from tokenauthority_server.domain.sessions import Lifetimes


def expire_times(
    issue_time: datetime, end_time: datetime, lifetimes: Lifetimes
) -> tuple[datetime, datetime]:
    """Return when the access and the refresh token expire.

    The refresh token never outlives its session, nor the access token the refresh token.
    """
    refresh_expire_time = min(issue_time + lifetimes.refresh, end_time)
    return min(issue_time + lifetimes.access, refresh_expire_time), refresh_expire_time
