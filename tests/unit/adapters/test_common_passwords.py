"""The commonest passwords."""

import pytest

from tokenauthority_server.adapters.common_passwords import ListedPasswords


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc",
        "123qweasdzxc",
        "password1234",
        "PassWord1234",
        "administration",
        "ｑwerty123456",  # noqa: RUF001 - of another width
    ],
)
async def test_what_is_guessed_first(password: str) -> None:
    assert await ListedPasswords().holds(password)


@pytest.mark.parametrize("password", ["correct horse battery staple", "", "x" * 1024])
async def test_what_is_not(password: str) -> None:
    assert not await ListedPasswords().holds(password)
