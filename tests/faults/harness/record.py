"""What callers were told, and what they asked without being told how it ended.

Times are of one monotonic clock. Whatever was asked without an answer may have been done, or may be
done for some seconds more; asking again settles it.
"""

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from faults.harness.history import CONVERGES
from faults.harness.tokens import same_pair, token_id

from tokenauthority.v1 import token_service_pb2 as pb

IN_FLIGHT_SECONDS = 3.0
"""How long after its caller gave up a change may still be made: more than any of its time-outs."""


class State(Enum):
    """What a session, or a token, has to be."""

    LIVE = auto()
    ENDED = auto()
    EITHER = auto()


@dataclass(eq=False)
class End:
    """A call that ends something. Without an answer it may have done so, or not."""

    metric: str
    begun: float = field(default_factory=time.monotonic)
    answered: float = math.inf
    given_up: float = math.inf
    ended: int = 0
    effective: bool = True
    """Whether no validation that began after the answer knows nothing of it."""
    except_session_id: str = ""

    @property
    def lag(self) -> float:
        """How many seconds after the answer a validation may know nothing of it."""
        return 0.0 if self.effective else CONVERGES

    @property
    def is_known(self) -> bool:
        return self.answered < math.inf

    @property
    def latest(self) -> float:
        """When it can have been done at the latest."""
        return self.answered if self.is_known else self.given_up + IN_FLIGHT_SECONDS


@dataclass(eq=False)
class SessionRecord:
    """A session that a caller was told of, and all its pairs that callers were given."""

    user_id: str
    device_id: str
    session_id: str
    first: pb.TokenPair = field(repr=False)
    begun: float
    created: float = field(default_factory=time.monotonic)
    successors: dict[str, pb.TokenPair] = field(default_factory=dict, repr=False)
    """By the id of the refresh token that was exchanged for it."""
    unanswered: Counter[str] = field(default_factory=Counter, repr=False)
    """How often a refresh token, by id, was presented without an answer that tells what it gave."""
    ends: list[End] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pairs = [self.first]
        """From the first to the last, each one's refresh token having given the next."""

    @property
    def last(self) -> pb.TokenPair:
        """The pair that its caller holds."""
        return self.pairs[-1]

    def exchanged(self, refresh_id: str, pair: pb.TokenPair) -> None:
        """Note what a refresh token gave; the answers need not come in the order of the pairs."""
        self.successors.setdefault(refresh_id, pair)
        while (after := self.successors.get(token_id(self.last.refresh_token))) is not None:
            self.pairs.append(after)

    @property
    def is_unsettled(self) -> bool:
        """Whether the last pair was presented, and nobody was told what came of it."""
        return self.unanswered[token_id(self.last.refresh_token)] > 0

    def presented(self) -> set[str]:
        """The refresh tokens, by id, of which it is not known what they gave."""
        return set(+self.unanswered)


@dataclass(eq=False)
class Creation:
    """A creation that was asked for, until it is answered."""

    user_id: str
    device_id: str
    request_id: str
    begun: float = field(default_factory=time.monotonic)


class Record:
    """All that was asked of the authority during a test. `faults` is what it must never do."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionRecord] = {}
        self.creations: list[Creation] = []
        """Those without an answer."""
        self.users: set[str] = set()
        self.faults: list[str] = []
        self.user_ends: dict[str, list[End]] = {}
        """Calls that end all that a user holds, but for one session maybe."""
        self.token_ends: dict[str, list[End]] = {}
        """Calls that end one access token, by its id."""

    # Creations

    def creating(self, creation: Creation) -> None:
        self.users.add(creation.user_id)
        self.creations.append(creation)

    def created(self, creation: Creation, pair: pb.TokenPair) -> SessionRecord:
        """Note the answer; asking again by one request id gives one session."""
        # It may be an earlier, unanswered one that made it.
        asked = [one for one in self.creations if one.request_id == creation.request_id]
        self.not_created(creation)
        session = SessionRecord(
            user_id=creation.user_id,
            device_id=creation.device_id,
            session_id=pair.session_id,
            first=pair,
            begun=min(one.begun for one in [creation, *asked]),
        )
        return self.sessions.setdefault(pair.session_id, session)

    def not_created(self, creation: Creation) -> None:
        """Note that it was refused. Others by its request id are answered by this, too."""
        self.creations = [one for one in self.creations if one.request_id != creation.request_id]

    # Refreshes

    def refreshing(self, session: SessionRecord, refresh_id: str) -> None:
        session.unanswered[refresh_id] += 1

    def refreshed(
        self, session: SessionRecord, refresh_id: str, response: pb.RefreshResponse, begun: float
    ) -> None:
        """Note a pair. A token is exchanged once, and always for the same pair."""
        known = session.successors.get(refresh_id)
        if response.pair.session_id != session.session_id:
            self.faults.append(f"{session.session_id}: refreshed into another session")
        elif known is not None and not same_pair(known, response.pair):
            self.faults.append(f"{session.session_id}: one token was exchanged for two pairs")
        if self.state(session, begun, time.monotonic()) is State.ENDED:
            self.faults.append(f"{session.session_id}: refreshed after its end")
        # However often it was presented, this is all that it gave.
        session.unanswered[refresh_id] = 0
        session.exchanged(refresh_id, response.pair)

    def not_refreshed(self, session: SessionRecord, refresh_id: str, reason: str) -> None:
        """Note a refusal. It is right where something was asked that ends the session."""
        session.unanswered[refresh_id] = max(0, session.unanswered[refresh_id] - 1)
        if reason == "REFRESH_TOKEN_REUSED":
            if refresh_id not in session.successors:
                self.faults.append(f"{session.session_id}: ended by reuse of a token not used yet")
            now = time.monotonic()
            for metric in ("reuse_detected", "revoked"):
                # A refresh does not wait for the verifiers.
                session.ends.append(End(metric, now, answered=now, ended=1, effective=False))
        elif reason == "REFRESH_TOKEN_EXPIRED" and self._was_overtaken(session, refresh_id):
            pass  # it came first and was settled last: of no use to anyone, and no theft
        elif not any(True for _ in self.ends_of(session)):
            self.faults.append(f"{session.session_id}: refused as {reason}, and nobody ended it")

    def _was_overtaken(self, session: SessionRecord, refresh_id: str) -> bool:
        """Whether the token's successor was used in its turn."""
        successor = session.successors.get(refresh_id)
        if successor is None:
            return False
        used = token_id(successor.refresh_token)
        return used in session.successors or used in session.presented()

    # Revocations

    def ending_session(self, session: SessionRecord) -> End:
        end = End("revoked")
        session.ends.append(end)
        return end

    def ending_user(self, user_id: str, except_session_id: str = "") -> End:
        self.users.add(user_id)
        end = End("bulk_revoked", except_session_id=except_session_id)
        self.user_ends.setdefault(user_id, []).append(end)
        return end

    def ending_access_token(self, access_token: str) -> End:
        end = End("revoked")
        self.token_ends.setdefault(token_id(access_token), []).append(end)
        return end

    def ended(self, end: End, count: int, *, effective: bool) -> None:
        """Note the answer, with the number that it says to have ended, and whether everywhere."""
        end.answered = time.monotonic()
        end.ended = count
        end.effective = effective

    def not_ended(self, end: End) -> None:
        """Note that nobody was told: it may still be done."""
        end.given_up = time.monotonic()

    # What follows from it

    def state(self, session: SessionRecord, begun: float, answered: float) -> State:
        """What the session has to be for a call that began and was answered at these times."""
        ends = list(self.ends_of(session))
        if any(self._is_over(session, end, begun) for end in ends):
            return State.ENDED
        return State.EITHER if any(end.begun < answered for end in ends) else State.LIVE

    def access_state(
        self, session: SessionRecord, access_token: str, begun: float, answered: float
    ) -> State:
        """The same for one of its access tokens, which may also have died alone.

        Who asks about it may be answered from a view that does not know of an end yet.
        """
        alone = self.token_ends.get(token_id(access_token), [])
        ends = list(self.ends_of(session))
        if any(end.answered + end.lag < begun for end in alone):
            return State.ENDED
        if any(self._is_over(session, end, begun - end.lag) for end in ends):
            return State.ENDED
        either = any(end.begun < answered for end in [*alone, *ends])
        return State.EITHER if either else State.LIVE

    def converged(self) -> float:
        """When all verifiers know of all that was acknowledged."""
        groups = [session.ends for session in self.sessions.values()]
        groups += [*self.token_ends.values(), *self.user_ends.values()]
        known = [end for ends in groups for end in ends if end.is_known and end.lag]
        return max((end.answered + end.lag for end in known), default=0.0)

    def latest_unknown(self) -> float:
        """Until when something that was given up may still be done; infinite while it is asked."""
        groups = [session.ends for session in self.sessions.values()]
        groups += self.token_ends.values()
        # Of what is over anyway nothing more can be seen. A user may open sessions after it.
        open_ones = [
            end for ends in groups if not any(end.is_known for end in ends) for end in ends
        ]
        open_ones += [end for ends in self.user_ends.values() for end in ends if not end.is_known]
        return max((end.latest for end in open_ones), default=0.0)

    def ends_of(self, session: SessionRecord) -> Iterator[End]:
        """All calls that may have ended the session."""
        yield from session.ends
        for end in self.user_ends.get(session.user_id, ()):
            # What was asked for after the answer concerns nothing that had been ended.
            if end.except_session_id != session.session_id and session.begun < end.latest:
                yield end

    def _is_over(self, session: SessionRecord, end: End, begun: float) -> bool:
        """Whether this has ended the session for all calls that begin then."""
        if end.answered >= begun:
            return False
        return end in session.ends or session.created < end.begun
