"""The contract's rules about sessions and their tokens, said once more and as shortly as can be.

Nothing here is shared with the server, its memory adapters included. There is one caller, who asks
one thing after the other. Times are in seconds; `now` moves only when time is let pass.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenauthority.v1 import token_service_pb2 as pb

MINUTE, DAY = 60, 86_400
ACCESS, REFRESH, SESSION = 30 * MINUTE, 7 * DAY, 30 * DAY
GRACE = 30
REQUEST_WINDOW = 10 * MINUTE
MOST_SESSIONS = 4  # the oldest make room
FACT_MARGIN = 5 * MINUTE
USER_FACT = DAY + FACT_MARGIN  # so long is the reason told for which all of a user's was ended
ROOM = 4_500  # about the bytes that a token has for profile and scope; nothing here comes near


class RefusedError(Exception):
    """The call is refused; `reason` is an ErrorReason's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(eq=False)
class User:
    profile: pb.Subject
    profile_epoch: int = 0
    epoch: int = 0
    status: str = "ACTIVE"
    locked_until: int | None = None
    # Of the last time that all sessions were ended: why, when, and which one was kept.
    ended_for: str = ""
    ended_at: int = 0
    kept: "Session | None" = None


@dataclass(eq=False)
class Pair:
    """What both tokens of a pair say, whenever they are signed."""

    session: "Session"
    generation: int
    issued: int
    access_expire: int
    refresh_expire: int
    profile: pb.Subject
    profile_epoch: int
    killed_for: str = ""


@dataclass(eq=False)
class Session:
    """Its id is the server's choice, and so filled in by whoever compares the two."""

    user: User
    request: pb.CreatePairRequest
    created: int
    epoch: int
    device: pb.Device
    pairs: list[Pair] = field(default_factory=list)
    ended_for: str = ""
    session_id: str = ""

    @property
    def current(self) -> Pair:
        return self.pairs[-1]


Verdict = tuple[str, str]  # InactiveReason and RevocationReason, each empty where there is none
LIVES: Verdict = ("", "")


class AuthorityModel:
    def __init__(self) -> None:
        self.now = 0
        self.users: dict[str, User] = {}
        self.sessions: list[Session] = []
        self.metrics: Counter[tuple[str, str, str]] = Counter()
        self.audited: Counter[tuple[str, str]] = Counter()

    def create(self, request: pb.CreatePairRequest) -> Pair:
        subject = request.subject if request.HasField("subject") else None
        user_id = subject.user_id if subject else request.user_id
        user = self.users.get(user_id)
        if subject and too_large(subject, request.scope):
            raise RefusedError("PROFILE_TOO_LARGE")
        if user and not self.allowed(user):
            raise RefusedError("USER_NOT_ALLOWED")
        first = self._first_of(user, request.request_id)
        if first:
            if first.request != request:
                raise RefusedError("REQUEST_ID_REUSED")
            if len(first.pairs) > 1 or not self.is_live(first):
                raise RefusedError("REQUEST_ID_SPENT")
            return first.current
        if subject:
            user = self._put_profile(user_id, subject)
        if not user:
            raise RefusedError("USER_NOT_FOUND")
        if too_large(user.profile, request.scope):
            raise RefusedError("PROFILE_TOO_LARGE")
        for oldest in self.live_sessions(user_id)[MOST_SESSIONS - 1 :]:
            oldest.ended_for = "SESSION_LIMIT"
            self._count(oldest, "revoked", "session.revoked")
        device = pb.Device.FromString(request.device.SerializeToString())
        session = Session(user, request, self.now, user.epoch, device)
        self.sessions.append(session)
        self._count(session, "created", "session.created")
        return self._next_pair(session)

    def refresh(self, pair: Pair, device: pb.Device) -> tuple[Pair, bool]:
        """Return the successor, and whether it had been given before."""
        session, user = pair.session, pair.session.user
        current = session.current
        if session.ended_for or session.epoch != user.epoch:
            raise RefusedError("SESSION_ENDED")
        if current.refresh_expire <= self.now:
            raise RefusedError("REFRESH_TOKEN_EXPIRED")
        if pair is not current and not self._may_be_asked_again(pair, device):
            session.ended_for = "REUSE_DETECTED"
            self._count(session, "reuse_detected", "session.reuse_detected")
            self._count(session, "revoked")
            raise RefusedError("REFRESH_TOKEN_REUSED")
        if not self.allowed(user):
            raise RefusedError("USER_NOT_ALLOWED")
        if pair is not current:
            return current, True
        if too_large(user.profile, session.request.scope):
            raise RefusedError("PROFILE_TOO_LARGE")
        session.device.user_agent = device.user_agent or session.device.user_agent
        session.device.ip_address = device.ip_address or session.device.ip_address
        self._count(session, "refreshed")
        return self._next_pair(session), False

    def kill(self, pair: Pair, epoch: int, reason: str) -> int:
        """Revoke an access token that has not expired; return how many were alive."""
        if self.access_verdict(pair, epoch) != LIVES:
            return 0
        pair.killed_for = reason
        self._count(pair.session, "revoked", "token.revoked")
        return 1

    def end_session(self, session: Session, reason: str) -> int:
        was_live = self.is_live(session)
        # Where clocks are apart, one that has just expired may still be alive.
        late = session.current.refresh_expire + FACT_MARGIN <= self.now
        if not session.ended_for and session.epoch == session.user.epoch and not late:
            session.ended_for = reason
        if was_live:
            self._count(session, "revoked", "session.revoked")
        return int(was_live)

    def end_user_sessions(self, user_id: str, kept_id: str, reason: str) -> int:
        user = self.users.get(user_id)
        if not user:
            return 0
        live = self.live_sessions(user_id)
        kept = next((one for one in live if one.session_id == kept_id), None)
        ended = len(live) - (kept is not None)
        user.epoch += 1
        if kept:
            kept.epoch = user.epoch
        user.kept, user.ended_for, user.ended_at = kept, reason, self.now
        self.metrics += Counter({(user_id, "", "bulk_revoked"): ended})
        self.audited[user_id, "user.sessions_revoked"] += 1
        return ended

    def live_sessions(self, user_id: str) -> list[Session]:
        """Return them newest first."""
        mine = [one for one in self.sessions if one.user is self.users.get(user_id)]
        return [one for one in mine[::-1] if self.is_live(one)]

    def access_verdict(self, pair: Pair, epoch: int) -> Verdict:
        """Judge an access token that has not expired, by the session's epoch that it carries."""
        session, user = pair.session, pair.session.user
        if pair.killed_for:
            return "TOKEN_REVOKED", pair.killed_for
        if session.ended_for:
            return "SESSION_REVOKED", session.ended_for
        if epoch < user.epoch and user.kept is not session:
            return "USER_REVOKED", user.ended_for
        if pair.profile_epoch < user.profile_epoch:
            return "USER_REVOKED", "PROFILE_CHANGED"
        return LIVES

    def refresh_verdict(self, pair: Pair) -> Verdict:
        session, user = pair.session, pair.session.user
        if session.ended_for:
            return "SESSION_REVOKED", session.ended_for
        if session.epoch != user.epoch:
            told = user.ended_at + USER_FACT > self.now
            return "USER_REVOKED", user.ended_for if told else ""
        if session.current.refresh_expire <= self.now:
            return "SESSION_EXPIRED", ""
        return LIVES if pair is session.current else ("TOKEN_REVOKED", "")

    def allowed(self, user: User) -> bool:
        if user.status == "LOCKED":
            return user.locked_until is not None and user.locked_until <= self.now
        return user.status == "ACTIVE"

    def is_live(self, session: Session) -> bool:
        is_valid = session.epoch == session.user.epoch and not session.ended_for
        return is_valid and session.current.refresh_expire > self.now

    def _first_of(self, user: User | None, request_id: str) -> Session | None:
        for one in reversed(self.sessions if request_id else []):
            if one.user is user and one.request.request_id == request_id:
                return one if one.created + REQUEST_WINDOW > self.now else None
        return None

    def _put_profile(self, user_id: str, profile: pb.Subject) -> User:
        for other_id, other in self.users.items():
            if other.profile.username == profile.username and other_id != user_id:
                raise RefusedError("USERNAME_TAKEN")
        user = self.users.get(user_id)
        if not user:
            self.audited[user_id, "user.created"] += 1
            return self.users.setdefault(user_id, User(profile))
        self.audited[user_id, "user.profile_changed"] += user.profile != profile
        keeps_roles = set(user.profile.roles) <= set(profile.roles)
        keeps_all = keeps_roles and set(user.profile.permissions) <= set(profile.permissions)
        user.profile_epoch += not keeps_all
        user.profile = profile
        return user

    def _may_be_asked_again(self, pair: Pair, device: pb.Device) -> bool:
        session = pair.session
        devices = {session.device.device_id, device.device_id} - {""}
        is_parent = pair.generation == session.current.generation - 1
        return is_parent and self.now < session.current.issued + GRACE and len(devices) <= 1

    def _next_pair(self, session: Session) -> Pair:
        end = session.created + SESSION
        expire = min(self.now + ACCESS, end), min(self.now + REFRESH, end)
        user = session.user
        session.pairs.append(
            Pair(session, len(session.pairs), self.now, *expire, user.profile, user.profile_epoch)
        )
        return session.current

    def _count(self, session: Session, metric: str, kind: str = "") -> None:
        user_id = session.user.profile.user_id
        self.metrics[user_id, session.device.device_id, metric] += 1
        if kind:
            self.audited[user_id, kind] += 1


def too_large(profile: pb.Subject, scope: Iterable[str]) -> bool:
    return sum(map(len, (*profile.roles, *profile.permissions, *scope))) > ROOM
