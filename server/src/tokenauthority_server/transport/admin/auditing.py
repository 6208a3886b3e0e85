"""Each call of AdminService is an event in the audit trail before it is answered.

What a call changes is told by events of its own, in the transaction of the change. This one tells
of the call: also of one that only looked, that found all as it was to be, or that was refused. A
call that cannot be told is not answered. See docs/decisions/0020-a-call-is-an-event.md.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tokenauthority_server.domain.admin_ports import AuditTrail
from tokenauthority_server.domain.audit import OK, AuditNote
from tokenauthority_server.domain.errors import (
    AuthorityError,
    InvalidRequestError,
    TemporaryError,
)
from tokenauthority_server.transport.calling import origin
from tokenauthority_server.transport.errors import refusal_of


@dataclass(slots=True)
class CallNote:
    """What is to be told of a call: whom it concerns, and what was asked. Never a secret."""

    kind: str
    user_id: str = ""
    session_id: str = ""
    details: dict[str, str] = field(default_factory=dict)

    def tell(self, **details: object) -> None:
        """Add details; what is empty is left out, and what is said once more is exchanged."""
        for name, value in details.items():
            if value not in (None, ""):
                self.details[name] = str(value)


@asynccontextmanager
async def audited(
    trail: AuditTrail, kind: str, *, user_id: str = "", session_id: str = "", **details: object
) -> AsyncIterator[CallNote]:
    """Give the note of a call, and write it when the block ends well or is refused.

    Not when the request broke a rule, or no answer could be given: then nothing was shown or done
    that is not told elsewhere. Raises StoreUnavailableError when it cannot be written, in place of
    whatever else was to be said.
    """
    note = CallNote(kind, user_id, session_id)
    note.tell(**details)
    outcome = OK
    try:
        yield note
    except (InvalidRequestError, TemporaryError):
        raise
    except AuthorityError as error:
        outcome = refusal_of(error).reason_name
        await _write(trail, note, outcome)
        raise
    await _write(trail, note, outcome)


async def _write(trail: AuditTrail, note: CallNote, outcome: str) -> None:
    await trail.note(
        AuditNote(
            kind=note.kind,
            user_id=note.user_id,
            session_id=note.session_id,
            outcome=outcome,
            details=note.details,
        ),
        origin(),
    )
