"""Unguessable names from the operating system's generator."""

import secrets


class SystemEntropy:
    """The port Entropy."""

    def session_id(self) -> str:
        """Return "sess_" and 32 random bytes in URL-safe base64 without padding."""
        return f"sess_{secrets.token_urlsafe(32)}"
