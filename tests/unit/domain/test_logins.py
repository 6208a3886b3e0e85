"""Who is counted, and that nothing typed is shown."""

from datetime import timedelta

import pytest

from tokenauthority_server.domain.logins import (
    Account,
    Attempt,
    Credentials,
    LoginLimits,
    PasswordExchange,
    network,
)
from tokenauthority_server.domain.sessions import Device
from tokenauthority_server.services.checking import Proof


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ],
)
def test_a_source_is_what_one_customer_has_of_the_network(address: str, source: str) -> None:
    assert network(address) == source


def test_a_source_may_fail_at_several_names() -> None:
    limits = LoginLimits(failures=5, lock=timedelta(minutes=30))
    assert limits.source_failures == 20


def test_neither_a_password_nor_its_hash_is_shown() -> None:
    account = Account(user_id="u-ada", password_hash="a secret", epoch=1)
    attempt = Attempt(
        username="a secret",
        name=b"",
        form=b"",
        source=b"",
        own=b"",
        device=Device(),
        place="",
    )
    shown = [
        attempt,
        Proof(attempt=attempt, known_source=False, account=account, new_hash="a secret", began=0.0),
        Credentials(username="a secret", password="a secret"),
        account,
        PasswordExchange(
            user_id="u-ada", name=b"", form=b"", verified=account, new_hash="a secret"
        ),
    ]
    assert "a secret" not in repr(shown)
