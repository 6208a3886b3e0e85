"""How many bytes of a token's payload its user's profile takes, and how many are left for it.

The payload is one object: first the members of the profile, then those of the frame. So it is as
long as both objects, less one byte: two braces make way for a comma.
"""

from collections.abc import Sequence
from typing import Final

from tokenauthority_server.domain.tokens import MAX_TOKEN_BYTES, Claims, TokenType
from tokenauthority_server.domain.users import Profile
from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens import strict_json
from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import MAX_EPOCH

_LONGEST_TIME: Final = 9_999_999_999
"""Times have ten digits until the year 2286."""

_LONGEST_ID: Final = "x" * 43
"""As long as any 32 bytes in base64url."""


def profile_size(profile: Profile) -> int:
    """Return the bytes of the profile.

    The directory keeps the figure, so every release has to count alike.
    """
    return len(strict_json.dumps(payloads.profile(profile)))


def frame_size(claims: Claims) -> int:
    """Return the bytes that everything else takes."""
    return len(strict_json.dumps(payloads.frame(claims))) - 1


def device_size(device_id: str, scope: Sequence[str]) -> int:
    """Return the bytes of the frame that a session's own device and scope take."""
    members = payloads.device(device_id, scope)
    # With a comma, and without the braces.
    return len(strict_json.dumps(members)) - 1 if members else 0


def payload_size(keys: KeySet) -> int:
    """Return how long the payload of a token may be under any of the keys."""
    around = max(
        (
            len(segment) + len("..") + _characters(keys.keys[one.key_id].signature_bytes)
            for segment, one in keys.headers.items()
        ),
        default=0,
    )
    return (MAX_TOKEN_BYTES - around) * 3 // 4


def widest(token_type: TokenType) -> Claims:
    """Return the claims of the longest frame without a device and a scope."""
    return Claims(
        token_type=token_type,
        user_id="",
        session_id=f"sess_{_LONGEST_ID}",
        token_id=_LONGEST_ID,
        issue_time=_LONGEST_TIME,
        expire_time=_LONGEST_TIME,
        epoch=MAX_EPOCH,
        profile_epoch=MAX_EPOCH,
    )


def _characters(size: int) -> int:
    """Return how long the base64url of so many bytes is."""
    return (4 * size + 2) // 3
