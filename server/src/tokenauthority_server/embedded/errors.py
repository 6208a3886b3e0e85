"""The one error of the embedded stores."""

from tokenauthority_server.domain.errors import StartError


class EmbeddedStoreError(StartError):
    """An embedded store could not do what was asked; the text says why and what to do."""
