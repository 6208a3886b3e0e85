"""What the classes of methods have in common."""

from tokenauthority_client.connection import Connection


class Service:
    """Methods of the authority, over a connection that a TokenAuthorityClient opens and closes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
