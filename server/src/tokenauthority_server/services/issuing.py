"""CreatePair: open a session and hand out its first pair."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tokenauthority_server.domain.ports import ActivityLog, Entropy, Propagation, SessionStore
from tokenauthority_server.domain.revocations import about_user
from tokenauthority_server.domain.sessions import (
    NO_CAP,
    CreateRequest,
    Grant,
    Lifetimes,
    NewSession,
    Origin,
    SessionCap,
)
from tokenauthority_server.domain.tokens import TokenPair, fingerprint
from tokenauthority_server.services.minting import Minting


@dataclass(frozen=True, slots=True)
class Issuing:
    """Opens sessions."""

    sessions: SessionStore
    minting: Minting
    entropy: Entropy
    activity: ActivityLog
    lifetimes: Lifetimes
    propagation: Propagation
    cap: SessionCap = NO_CAP

    async def create_pair(self, request: CreateRequest, origin: Origin) -> TokenPair:
        """Open a session and return its pair; the same request_id gets the same pair again.

        Raises what SessionStore.create raises, and ProfileTooLargeError.
        """

        async def create(new: NewSession) -> Grant:
            return await self.sessions.create(new, self.lifetimes, origin)

        return await self.open(request, create)

    async def open(
        self, request: CreateRequest, change: Callable[[NewSession], Awaitable[Grant]]
    ) -> TokenPair:
        """Return the pair of the session that the change opens; raise ProfileTooLargeError too."""
        budget = self.minting.budget(request.device.device_id, request.scope)
        session_id = self.entropy.session_id()
        profile = request.profile

        async def opened(key_id: str) -> Grant:
            new = NewSession(
                request=request,
                session_id=session_id,
                refresh_fingerprint=fingerprint(self.minting.ids.first(session_id)[0]),
                key_id=key_id,
                profile_size=self.minting.signer.profile_size(profile) if profile else 0,
                profile_budget=budget,
                cap=self.cap,
            )
            return await change(new)

        grant = await self.minting.granted(opened)
        if profile and grant.profile_epoch:
            # It may have taken away rights. Known here at once; nobody is waited for.
            await self.propagation.publish(about_user(grant.profile.user_id))
        if self.cap.sessions:
            # It may have ended another session: only the store knows which.
            await self.propagation.publish_new()
        pair = await self.minting.pair(grant, self.minting.ids.first(grant.session_id))
        self.activity.record(request.user_id, grant.session_id, grant.now)
        return pair
