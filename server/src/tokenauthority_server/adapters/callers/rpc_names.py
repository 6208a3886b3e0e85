"""RPCs by the names that a callers' file uses."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

_OURS: Final = "tokenauthority.v1."


class RpcNames:
    """The services and RPCs that can be named: `TokenService/Validate`, or `TokenService` for all.

    Those of other packages need their full name, as `grpc.health.v1.Health`; ours may have it.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._named: dict[str, list[str]] = {}
        for path in paths:
            service, _, rpc = path.removeprefix("/").partition("/")
            for name in {service, service.removeprefix(_OURS)}:
                self._named.setdefault(name, []).append(path)
                self._named[f"{name}/{rpc}"] = [path]

    def paths(self, name: str) -> Sequence[str]:
        """Return the paths of what is named; raise ValueError, which tells the nearest name."""
        found = self._named.get(name)
        if found is None:
            nearest = get_close_matches(name, self._named, n=1, cutoff=0.6)
            advice = f'. Was "{nearest[0]}" meant?' if nearest else ""
            raise ValueError(
                f"{_shown(name)} is no service and no RPC of this authority{advice or _FORM}"
            )
        return found

    def path(self, name: str) -> str:
        """Return the path of one RPC; raise ValueError where a service is named, too."""
        paths = self.paths(name)
        if "/" not in name:
            raise ValueError(f"{_shown(name)} is a service. Give one of its RPCs, as {name}/NAME")
        return paths[0]


_LONGEST: Final = 100
_FORM: Final = '. Give a service, as "TokenService", or one of its RPCs, as "TokenService/Validate"'


def _shown(name: str) -> str:
    # What does not look like a name may be anything, a key in the wrong place too.
    plain = name.isascii() and name.isprintable() and len(name) <= _LONGEST and "tac_" not in name
    return f'"{name}"' if plain else "this"
