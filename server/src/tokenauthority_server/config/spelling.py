"""Names in the environment that are nearly, but not quite, a setting's."""

from collections.abc import Iterable
from difflib import get_close_matches

from tokenauthority_server.config.faults import Fault

# Two letters swapped in the shortest names still count (REDIS_ULR: 0.89); SSL_CERT_FILE, which is
# OpenSSL's own beside our TLS_CERT_FILE, does not (0.85).
_CUTOFF = 0.87
# As near as a typing error, and usual names of other programs.
_OF_OTHERS = frozenset({"DATABASE_USER", "ENCRYPTION_KEY", "HTTPS_HOST", "HTTPS_PORT"})


def near_misses(names: Iterable[str], known: Iterable[str]) -> list[Fault]:
    """A warning for each of `names` that is not known, but looks like one that is."""
    settings = frozenset(known)
    strangers = sorted(frozenset(names) - settings - _OF_OTHERS)
    return [
        Fault(name, f"is no setting and is ignored. Was {nearest[0]} meant?")
        for name in strangers
        if (nearest := get_close_matches(name.upper(), settings, n=1, cutoff=_CUTOFF))
    ]
