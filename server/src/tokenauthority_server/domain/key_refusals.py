"""Why a signing key may not be changed so, told to an administrator; no text holds a secret."""

from datetime import UTC, datetime, timedelta

from tokenauthority_server.domain.errors import KeyNotFoundError, KeyStateError
from tokenauthority_server.domain.keys import KeyState, KeyTerms, SigningKey


def unknown(key_id: str) -> KeyNotFoundError:
    """Return the refusal for an id that no key has."""
    return KeyNotFoundError(
        f"The database has no signing key {key_id}. `tokenauthority keys list` shows those that it "
        "has; `keys revoke --elsewhere` revokes one that stands in a folder or a setting."
    )


def none_prepared(algorithm: str) -> KeyNotFoundError:
    """Return the refusal where no key is prepared that could be activated."""
    return KeyNotFoundError(f"No signing key for {algorithm} is prepared. Prepare one first.")


def not_prepared(key: SigningKey) -> KeyStateError:
    """Return the refusal to let a key sign again that has ceased to."""
    return KeyStateError(
        f"The signing key {key.key_id} is {key.state}{_since(key)} and never signs again. "
        "Activate a prepared one."
    )


def too_young(key: SigningKey, terms: KeyTerms) -> KeyStateError:
    """Return the refusal to let a key sign that verifiers may not have fetched yet."""
    published, ready = _told(key.create_time), _told(key.create_time + terms.published_for)
    return KeyStateError(
        f"The signing key {key.key_id} may be activated from {ready} on. It was published at "
        f"{published}, and verifiers that have not fetched it since would refuse what it signs."
    )


def still_signing(key: SigningKey) -> KeyStateError:
    """Return the refusal to leave an algorithm that is in use without a key."""
    return KeyStateError(
        f"The signing key {key.key_id} is the one that signs. Activate another one, which retires "
        "it; that of a new algorithm is activated by itself when it has been published for long "
        "enough."
    )


def already_revoked(key: SigningKey) -> KeyStateError:
    """Return the refusal to make less of a revocation."""
    return KeyStateError(
        f"The signing key {key.key_id} is {KeyState.REVOKED}{_since(key)}, which is final: nothing "
        "that it has signed is good any more."
    )


def _since(key: SigningKey) -> str:
    """Return since when it has not signed."""
    return f", has not signed since {_told(key.retire_time)}," if key.retire_time else ""


def _told(at: datetime) -> str:
    """Return the time by RFC 3339, in UTC, in whole seconds: the first one that is not before."""
    whole = (at + timedelta(seconds=1, microseconds=-1)).astimezone(UTC).replace(microsecond=0)
    return whole.isoformat().replace("+00:00", "Z")
