"""The one rule by which facts kill tokens."""

import random
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_server.domain.revocations import (
    Death,
    Fact,
    FactKind,
    RevocationReason,
    death_by,
    targets,
)
from tokenauthority_server.domain.tokens import Claims, InactiveReason, TokenType

REASON = RevocationReason.ADMIN
ACCESS = Claims(
    token_type=TokenType.ACCESS,
    user_id="u-ada",
    session_id="sess_1",
    token_id="token-1",
    issue_time=1_000,
    expire_time=2_000,
    epoch=5,
    key_id="key-1",
    profile_epoch=7,
)
REFRESH = replace(ACCESS, token_type=TokenType.REFRESH, profile_epoch=0)

epochs = st.integers(0, 10)
token_types = st.sampled_from(TokenType)


def fact(kind: FactKind, epoch: int = 0, except_session_id: str = "") -> Fact:
    return Fact(
        kind=kind,
        user_id="u-ada",
        target="",
        reason=REASON,
        epoch=epoch,
        except_session_id=except_session_id,
    )


def test_a_token_is_named_by_five_facts_the_nearest_first() -> None:
    assert targets(ACCESS) == (
        ("u-ada", FactKind.TOKEN, "token-1"),
        ("u-ada", FactKind.SESSION, "sess_1"),
        ("u-ada", FactKind.USER, ""),
        ("u-ada", FactKind.PROFILE, ""),
        ("", FactKind.KEY, "key-1"),
    )


@given(token_types, st.sampled_from(RevocationReason))
def test_token_session_and_key_kill_whatever_they_name(
    token_type: TokenType, reason: RevocationReason
) -> None:
    claims = replace(ACCESS, token_type=token_type)
    for kind, told in {
        FactKind.TOKEN: InactiveReason.TOKEN_REVOKED,
        FactKind.SESSION: InactiveReason.SESSION_REVOKED,
        FactKind.KEY: InactiveReason.KEY_REVOKED,
    }.items():
        assert death_by(replace(fact(kind), reason=reason), claims) == Death(told, reason)


@given(token_types, epochs, epochs)
def test_a_user_kills_lower_epochs(token_type: TokenType, of_fact: int, of_token: int) -> None:
    claims = replace(ACCESS, token_type=token_type, epoch=of_token)
    death = death_by(fact(FactKind.USER, of_fact), claims)
    expected = Death(InactiveReason.USER_REVOKED, REASON) if of_fact > of_token else None
    assert death == expected


@given(token_types, epochs, epochs)
def test_the_excepted_session_survives_at_any_epoch(
    token_type: TokenType, of_fact: int, of_token: int
) -> None:
    claims = replace(ACCESS, token_type=token_type, epoch=of_token)
    assert death_by(fact(FactKind.USER, of_fact, claims.session_id), claims) is None
    another = death_by(fact(FactKind.USER, of_fact, "sess_2"), claims)
    assert another == death_by(fact(FactKind.USER, of_fact), claims)


@given(epochs, epochs)
def test_a_profile_kills_access_tokens_from_lower_epochs(of_fact: int, of_token: int) -> None:
    claims = replace(ACCESS, profile_epoch=of_token)
    death = death_by(fact(FactKind.PROFILE, of_fact), claims)
    expected = Death(InactiveReason.USER_REVOKED, REASON) if of_fact > of_token else None
    assert death == expected


@given(epochs)
def test_a_profile_kills_no_refresh_token(of_fact: int) -> None:
    assert death_by(fact(FactKind.PROFILE, of_fact), REFRESH) is None


def test_the_two_epochs_are_not_taken_for_each_other() -> None:
    claims = replace(ACCESS, epoch=3, profile_epoch=9)
    assert death_by(fact(FactKind.USER, 3), claims) is None
    assert death_by(fact(FactKind.PROFILE, 9), claims) is None
    claims = replace(ACCESS, epoch=9, profile_epoch=3)
    assert death_by(fact(FactKind.USER, 9), claims) is None
    assert death_by(fact(FactKind.PROFILE, 3), claims) is None


@dataclass
class User:
    """A user's sessions as the truth has them, and the facts that were ever written."""

    epoch: int = 0
    live: dict[str, int] = field(default_factory=dict)
    tokens: list[Claims] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def open(self) -> None:
        session_id = f"sess_{len(self.tokens)}"
        self.live[session_id] = self.epoch
        self.mint(session_id)

    def mint(self, session_id: str) -> None:
        token_id = f"token-{len(self.tokens)}"
        epoch = self.live[session_id]
        self.tokens.append(replace(ACCESS, session_id=session_id, token_id=token_id, epoch=epoch))

    def end_all_but(self, kept: str) -> None:
        self.epoch += 1
        is_live = kept in self.live
        self.live = {kept: self.epoch} if is_live else {}
        self.facts.append(fact(FactKind.USER, self.epoch, kept if is_live else ""))


@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 3), max_size=30))
def test_of_a_users_facts_the_highest_suffices(choice: random.Random, steps: list[int]) -> None:
    # An exception is written only for a session that was live then; so whatever the history, the
    # fact of the highest epoch alone says exactly whose tokens are dead.
    user = User()
    seen = ["sess_unknown"]
    for step in steps:
        match step:
            case 0 | 1:
                user.open()
                seen.append(user.tokens[-1].session_id)
            case 2 if user.live:
                user.mint(choice.choice(sorted(user.live)))
            case _:
                user.end_all_but(choice.choice(seen))
    highest = max(user.facts, key=lambda one: one.epoch, default=fact(FactKind.USER))
    for token in user.tokens:
        assert (death_by(highest, token) is None) == (token.session_id in user.live)
