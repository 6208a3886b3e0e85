"""What AccountService needs, put together: the use cases of logins and passwords."""

from collections.abc import Iterator
from contextlib import contextmanager

from tokenauthority_server.adapters.clock import SystemTimer
from tokenauthority_server.adapters.common_passwords import ListedPasswords
from tokenauthority_server.adapters.login_digests import KeyedDigests
from tokenauthority_server.adapters.passwords import HashingThreads, thread_count
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.logins import (
    PostgresLoginStore,
    PostgresPasswordStore,
)
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.logins import LoginLimits
from tokenauthority_server.services.access_tokens import AccessTokens
from tokenauthority_server.services.checking import Checking
from tokenauthority_server.services.logging_in import LoggingIn
from tokenauthority_server.services.logging_out import LoggingOut
from tokenauthority_server.services.passwords import Passwords
from tokenauthority_server.services.turns import Turns
from tokenauthority_server.transport.account_service import AccountUseCases
from tokenauthority_server.transport.token_service import UseCases


@contextmanager
def accounts(
    settings: Settings, database: Database, keys: EncryptionKeys, tokens: UseCases
) -> Iterator[AccountUseCases]:
    """Give the use cases, beside those for tokens; threads that hash are there meanwhile."""
    threads = thread_count(settings.workers)
    hasher = HashingThreads(threads)
    logins = PostgresLoginStore(database)
    checking = Checking(
        logins=logins,
        hasher=hasher,
        digests=KeyedDigests(keys),
        turns=Turns(threads),
        timer=SystemTimer(),
        limits=LoginLimits(failures=settings.login_max_failures, lock=settings.login_lock),
    )
    access_tokens = AccessTokens(tokens.validating)
    try:
        yield AccountUseCases(
            logging_in=LoggingIn(checking, logins, tokens.issuing),
            logging_out=LoggingOut(tokens.revoking, access_tokens),
            passwords=Passwords(
                PostgresPasswordStore(database),
                checking,
                ListedPasswords(),
                access_tokens,
                tokens.revoking.propagation,
            ),
        )
    finally:
        hasher.close()
