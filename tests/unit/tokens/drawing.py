"""Claims of any content, as hypothesis draws them."""

from hypothesis import strategies as st

from tokenauthority_tokens.values import (
    LONGEST_LIFETIME,
    MAX_EPOCH,
    MAX_TIME,
    Claims,
    TokenType,
)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
names = texts.filter(bool)
lists = st.lists(texts, max_size=4).map(tuple)
epochs = st.integers(0, MAX_EPOCH)


@st.composite
def any_claims(draw: st.DrawFn) -> Claims:
    token_type = draw(st.sampled_from(TokenType))
    access = token_type is TokenType.ACCESS
    lifetime = draw(st.integers(0, LONGEST_LIFETIME[token_type]))
    issue_time = draw(st.integers(0, MAX_TIME - lifetime))
    return Claims(
        token_type=token_type,
        user_id=draw(names),
        session_id=draw(names),
        token_id=draw(names),
        issue_time=issue_time,
        expire_time=issue_time + lifetime,
        epoch=draw(epochs),
        issuer=draw(names),
        audience=draw(names),
        key_id="key",
        device_id=draw(texts),
        scope=draw(lists),
        username=draw(texts) if access else "",
        email=draw(texts) if access else "",
        roles=draw(lists) if access else (),
        permissions=draw(lists) if access else (),
        profile_epoch=draw(epochs) if access else 0,
    )
