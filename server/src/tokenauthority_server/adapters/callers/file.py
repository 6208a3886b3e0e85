"""CALLERS_FILE: who may call, read and checked whole."""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from tokenauthority_server.adapters.callers.faults import CallersFileError, Fault, Lines
from tokenauthority_server.adapters.callers.jwks import Jwks, read_jwks
from tokenauthority_server.adapters.callers.known import CallersFile, Entry, Named, salted
from tokenauthority_server.adapters.callers.rpc_names import RpcNames
from tokenauthority_server.adapters.callers.service_accounts import ServiceAccountTokens
from tokenauthority_server.adapters.callers.table import CallerTable, KubernetesTable, check_name
from tokenauthority_server.adapters.callers.toml_lines import lines_of
from tokenauthority_server.adapters.mounted_files import read_content
from tokenauthority_server.domain.callers import Admission, Caller, Rights
from tokenauthority_server.domain.rates import Rate
from tokenauthority_server.domain.revocations import RevocationReason

MAX_FILE_BYTES: Final = 1024 * 1024

DEFAULT_RATES: Final[Mapping[str, Rate]] = {
    # Each costs a slow hash of a password: what a caller guesses with, and wears the machine out.
    "/tokenauthority.v1.AccountService/Login": Rate(20),
    "/tokenauthority.v1.AccountService/ChangePassword": Rate(5),
}
"""For those that `rates` does not name; `rate` does not change them."""


def read_callers(path: Path, rpcs: Iterable[str], leeway: float = 0) -> CallersFile:
    """Return what the file says of callers of these RPCs; raise CallersFileError with all faults.

    `leeway` is for the times of service accounts' tokens, in seconds.
    """
    content = _content(path)
    document, text = _document(path, content)
    reading = _Reading(path, RpcNames(rpcs), Lines(lines_of(text)))
    file = reading.file(document, hashlib.sha256(content).digest(), leeway)
    if reading.faults:
        raise CallersFileError(path, reading.faults)
    return file


def _content(path: Path) -> bytes:
    try:
        return read_content(path, MAX_FILE_BYTES)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}. Make it readable, or put it back"
        raise CallersFileError(path, [Fault(0, problem)]) from None
    except ValueError as error:
        raise CallersFileError(path, [Fault(0, str(error))]) from None


def _document(path: Path, content: bytes) -> tuple[dict[str, Any], str]:
    try:
        # As the library reads a document: of two ways to end a line it makes one.
        text = content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CallersFileError(path, [Fault(line, "is no UTF-8 text")]) from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise CallersFileError(path, [_not_toml(error, text)]) from None
    except (ValueError, RecursionError):
        # It does not say where: a number of thousands of digits, lists in lists in lists.
        problem = "is no TOML that can be read: a number is too long, or lists lie too deep"
        raise CallersFileError(path, [Fault(0, problem)]) from None


def _not_toml(error: tomllib.TOMLDecodeError, text: str) -> Fault:
    problem, _, place = str(error).partition(" (at line ")
    line = place.partition(",")[0]
    if not line.isdecimal():  # "(at end of document)"
        return Fault(text.count("\n") + 1, "is no TOML: it ends within a value")
    return Fault(int(line), f"is no TOML: {problem[:1].lower()}{problem[1:]}")


class _Reading:
    """Collects what is wrong while it goes through the file, so that all of it is told at once."""

    def __init__(self, path: Path, names: RpcNames, lines: Lines) -> None:
        self.faults: list[Fault] = []
        self._path = path
        self._names = names
        self._lines = lines

    def file(self, document: Mapping[str, Any], digest: bytes, leeway: float) -> CallersFile:
        for name in document.keys() - {"callers", "kubernetes"}:
            self._fault((name,), "is not known here. Known are callers, kubernetes")
        sources, tokens = {self._path: digest}, None
        if kubernetes := self._kubernetes(document.get("kubernetes")):
            path = self._path.parent / kubernetes.jwks_file
            if jwks := self._jwks(path):
                sources[path] = jwks.digest
                tokens = ServiceAccountTokens(
                    jwks.keys,
                    issuer=kubernetes.issuer,
                    audience=kubernetes.audience,
                    leeway=leeway,
                )
        tables = dict(self._tables(document.get("callers")))
        entries = {name: self._entry(name, table) for name, table in tables.items()}
        if "kubernetes" not in document:
            for name, table in tables.items():
                if table.service_account:
                    self._fault(
                        ("callers", name, "service_account"), "needs the table [kubernetes]"
                    )
        self._tell_of_identities(document.get("callers"))
        admissions = [(table, entries[name].admission) for name, table in tables.items()]
        return CallersFile(
            entries=entries,
            uris={table.uri: one for table, one in admissions if table.uri},
            dns_names={table.dns: one for table, one in admissions if table.dns},
            keys={salted(key): one for table, one in admissions for key in table.key_sha256},
            service_accounts={
                table.service_account: one for table, one in admissions if table.service_account
            },
            tokens=tokens,
            sources=sources,
        )

    def _kubernetes(self, table: object) -> KubernetesTable | None:
        if table is None:
            return None
        try:
            return KubernetesTable.model_validate(table)
        except ValidationError as error:
            self.faults += self._lines.faults_of(error, ("kubernetes",), KubernetesTable)
            return None

    def _jwks(self, path: Path) -> Jwks | None:
        try:
            return read_jwks(path)
        except ValueError as error:
            self._fault(("kubernetes", "jwks_file"), str(error))
            return None

    def _tables(self, callers: object) -> Iterator[tuple[str, CallerTable]]:
        if not isinstance(callers, dict) or not callers:
            self.faults.append(
                Fault(0, "names no caller: it needs a table [callers.NAME] for each")
            )
            return
        for name, table in callers.items():
            place = ("callers", name)
            try:
                check_name(name)
            except ValueError as error:
                self._fault(place, str(error))
            try:
                yield name, CallerTable.model_validate(table, context={"rpcs": self._names})
            except ValidationError as error:
                self.faults += self._lines.faults_of(error, place, CallerTable)

    def _entry(self, name: str, table: CallerTable) -> Entry:
        place = ("callers", name)
        allowed = frozenset(path for rpc in table.rpcs for path in self._names.paths(rpc))
        named: dict[tuple[bool, tuple[str, ...]], str] = {}
        for rpc in table.rates:
            paths = tuple(self._names.paths(rpc))
            if not allowed.issuperset(paths):
                self._fault((*place, "rates", rpc), "is limited, and its rpcs do not allow it")
            if (other := named.setdefault(("/" in rpc, paths), rpc)) != rpc:
                self._fault((*place, "rates", rpc), f"is the same as {other}. Give one of the two")
        rights = Rights(
            see_reasons="see_reasons" in table.rights,
            write_profiles="write_profiles" in table.rights,
            claimable_reasons=frozenset(map(RevocationReason, table.reasons)),
        )
        return Entry(
            admission=Admission(
                caller=Caller(name=name, rights=rights),
                rpcs=allowed,
                rates=self._rates(table, allowed),
            ),
            line=self._lines.of(place),
            rpcs=tuple(
                Named(rpc, self._lines.of((*place, "rpcs", index)))
                for index, rpc in enumerate(table.rpcs)
            ),
        )

    def _rates(self, table: CallerTable, allowed: Iterable[str]) -> Mapping[str, Rate]:
        """Return the rate of each RPC: what is said of it, of its service, or of all, in turn."""
        chosen: dict[str, Rate | None] = dict.fromkeys(allowed, table.rate)
        chosen |= {path: rate for path, rate in DEFAULT_RATES.items() if path in chosen}
        # The services before the RPCs: what is said more exactly goes before.
        for rpc in sorted(table.rates, key=lambda rpc: "/" in rpc):
            chosen |= dict.fromkeys(self._names.paths(rpc), table.rates[rpc])
        return {path: rate for path, rate in chosen.items() if rate is not None}

    def _fault(self, place: tuple[str | int, ...], problem: str) -> None:
        self.faults.append(self._lines.fault(place, problem))

    def _tell_of_identities(self, callers: object) -> None:
        """Note who has none, or another's, also where something else is wrong with a table."""
        owners: dict[tuple[str, str], str] = {}
        for name, table in callers.items() if isinstance(callers, dict) else ():
            if not isinstance(table, dict):
                continue
            place = ("callers", name)
            if all(table.get(kind, []) == [] for kind in _IDENTITIES):
                self._fault(
                    place,
                    "has nothing to be known by: give uri, dns, key_sha256 or service_account",
                )
            for within, value in _shown_by(table):
                owner = owners.setdefault((str(within[0]), value), name)
                if owner != name:
                    problem = f"is {owner}'s too. Each caller is known by what is its own"
                    self._fault((*place, *within), problem)


_IDENTITIES: Final = ("uri", "dns", "key_sha256", "service_account")


def _shown_by(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what a caller would be known by, spelled in one way, and where in its table it is."""
    for kind in _IDENTITIES:
        value = table.get(kind)
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(one, str):
                place = (kind, index) if isinstance(value, list) else (kind,)
                yield place, one if kind == "uri" else one.lower()
