"""AdminService over memory, with real tokens and keys."""

from dataclasses import dataclass, field

from support.use_cases import Authority, authority

from tokenauthority_server.adapters.memory import (
    MemoryAuditTrail,
    MemoryDatabase,
    MemorySessionEnder,
    MemoryTokenCounts,
    MemoryUserDirectory,
    MemoryUserStore,
)
from tokenauthority_server.adapters.page_tokens import SealedPageTokens
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.domain.admin_ports import AuditTrail
from tokenauthority_server.domain.audit import AuditFilter, AuditNote, AuditPage
from tokenauthority_server.domain.errors import (
    PasswordRefusedError,
    StoreUnavailableError,
    UserNotFoundError,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.services.audit_reading import AuditReading
from tokenauthority_server.services.counting import Counting
from tokenauthority_server.services.ending_sessions import EndingSessions
from tokenauthority_server.services.passwords import Passwords
from tokenauthority_server.services.revoking import Revoked
from tokenauthority_server.services.user_statuses import UserStatuses
from tokenauthority_server.services.users import Users
from tokenauthority_server.transport.admin.use_cases import AdminUseCases

GOOD_PASSWORD = "correct horse battery staple"


class ShortPasswords(Passwords):
    """Refuses every password but one, and sets none."""

    database: MemoryDatabase

    def __init__(self, database: MemoryDatabase) -> None:
        object.__setattr__(self, "database", database)

    async def set_password(self, user_id: str, password: str, origin: Origin) -> Revoked:
        del origin
        if password != GOOD_PASSWORD:
            raise PasswordRefusedError("is too short")
        if user_id not in self.database.users:
            raise UserNotFoundError
        return Revoked(sessions=2, effective_everywhere=True)


@dataclass
class FailingTrail:
    """A trail that can be read, and into which nothing can be written while it `fails`."""

    trail: AuditTrail
    fails: bool = field(default=False)

    async def note(self, note: AuditNote, origin: Origin) -> None:
        if self.fails:
            raise StoreUnavailableError("PostgreSQL")
        await self.trail.note(note, origin)

    async def page(self, wanted: AuditFilter, size: int, before: str) -> AuditPage:
        return await self.trail.page(wanted, size, before)


@dataclass(frozen=True)
class Administration:
    """The use cases, and what is behind them."""

    authority: Authority
    database: MemoryDatabase
    trail: FailingTrail
    use_cases: AdminUseCases


async def administration() -> Administration:
    database, keys = MemoryDatabase(), EncryptionKeys([bytes(range(32))])
    here = await authority(database, keys)
    trail = FailingTrail(MemoryAuditTrail(database))
    page_tokens = SealedPageTokens(keys)
    return Administration(
        authority=here,
        database=database,
        trail=trail,
        use_cases=AdminUseCases(
            users=Users(
                store=MemoryUserStore(database),
                signer=here.codec,
                propagation=here.propagation,
                page_tokens=page_tokens,
            ),
            statuses=UserStatuses(MemoryUserDirectory(database), here.propagation),
            passwords=ShortPasswords(database),
            ending=EndingSessions(ender=MemorySessionEnder(database), propagation=here.propagation),
            counting=Counting(MemoryTokenCounts(database)),
            keys=here.keys,
            audit=AuditReading(trail, page_tokens),
            trail=trail,
        ),
    )
