"""What AdminService does, wired."""

from tokenauthority_server.adapters.postgres.audit_trail import PostgresAuditTrail
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.directory import PostgresUserDirectory
from tokenauthority_server.adapters.postgres.session_ender import PostgresSessionEnder
from tokenauthority_server.adapters.postgres.token_counts import PostgresTokenCounts
from tokenauthority_server.adapters.postgres.user_store import PostgresUserStore
from tokenauthority_server.domain.ports import PageTokens, Propagation, TokenSigner
from tokenauthority_server.services.audit_reading import AuditReading
from tokenauthority_server.services.counting import Counting
from tokenauthority_server.services.ending_sessions import EndingSessions
from tokenauthority_server.services.passwords import Passwords
from tokenauthority_server.services.signing_keys import SigningKeys
from tokenauthority_server.services.user_statuses import UserStatuses
from tokenauthority_server.services.users import Users
from tokenauthority_server.transport.admin.use_cases import AdminUseCases


def administration(  # noqa: PLR0913 - all but one by name
    database: Database,
    *,
    keys: SigningKeys,
    passwords: Passwords,
    propagation: Propagation,
    signer: TokenSigner,
    page_tokens: PageTokens,
) -> AdminUseCases:
    """Return the use cases of administrators over this database."""
    trail = PostgresAuditTrail(database)
    return AdminUseCases(
        users=Users(
            store=PostgresUserStore(database),
            signer=signer,
            propagation=propagation,
            page_tokens=page_tokens,
        ),
        statuses=UserStatuses(PostgresUserDirectory(database), propagation),
        passwords=passwords,
        ending=EndingSessions(ender=PostgresSessionEnder(database), propagation=propagation),
        counting=Counting(PostgresTokenCounts(database)),
        keys=keys,
        audit=AuditReading(trail, page_tokens),
        trail=trail,
    )
