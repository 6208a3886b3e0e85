"""A history told to a running authority and to the model, whose answers have to be the same.

Time passes in the database alone and in steps of 15 seconds. All that it decides on is a multiple
of them, so the moments that the telling takes change no answer. A token's own times are compared
with the verifier's clock, which stands: an access token is asked about until it would have
expired, and no longer. When a refresh token expires the database decides.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from model.authority_model import (
    MINUTE,
    REFRESH,
    SESSION,
    AuthorityModel,
    Pair,
    RefusedError,
    Session,
)
from model.differences import BusyError, DifferenceError, is_no_answer, refusal
from model.running_authority import Refusal, RunningAuthority
from model.tokens import Token, expiry_of, payload, said, text_of
from support.stores import Status

from tokenauthority.v1 import token_service_pb2 as pb

R = TypeVar("R")

PATIENCE = 7
"""Seconds within which a history is to be told: less than half a step of time."""
BATCH = 100
ALONE = ("MALFORMED", "BAD_SIGNATURE", "WRONG_TYPE")
"""Reasons that a token alone decides on."""


@dataclass(frozen=True)
class Told:
    """A pair as it was first given, when so much time had passed."""

    pair: pb.TokenPair
    now: int


@dataclass(frozen=True)
class Walk:
    """A page of a user's sessions, and the token for the next one."""

    user_id: str
    last: Session
    page_token: str


Asked = tuple[str, Token | None, str]
"""A token's text, the token where it is one that was given, and else why it is none."""


class History:
    def __init__(self, authority: RunningAuthority) -> None:
        self.authority = authority
        self.model = AuthorityModel()
        self.name = authority.new_history()
        self.tokens: list[Token] = []
        self.walks: list[Walk] = []
        self.failed = False
        self._told: dict[Pair, Told] = {}
        self._began = time.monotonic()

    def create(self, request: pb.CreatePairRequest) -> None:
        answer = self.authority.ask(self.authority.stub.CreatePair, request)
        try:
            pair = self.model.create(request)
        except RefusedError as error:
            return self._refused(answer, error.reason)
        return self._given(pair, self._answered(answer).pair)

    def refresh(self, token: Token, device: pb.Device) -> None:
        request = pb.RefreshRequest(refresh_token=token.text, device=device)
        answer = self.authority.ask(self.authority.stub.Refresh, request)
        try:
            pair, replayed = self.model.refresh(token.pair, device)
        except RefusedError as error:
            return self._refused(answer, error.reason)
        response = self._answered(answer)
        self._same(response.replayed, replayed, "replayed")
        return self._given(pair, response.pair)

    def refresh_wrongly(self, text: str) -> None:
        answer = self.authority.ask(
            self.authority.stub.Refresh, pb.RefreshRequest(refresh_token=text)
        )
        self._refused(answer, "REFRESH_TOKEN_INVALID" if text else "INVALID_REQUEST")

    def validate(self, asked: Asked, expected_type: pb.TokenType.ValueType) -> None:
        request = pb.ValidateRequest(token=asked[0], expected_type=expected_type)
        answer = self.authority.ask(self.authority.stub.Validate, request)
        self._judged(asked, expected_type, self._answered(answer))

    def validate_many(self, asked: Sequence[Asked], expected_type: pb.TokenType.ValueType) -> None:
        request = pb.BatchValidateRequest(
            tokens=[text for text, _, _ in asked], expected_type=expected_type
        )
        answer = self.authority.ask(self.authority.stub.BatchValidate, request)
        results = self._answered(answer).results
        self._same(len(results), len(asked), "how many verdicts")
        for one, result in zip(asked, results, strict=True):
            self._judged(one, expected_type, result)

    def revoke(self, request: pb.RevokeRequest, act: Callable[[], tuple[int, int]]) -> None:
        """Revoke; `act` does it in the model and returns the sessions and the tokens ended."""
        answer = self.authority.ask(self.authority.stub.Revoke, request)
        try:
            sessions, tokens = act()
        except RefusedError as error:
            return self._refused(answer, error.reason)
        response = self._answered(answer)
        told = (response.revoked_sessions, response.revoked_tokens)
        self._same(told, (sessions, tokens), "what was revoked")
        if self.authority.has_log and not response.effective_everywhere:
            # Both stores are there: one of them was too slow to say so.
            self.failed = True
            raise BusyError("what was revoked: not known to be everywhere in time")
        return None

    def page(self, user_id: str, size: int, walk: Walk | None = None) -> None:
        """List a page: the user's first one, or the one after that of the walk."""
        request = pb.ListSessionsRequest(user_id=user_id, page_size=size)
        live = self.model.live_sessions(user_id)
        if walk:
            request.page_token = walk.page_token
            order = self.model.sessions
            live = [one for one in live if order.index(one) < order.index(walk.last)]
        answer = self.authority.ask(self.authority.stub.ListSessions, request)
        if size < 0 or (walk and walk.user_id != user_id):
            return self._refused(answer, "INVALID_REQUEST")
        response = self._answered(answer)
        shown = live[: min(size or 50, 500)]
        self._same(
            [listed(one) for one in response.sessions],
            [self._expected_listed(one) for one in shown],
            "sessions",
        )
        self._same(bool(response.next_page_token), len(shown) < len(live), "another page")
        if response.next_page_token:
            self.walks.append(Walk(user_id, shown[-1], response.next_page_token))
        return None

    def page_altered(self, walk: Walk, at: int) -> None:
        token = walk.page_token
        at %= len(token) - 1  # the last character may carry bits that say nothing
        altered = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        request = pb.ListSessionsRequest(user_id=walk.user_id, page_token=altered)
        answer = self.authority.ask(self.authority.stub.ListSessions, request)
        self._refused(answer, "INVALID_REQUEST")

    def let_pass(self, seconds: int) -> None:
        if not seconds:
            return
        if seconds > MINUTE:
            # Many access tokens will have expired, and may not be asked about any more.
            self._validate_all(pb.TOKEN_TYPE_ACCESS)
        self.model.now += seconds
        self.authority.let_pass(self.model.users, seconds)
        # Page tokens name times too, but cannot be moved.
        self.walks.clear()

    def set_status(self, user_id: str, status: Status, locked_for: int | None) -> None:
        user = self.model.users[user_id]
        user.status = status
        user.locked_until = None if locked_for is None else self.model.now + locked_for
        self.authority.set_status(user_id, status, locked_for)

    def end(self) -> None:
        """Compare all that can still be seen."""
        self._validate_all(pb.TOKEN_TYPE_UNSPECIFIED)
        self._validate_all(pb.TOKEN_TYPE_REFRESH)
        for user_id in self.model.users:
            self.page(user_id, 500)
        users = self.model.users
        self._same(self.authority.metrics(users), dict(self.model.metrics), "metrics")
        self._same(self.authority.audited(users), self.model.audited, "audit events")

    def _validate_all(self, kind: pb.TokenType.ValueType) -> None:
        asked: list[Asked] = [(one.text, one, "") for one in self.tokens if self.may_be_asked(one)]
        for start in range(0, len(asked), BATCH):
            self.validate_many(asked[start : start + BATCH], kind)

    def may_be_asked(self, token: Token) -> bool:
        return not token.is_access or token.pair.access_expire > self.model.now

    def _judged(
        self, asked: Asked, expected_type: pb.TokenType.ValueType, result: pb.ValidateResponse
    ) -> None:
        _, token, why = asked
        wants_access = expected_type != pb.TOKEN_TYPE_REFRESH
        verdict = (why, "")
        if token and token.is_access != wants_access:
            verdict = ("WRONG_TYPE", "")
        elif token and token.is_access:
            verdict = self.model.access_verdict(token.pair, token.epoch)
        elif token:
            verdict = self.model.refresh_verdict(token.pair)
        told = (
            pb.InactiveReason.Name(result.reason).removeprefix("INACTIVE_REASON_"),
            pb.RevocationReason.Name(result.revocation_reason).removeprefix("REVOCATION_REASON_"),
        )
        self._same(tuple(one.replace("UNSPECIFIED", "") for one in told), verdict, "verdict")
        self._same(result.active, not verdict[0], "active")
        self._same(result.HasField("claims"), result.active, "whether there are claims")
        is_alone = result.source == pb.CHECK_SOURCE_UNSPECIFIED
        self._same(is_alone, verdict[0] in ALONE, "whether the token alone decided")
        if token and result.active:
            self._same(said(result.claims), payload(token.text), "claims")

    def _given(self, pair: Pair, given: pb.TokenPair) -> None:
        """Compare a pair that was given, for the first time or again, and keep its tokens."""
        model, session = self.model, pair.session
        if pair not in self._told:
            self._told[pair] = Told(given, model.now)
            session.session_id = session.session_id or given.session_id
            offset = time.time() - model.now
            self._near(given.access_expire_time.seconds, pair.access_expire + offset)
            self._near(given.refresh_expire_time.seconds, pair.refresh_expire + offset)
        first = self._told[pair]
        passed = model.now - first.now
        self._same(given.session_id, session.session_id, "session_id")
        self._same(given.token_type, "Bearer", "token_type")
        self._near(given.expires_in, max(0, pair.access_expire - model.now))
        for text, is_access in ((given.access_token, True), (given.refresh_token, False)):
            token = Token(text, pair, is_access, session.epoch)
            says, said_first = payload(text), payload(text_of(first.pair, is_access=is_access))
            moved = {name: said_first[name] - passed for name in ("iat", "exp")}
            same = {"jti": said_first["jti"], **moved}
            self._same(says, {**token.expected, **same}, "what the token says")
            self._same(says["exp"], expiry_of(given, is_access=is_access), "when it expires")
            self.tokens.append(token)

    def _expected_listed(self, session: Session) -> tuple[object, ...]:
        first, current = self._told[session.pairs[0]], self._told[session.current]
        opened = first.pair.refresh_expire_time.seconds - REFRESH - (self.model.now - first.now)
        device = session.device
        return (
            *(session.session_id, session.request.subject.user_id or session.request.user_id),
            *(device.device_id, device.user_agent, device.ip_address),
            list(session.request.scope),
            opened,
            current.pair.refresh_expire_time.seconds - (self.model.now - current.now),
            opened + SESSION,
        )

    def _answered(self, answer: Refusal | R) -> R:
        if isinstance(answer, Refusal):
            self._differ(answer, None, "answer")
        return answer

    def _refused(self, answer: object, reason: str) -> None:
        self._same(answer, refusal(reason), "answer")

    def _near(self, told: float, expected: float) -> None:
        if abs(told - expected) > PATIENCE:
            self._differ(told, expected, "how long it lasts")

    def _same(self, told: object, expected: object, what: str) -> None:
        if told != expected:
            self._differ(told, expected, what)

    def _differ(self, told: object, expected: object, what: str) -> NoReturn:
        self.failed = True
        if is_no_answer(told) or time.monotonic() - self._began > PATIENCE:
            raise BusyError(f"{what}: {told!r}")
        raise DifferenceError(f"{what}: {told!r}, and not {expected!r}")


def listed(session: pb.Session) -> tuple[object, ...]:
    device = session.device
    return (
        *(session.session_id, session.user_id),
        *(device.device_id, device.user_agent, device.ip_address),
        list(session.scope),
        session.create_time.seconds,
        session.expire_time.seconds,
        session.end_time.seconds,
    )
