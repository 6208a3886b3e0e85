"""How often the authority may have counted each kind of change, by what callers were told."""

from collections import Counter
from collections.abc import Iterator

from faults.harness.record import End, Record, SessionRecord

METRICS = ("created", "refreshed", "revoked", "bulk_revoked", "reuse_detected")


def bounds(record: Record, metric: str) -> tuple[int, int]:
    """The least and the most: they differ by what nobody was told the outcome of."""
    match metric:
        case "created":
            least, unknown = len(record.sessions), len(record.creations)
            return least, least + unknown
        case "refreshed":
            return _sum(_refreshed(session) for session in record.sessions.values())
        case "bulk_revoked":
            return _sum(_bulk_revoked(record))
        case "reuse_detected":
            return _sum(_reused(session) for session in record.sessions.values())
    sessions = (_revoked(record, session) for session in record.sessions.values())
    return _sum([*sessions, *map(_once, record.token_ends.values())])


def _refreshed(session: SessionRecord) -> tuple[int, int]:
    done = len(session.successors)
    return done, done + len(session.presented() - session.successors.keys())


def _reused(session: SessionRecord) -> tuple[int, int]:
    told = any(end.metric == "reuse_detected" for end in session.ends)
    # An old token presented without an answer may have been taken for reuse.
    return int(told), int(told or bool(session.presented() & session.successors.keys()))


def _revoked(record: Record, session: SessionRecord) -> tuple[int, int]:
    """A session ends once; it is not counted here where its user's end took it along."""
    least, most = _once([end for end in session.ends if end.metric == "revoked"])
    if least < most:
        others = [end for end in record.ends_of(session) if end.metric != "revoked"]
        # Whoever asked again was told that it had ended before: so it was done without an answer.
        least = int(any(end.is_known for end in session.ends) and not others)
    return least, max(most, _reused(session)[1])


def _once(ends: list[End]) -> tuple[int, int]:
    """Of these calls one at most has ended something."""
    told = sum(end.ended for end in ends)
    return told, max(told, int(any(not end.is_known for end in ends)))


def _bulk_revoked(record: Record) -> Iterator[tuple[int, int]]:
    held = Counter(session.user_id for session in record.sessions.values())
    held.update(creation.user_id for creation in record.creations)
    for user_id, ends in record.user_ends.items():
        for end in ends:
            yield end.ended, end.ended if end.is_known else held[user_id]


def _sum(bounds: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(bounds)
    return sum(least for least, _ in pairs), sum(most for _, most in pairs)
