"""What happens in a history, and how often: a state machine that Hypothesis drives."""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from model.authority_model import (
    DAY,
    GRACE,
    MINUTE,
    REQUEST_WINDOW,
    SESSION,
    Pair,
    RefusedError,
    Session,
)
from model.choices import (
    AMONG,
    DEVICE,
    DEVICES,
    EXPECTED,
    LATELY,
    MOMENTS,
    NOTHING,
    PERMISSIONS,
    REASON,
    REASONS,
    REQUEST_ID,
    ROLES,
    SCOPE,
    SCOPES,
    STATUSES,
    STEP,
    UNKNOWN,
    USER,
    WRONG,
)
from model.history import Asked, History
from model.running_authority import RunningAuthority
from model.tokens import Token
from support.stores import Status
from typing_extensions import override

from tokenauthority.v1 import token_service_pb2 as pb

T = TypeVar("T")


class AuthorityMachine(RuleBasedStateMachine):
    def __init__(self, authority: RunningAuthority) -> None:
        super().__init__()
        self.history = History(authority)
        self.model = self.history.model
        self.requests: list[pb.CreatePairRequest] = []

    @override
    def teardown(self) -> None:
        if not self.history.failed:
            self.history.end()

    @initialize(device=DEVICE, scope=SCOPE, request_id=REQUEST_ID)
    def begin(self, device: str, scope: str, request_id: str) -> None:
        for user in (1, 0, 0):
            self.open(self.subject(user, roles="both"), device, scope, request_id)

    @rule(
        user=USER,
        name=st.sampled_from([0, 0, 0, 1]),
        roles=st.sampled_from(["both", "both", *ROLES]),
        permissions=st.sampled_from(PERMISSIONS),
        device=DEVICE,
        scope=SCOPE,
        request_id=REQUEST_ID,
    )
    def open_with_a_profile(  # noqa: PLR0913, PLR0917 - all that a request says
        self,
        user: int,
        name: int,
        roles: str,
        permissions: tuple[str, ...],
        device: str,
        scope: str,
        request_id: str,
    ) -> None:
        subject = self.subject(user, name=name, roles=roles, permissions=permissions)
        self.open(subject, device, scope, request_id)

    @rule(user=USER, device=DEVICE, scope=SCOPE, request_id=REQUEST_ID)
    def open_by_user_id(self, user: int, device: str, scope: str, request_id: str) -> None:
        self.open(self.user_id(user), device, scope, request_id)

    @precondition(lambda self: self.requests)
    @rule(lately=LATELY)
    def open_as_before(self, lately: int) -> None:
        self.history.create(late(self.requests, lately))

    @precondition(lambda self: self.model.sessions)
    @rule(
        among=AMONG,
        lately=LATELY,
        device=DEVICE,
        times=st.integers(1, 5),
        every=st.sampled_from([0, 0, 0, STEP, 6 * DAY]),
        roles=st.sampled_from(["", "", "", "author", "large"]),
    )
    def refresh(  # noqa: PLR0913, PLR0917 - all that may happen before and between
        self, among: str, lately: int, device: str, times: int, every: int, roles: str
    ) -> None:
        token = self.refresh_token(among, lately, 0)
        if roles:
            self.change_profile(token.pair.session, roles)
        for _ in range(times):
            self.history.let_pass(every)
            self.history.refresh(self.last_given(token.pair.session.current), DEVICES[device])

    @precondition(lambda self: self.model.sessions)
    @rule(
        among=AMONG,
        lately=LATELY,
        device=DEVICE,
        again=DEVICE,
        meanwhile=st.sampled_from(["", "", "time", "more time", "profile"]),
    )
    def refresh_twice(
        self, among: str, lately: int, device: str, again: str, meanwhile: str
    ) -> None:
        token = self.refresh_token(among, lately, 0)
        self.history.refresh(token, DEVICES[device])
        if meanwhile == "profile":
            self.change_profile(token.pair.session, "both, turned")
        self.history.let_pass({"time": STEP, "more time": 2 * STEP}.get(meanwhile, 0))
        self.history.refresh(token, DEVICES[again])

    @precondition(lambda self: self.model.sessions)
    @rule(among=AMONG, lately=LATELY, generations=st.sampled_from([1, 1, 2, 2, 3]), device=DEVICE)
    def refresh_with_an_old_token(
        self, among: str, lately: int, generations: int, device: str
    ) -> None:
        self.history.refresh(self.refresh_token(among, lately, generations), DEVICES[device])

    @precondition(lambda self: self.history.tokens)
    @rule(lately=LATELY, expected=EXPECTED)
    def validate(self, lately: int, expected: pb.TokenType.ValueType) -> None:
        token = late(self.history.tokens, lately)
        if self.history.may_be_asked(token):
            self.history.validate((token.text, token, ""), expected)

    @precondition(lambda self: self.history.tokens)
    @rule(lately=st.lists(LATELY, max_size=5), expected=EXPECTED)
    def validate_many(self, lately: list[int], expected: pb.TokenType.ValueType) -> None:
        tokens = [late(self.history.tokens, one) for one in lately]
        asked: list[Asked] = [
            (one.text, one, "") for one in tokens if self.history.may_be_asked(one)
        ]
        asked += [("no token", None, "MALFORMED"), ("", None, "MALFORMED")]
        asked += [(one.tampered, None, "BAD_SIGNATURE") for one in tokens[:1]]
        self.history.validate_many(asked, expected)

    @precondition(lambda self: self.history.tokens)
    @rule(lately=LATELY, reason=REASON)
    def revoke_token(self, lately: int, reason: pb.RevocationReason.ValueType) -> None:
        token, why = late(self.history.tokens, lately), REASONS[reason]
        if not self.history.may_be_asked(token):
            return

        def act() -> tuple[int, int]:
            if token.is_access:
                return 0, self.model.kill(token.pair, token.epoch, why)
            return self.model.end_session(token.pair.session, why), 0

        self.history.revoke(pb.RevokeRequest(token=token.text, reason=reason), act)

    @precondition(lambda self: self.model.sessions)
    @rule(among=AMONG, lately=LATELY, reason=REASON)
    def revoke_session(
        self, among: str, lately: int, reason: pb.RevocationReason.ValueType
    ) -> None:
        session = self.session(among, lately)
        self.history.revoke(
            pb.RevokeRequest(session_id=session.session_id, reason=reason),
            lambda: (self.model.end_session(session, REASONS[reason]), 0),
        )

    @precondition(lambda self: self.model.sessions)
    @rule(
        user=USER,
        kept=st.sampled_from(["none", "live", "live", "dead", "dead", "any", UNKNOWN]),
        lately=LATELY,
        reason=REASON,
    )
    def revoke_user(
        self, user: int, kept: str, lately: int, reason: pb.RevocationReason.ValueType
    ) -> None:
        user_id = self.user_id(user)
        live = self.model.live_sessions(user_id)
        dead = [one for one in self.model.sessions if not self.model.is_live(one)]
        kept_id = {
            "none": "",
            "live": late(live, lately).session_id if live else "",
            "dead": late(dead, lately).session_id if dead else "",
            "any": late(self.model.sessions, lately).session_id,
            UNKNOWN: UNKNOWN,
        }[kept]
        self.history.revoke(
            pb.RevokeRequest(user_id=user_id, except_session_id=kept_id, reason=reason),
            lambda: (self.model.end_user_sessions(user_id, kept_id, REASONS[reason]), 0),
        )

    @precondition(lambda self: self.history.tokens)
    @rule(what=st.sampled_from(["access", "tampered", "", *NOTHING, *WRONG]), lately=LATELY)
    def ask_nonsense(self, what: str, lately: int) -> None:
        def refused() -> tuple[int, int]:
            raise RefusedError("INVALID_REQUEST")

        if what in NOTHING:
            self.history.revoke(NOTHING[what], lambda: (0, 0))
        elif what in WRONG:
            self.history.revoke(WRONG[what], refused)
        else:
            token = late([one for one in self.history.tokens if one.is_access], lately)
            self.history.refresh_wrongly(
                {"access": token.text, "tampered": token.tampered, "": ""}[what]
            )

    @rule(user=USER, size=st.sampled_from([1, 1, 1, 2, 2, 3, 0, 501, -1]), pages=st.integers(1, 4))
    def list_sessions(self, user: int, size: int, pages: int) -> None:
        self.history.page(self.user_id(user), size)
        for _ in range(pages - 1):
            if self.history.walks:
                self.list_more(lately=0, size=size)

    @precondition(lambda self: self.history.walks)
    @rule(lately=LATELY, size=st.sampled_from([1, 1, 2, 0]))
    def list_more(self, lately: int, size: int) -> None:
        walk = late(self.history.walks, lately)
        self.history.page(walk.user_id, size, walk)

    @precondition(lambda self: self.history.walks)
    @rule(lately=LATELY, how=st.sampled_from(["altered", "another's"]), at=st.integers(0, 99))
    def list_more_wrongly(self, lately: int, how: str, at: int) -> None:
        walk = late(self.history.walks, lately)
        if how == "altered":
            self.history.page_altered(walk, at)
        else:
            self.history.page("another", 0, walk)

    @rule(seconds=st.sampled_from([STEP, STEP, STEP, 2 * STEP, 9 * MINUTE, 29 * MINUTE, DAY]))
    def let_pass(self, seconds: int) -> None:
        self.history.let_pass(seconds)

    @precondition(lambda self: self.model.sessions)
    @rule(
        among=AMONG,
        lately=LATELY,
        what=st.sampled_from(MOMENTS),
        after=st.sampled_from([-STEP, -STEP, -STEP, 0, STEP]),
    )
    def let_pass_until(self, among: str, lately: int, what: str, after: int) -> None:
        """Go to a moment at which something ends for a session, or next to it."""
        session = self.session(among, lately)
        ends = {
            "grace": session.current.issued + GRACE,
            "request": session.created + REQUEST_WINDOW,
            "refresh": session.current.refresh_expire,
            "end": session.created + SESSION,
        }
        self.history.let_pass(max(0, ends[what] + after - self.model.now))

    @rule(user=USER, status=st.sampled_from(STATUSES))
    def set_status(self, user: int, status: tuple[Status, int | None]) -> None:
        if self.user_id(user) in self.model.users:
            self.history.set_status(self.user_id(user), *status)

    def open(self, who: pb.Subject | str, device: str, scope: str, request_id: str) -> None:
        request = pb.CreatePairRequest(
            subject=who if isinstance(who, pb.Subject) else None,
            device=DEVICES[device],
            scope=SCOPES[scope],
            request_id=request_id,
        )
        if isinstance(who, str):
            request.user_id = who
        if request_id:
            self.requests.append(request)
        self.history.create(request)

    def subject(
        self, user: int, *, roles: str, name: int = 0, permissions: tuple[str, ...] = ()
    ) -> pb.Subject:
        """A profile: its name is the user's own, or that of the next one."""
        return pb.Subject(
            user_id=self.user_id(user),
            username=self.user_id((user + name) % 3),
            email=f"{user}@example.com",
            roles=ROLES[roles],
            permissions=permissions,
        )

    def change_profile(self, session: Session, roles: str) -> None:
        number = int(session.user.profile.user_id.rpartition("-")[2])
        self.open(self.subject(number, roles=roles), "none", "none", "")

    def user_id(self, number: int) -> str:
        return f"{self.history.name}-{number}"

    def session(self, among: str, lately: int) -> Session:
        """Choose one. Where none lives, one is opened: what is dead stays so, and shows little."""
        if among == "live" and not self.live():
            self.open(self.user_id(0), "phone", "none", "")
        return late((self.live() if among == "live" else []) or self.model.sessions, lately)

    def live(self) -> list[Session]:
        return [one for one in self.model.sessions if self.model.is_live(one)]

    def refresh_token(self, among: str, lately: int, generations: int) -> Token:
        """The last refresh token but so many of a session, as it was last given."""
        pairs = self.session(among, lately).pairs
        return self.last_given(pairs[max(0, len(pairs) - 1 - generations)])

    def last_given(self, pair: Pair) -> Token:
        given = [one for one in self.history.tokens if one.pair is pair and not one.is_access]
        return given[-1]


def late(those: Sequence[T], lately: int) -> T:
    return those[-1 - lately % len(those)]
