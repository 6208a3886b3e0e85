"""What logins and passwords need of the world. The rules of domain.ports hold here too."""

from typing import Protocol

from tokenauthority_server.domain.logins import (
    Attempt,
    Begun,
    LoginLimits,
    Opening,
    PasswordExchange,
)
from tokenauthority_server.domain.passwords import Verification
from tokenauthority_server.domain.sessions import Grant, Lifetimes, Origin


class Timer(Protocol):
    """Measures how long a call takes, and waits."""

    def now(self) -> float:
        """Return seconds from anywhere, which only go forward."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after these seconds."""
        ...


class PasswordHasher(Protocol):
    """Hashes passwords, beside the event loop.

    It takes tens of milliseconds of a processor, so that callers wait for their turn first.
    """

    async def hash(self, password: str) -> str:
        """Return a new hash of the password's normal form (argon2id, RFC 9106, as a PHC string)."""
        ...

    async def verify(self, password: str, stored: str | None) -> Verification:
        """Return whether this is the password that was hashed.

        Where there is no hash, or none that is known, the answer is no, after the work that a
        current hash takes.
        """
        ...


class CommonPasswords(Protocol):
    """The passwords that are guessed first."""

    async def holds(self, password: str) -> bool:
        """Return whether it is one of them, whatever its case and width."""
        ...


class LoginDigests(Protocol):
    """Digests under a key, so that nobody finds out by trying what was typed."""

    def digest(self, kind: str, *parts: str) -> bytes:
        """Return 32 bytes that are the same in every process for the same kind and parts."""
        ...


class LoginStore(Protocol):
    """Attempts and their failures. All times are the store's own.

    A failure counts against the name, whether or not anybody has it, and against the source. Of a
    known source at an account, or with a session, it counts against an allowance of its own, by
    which alone that is judged; and against the name's, so that others notice. What nobody settles
    within SETTLED_WITHIN has failed.
    """

    async def begin(self, attempt: Attempt, limits: LoginLimits) -> Begun | None:
        """Reserve the attempt; None when as many are under way as may yet fail, so ask again soon.

        Of any number of attempts at once no more than `limits.failures` are reserved and fail.
        Raises AccountLockedError after so many failures, until `limits.lock` is over, and
        RateLimitedError while a source has to wait for what it failed at elsewhere; neither
        changes what is counted.
        """
        ...

    async def fail(self, begun: Begun, limits: LoginLimits, origin: Origin) -> None:
        """Count the reserved attempt as a failure, and leave an event where it was a user's."""
        ...

    async def open(
        self, opening: Opening, limits: LoginLimits, lifetimes: Lifetimes, origin: Origin
    ) -> Grant:
        """Forget the failures that judged the attempt, and open the session, as create does.

        The hash is exchanged only where it is the one that was verified, the source becomes known
        to the account. Raises InvalidCredentialsError when the password was exchanged since it was
        read, AccountDisabledError, which counts and leaves an event as a failure does, and else
        what SessionStore.create raises.
        """
        ...


class PasswordStore(Protocol):
    """Whose password is whose."""

    async def username_of(self, user_id: str) -> str:
        """Return the user's name; raise UserNotFoundError, for a deleted user too."""
        ...

    async def exchange(self, exchange: PasswordExchange, origin: Origin) -> int:
        """Exchange the password and end the user's sessions; return how many were live.

        Both are one change, with PASSWORD_CHANGED as its reason. Raises UserNotFoundError, and
        InvalidCredentialsError when the password that was verified has been exchanged meanwhile.
        """
        ...
