"""Users, sessions and tokens, and what each kind of revocation does to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from model.revocation.checker import Token
from model.revocation.database import START, Database, now

from tokenauthority_server.domain.revocations import (
    About,
    Fact,
    FactKind,
    RevocationReason,
    about_key,
    about_token,
    about_user,
)
from tokenauthority_server.domain.tokens import Claims, TokenType

USERS: Final = 12
SESSIONS: Final = 4
LIFETIME: Final = 40.0
MARGIN: Final = 5.0
"""A fact outlives its tokens by this, as verifiers' clocks are not equally quick."""


@dataclass(eq=False)
class Session:
    """A session; `live` is whether it may have further tokens."""

    session_id: str
    user: "User"
    key_id: str
    live: bool = True
    tokens: list[Token] = field(default_factory=list)


@dataclass(eq=False)
class User:
    """A user, with all sessions that there ever were."""

    user_id: str
    epoch: int = 0
    profile_epoch: int = 0
    sessions: list[Session] = field(default_factory=list)

    @property
    def tokens(self) -> list[Token]:
        return [token for session in self.sessions for token in session.tokens]


@dataclass(frozen=True)
class Change:
    """What a transaction writes, which tokens it is about, and what is so when it is committed."""

    facts: Sequence[tuple[Fact, float]]
    tokens: Sequence[Token]
    apply: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Revocation:
    """A revocation. `decide` is called in its transaction, which holds the lock."""

    name: str
    lock: str
    about: About
    decide: Callable[[], Change]


class Shop:
    """All of them. What is here is what the database has committed."""

    def __init__(self, database: Database, random: Random) -> None:
        self._database = database
        self._random = random
        self._numbers = count(1)
        self.users = [User(f"user{number}") for number in range(USERS)]
        self.key_id = "key0"
        self.tokens: list[Token] = []
        """Those that have not expired, the oldest first."""

    async def mint(self) -> None:
        """Give a session another token; open one where the user has few."""
        user = self._random.choice(self.users)
        async with self._database.locked(user.user_id, "keys"):
            live = [one for one in user.sessions if one.live]
            if len(live) < SESSIONS:
                live = [self._opened(user)]
            session = self._random.choice(live)
            token = Token(
                Claims(
                    token_type=TokenType.ACCESS,
                    user_id=user.user_id,
                    session_id=session.session_id,
                    token_id=f"token{next(self._numbers)}",
                    issue_time=int(START.timestamp() + now()),
                    expire_time=int(START.timestamp() + now() + LIFETIME),
                    epoch=user.epoch,
                    profile_epoch=user.profile_epoch,
                    key_id=session.key_id,
                ),
                expires=now() + LIFETIME,
            )
            session.tokens.append(token)
            self.tokens.append(token)
        while self.tokens[0].expires <= now():
            del self.tokens[0]

    def _opened(self, user: User) -> Session:
        session = Session(f"session{next(self._numbers)}", user, self.key_id)
        user.sessions.append(session)
        self._database.opened(session.session_id, user.user_id, session.key_id)
        return session

    def revocation(self, kind: str, random: Random) -> Revocation | None:
        """Choose something that is revoked so; None where there is nothing yet."""
        user = random.choice(self.users)
        if not user.tokens:
            return None
        session = random.choice(user.sessions[-2 * SESSIONS :])
        choices = {
            "token": lambda: self._of_token(user, random.choice(user.tokens[-20:])),
            "session": lambda: self._of_session(session),
            "reuse": lambda: self._of_session(session),
            "user": lambda: self._of_user(user, None),
            "user but one session": lambda: self._of_user(user, session),
            "profile": lambda: self._of_profile(user),
            "key": self._of_key,
        }
        return choices[kind]()

    def _of_token(self, user: User, token: Token) -> Revocation:
        def decide() -> Change:
            facts = []
            left = token.expires - now()
            if not token.dead and left > 0:
                fact = _fact(FactKind.TOKEN, user.user_id, token.claims.token_id)
                facts.append((fact, left + MARGIN))
            return Change(facts, [token] if left > 0 else [])

        return Revocation(str(token), user.user_id, about_token(token.claims), decide)

    def _of_session(self, session: Session) -> Revocation:
        user_id = session.user.user_id

        def decide() -> Change:
            facts = []
            if session.live:
                fact = _fact(FactKind.SESSION, user_id, session.session_id)
                facts.append((fact, LIFETIME + MARGIN))
            return Change(facts, session.tokens, lambda: setattr(session, "live", False))

        return Revocation(
            session.session_id, user_id, About(sessions=(session.session_id,)), decide
        )

    def _of_user(self, user: User, spared: Session | None) -> Revocation:
        def decide() -> Change:
            kept = spared if spared is not None and spared.live else None
            ended = [one for one in user.sessions if one is not kept]
            fact = _fact(
                FactKind.USER,
                user.user_id,
                "",
                epoch=user.epoch + 1,
                except_session_id=kept.session_id if kept else "",
            )

            def apply() -> None:
                user.epoch += 1
                for one in ended:
                    one.live = False

            tokens = [token for session in ended for token in session.tokens]
            return Change([(fact, LIFETIME + MARGIN)], tokens, apply)

        name = f"{user.user_id} but {spared.session_id}" if spared else user.user_id
        return Revocation(name, user.user_id, about_user(user.user_id), decide)

    def _of_profile(self, user: User) -> Revocation:
        def decide() -> Change:
            fact = _fact(FactKind.PROFILE, user.user_id, "", epoch=user.profile_epoch + 1)

            def apply() -> None:
                user.profile_epoch += 1

            return Change([(fact, LIFETIME + MARGIN)], user.tokens, apply)

        return Revocation(
            f"profile of {user.user_id}", user.user_id, about_user(user.user_id), decide
        )

    def _of_key(self) -> Revocation:
        key_id = self.key_id

        def decide() -> Change:
            sessions = [one for user in self.users for one in user.sessions if one.key_id == key_id]

            def apply() -> None:
                if self.key_id == key_id:
                    self.key_id = f"key{next(self._numbers)}"
                for one in sessions:
                    one.live = False

            tokens = [token for session in sessions for token in session.tokens]
            return Change([(_fact(FactKind.KEY, "", key_id), 10 * LIFETIME)], tokens, apply)

        return Revocation(key_id, "keys", about_key(key_id), decide)


def _fact(
    kind: FactKind, user_id: str, target: str, *, epoch: int = 0, except_session_id: str = ""
) -> Fact:
    return Fact(
        kind=kind,
        user_id=user_id,
        target=target,
        reason=RevocationReason.ADMIN,
        epoch=epoch,
        except_session_id=except_session_id,
    )
