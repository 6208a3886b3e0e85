"""Several embedded Valkeys that know each other: a cluster, and a primary with its sentinels."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final, Self

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError
from support.processes import accepts
from support.waiting import wait_until

from tokenauthority_server.embedded import EmbeddedValkey
from tokenauthority_server.embedded.folder import StoreFolder
from tokenauthority_server.embedded.store import HOST, free_port

SLOTS: Final = 16384
NODE_MILLISECONDS: Final = "3000"
"""After so long a silent node counts as gone."""

SERVICE: Final = "authority"


class Node(EmbeddedValkey):
    """A server that others may follow: all of them have one password."""

    @classmethod
    def among(cls, folder: Path, password: str, settings: Mapping[str, str]) -> Self:
        store = folder / cls.name.lower()
        store.mkdir(mode=0o700, parents=True)
        (store / "password").write_text(password)
        return cls.start(
            folder,
            {"masterauth": password, "repl-diskless-sync-delay": "0", "save": '""', **settings},
        )

    @property
    def port(self) -> int:
        return self._port

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @contextmanager
    def asked(self) -> Iterator[Redis]:
        client = Redis.from_url(self.url, decode_responses=True, socket_timeout=5)
        try:
            yield client
        finally:
            client.close()

    def ask(self, *command: str | int) -> Any:
        with self.asked() as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def is_primary(self) -> bool:
        try:
            return bool(self.replication()["role"] == "master")
        except RedisError:
            return False

    def replication(self) -> Mapping[str, Any]:
        with self.asked() as client:
            return dict(client.info("replication"))


class SentinelNode(Node):
    """Watches a primary. Once started it keeps its own notes in its configuration."""

    name: ClassVar = "Sentinel"

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, settings)
        self.monitor = self.settings["monitor"]

    def _command(self, folder: StoreFolder, port: int) -> Sequence[str | Path]:
        configuration = folder.path / "sentinel.conf"
        lines = [
            f"bind {HOST}",
            f"port {port}",
            f"requirepass {self._password}",
            f"sentinel sentinel-pass {self._password}",
            f"sentinel monitor {SERVICE} {self.monitor} 2",
            f"sentinel auth-pass {SERVICE} {self._password}",
            f"sentinel down-after-milliseconds {SERVICE} {NODE_MILLISECONDS}",
            f"sentinel failover-timeout {SERVICE} 5000",
        ]
        folder.write_private(configuration, "\n".join(lines) + "\n")
        return [self._program, configuration, "--sentinel"]

    def _wait_until_ready(self, process: Popen[bytes]) -> bool:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            if "+monitor" in self._folder.log_text():
                return True
            time.sleep(0.005)
        return False


@dataclass(frozen=True)
class ValkeyCluster:
    """Three primaries; the first has the revocation log, and a replica."""

    primaries: Sequence[Node]
    replica: Node
    url: str

    @property
    def holder(self) -> Node:
        """The primary that has the revocation log now."""
        found: list[Node] = []

        def is_there() -> bool:
            found[:] = [one for one in (self.primaries[0], self.replica) if one.is_primary()]
            return bool(found)

        wait_until(is_there, 20)
        return found[0]

    def switch(self) -> None:
        """Let the replica take the place of its primary, in good order."""
        former, heir = self._settled()
        heir.ask("CLUSTER", "FAILOVER")
        wait_until(heir.is_primary, 20)
        wait_until(lambda: _follows(former, heir), 20)

    def fail_over(self) -> None:
        """Kill the primary that has the revocation log, and wait for its replica to follow it."""
        lost, heir = self._settled()
        lost.kill()
        wait_until(heir.is_primary, 30)

    def restore(self) -> None:
        """Start what was killed; from the main thread."""
        _restart_lost((self.primaries[0], self.replica))

    def _settled(self) -> tuple[Node, Node]:
        """Return the primary that has the log, and its replica, when that follows it."""
        primary = self.holder
        (replica,) = {self.primaries[0], self.replica} - {primary}
        wait_until(lambda: _follows(replica, primary), 30)
        wait_until(lambda: all(_counts_replica(node, primary) for node in self.primaries), 20)
        return primary, replica


@dataclass(frozen=True)
class WatchedPrimary:
    """A primary and two replicas, which three sentinels watch.

    Only a primary that has a replica takes writes, so that there are never two that do.
    """

    nodes: Sequence[Node]
    sentinels: Sequence[SentinelNode]
    url: str

    @property
    def primary(self) -> Node:
        """The node that the sentinels name. Another may think that it is one for a while."""
        # Asked once, not for each node: it may name another one meanwhile.
        port = _named(self.sentinels[0])
        (found,) = (node for node in self.nodes if node.port == port)
        return found

    def switch(self) -> None:
        """Let the sentinels make a replica the primary, in good order."""
        former = self._settled()
        self.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE)
        self._wait_for_heir(former)

    def fail_over(self) -> None:
        """Kill the primary, and wait for what the sentinels make of it."""
        lost = self._settled()
        lost.kill()
        self._wait_for_heir(lost)

    def restore(self) -> None:
        """Start what was killed; from the main thread."""
        _restart_lost(self.nodes)

    def _settled(self) -> Node:
        """Return the primary, when all the others follow it."""
        primary = self.primary
        wait_until(
            lambda: all(_follows(node, primary) for node in self.nodes if node is not primary), 30
        )
        return primary

    def _wait_for_heir(self, former: Node) -> None:
        def is_there() -> bool:
            heir = self.primary
            return (
                heir is not former
                and all(_named(one) == heir.port for one in self.sentinels)
                and bool(heir.replication()["connected_slaves"])
            )

        wait_until(is_there, 30)


@contextmanager
def valkey_cluster() -> Iterator[ValkeyCluster]:
    """Four nodes on loopback, which know each other; they end with the block."""
    with TemporaryDirectory(prefix="tests-cluster-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)
        password = secrets.token_urlsafe(24)
        nodes = [
            stack.enter_context(Node.among(folder / str(number), password, _cluster_settings()))
            for number in range(4)
        ]
        *primaries, replica = nodes
        share = -(-SLOTS // len(primaries))
        for number, node in enumerate(primaries):
            last = min(SLOTS, (number + 1) * share) - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        first = primaries.pop(key_slot(b"{revocation}") // share)
        for node in (*primaries, replica):
            first.ask("CLUSTER", "MEET", HOST, node.port, node.settings["cluster-port"])
        wait_until(lambda: all(_knows_all(node, len(nodes)) for node in nodes), 20)
        replica.ask("CLUSTER", "REPLICATE", first.ask("CLUSTER", "MYID"))
        wait_until(lambda: _follows(replica, first), 20)
        primaries.insert(0, first)
        # Each knows of the replica by then, so that it may vote for it.
        wait_until(lambda: all(_counts_replica(node, first) for node in primaries), 20)
        hosts = ",".join(node.address for node in primaries)
        yield ValkeyCluster(primaries, replica, f"redis+cluster://:{password}@{hosts}")


@contextmanager
def watched_primary() -> Iterator[WatchedPrimary]:
    """Three nodes and three sentinels on loopback; they end with the block."""
    with TemporaryDirectory(prefix="tests-sentinel-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)
        password = secrets.token_urlsafe(24)
        # Of three, one has to have heard of the primary within five seconds.
        settings = {"min-replicas-to-write": "1", "min-replicas-max-lag": "5"}
        nodes = [
            stack.enter_context(Node.among(folder / str(number), password, settings))
            for number in range(3)
        ]
        primary, *replicas = nodes
        for replica in replicas:
            replica.ask("REPLICAOF", HOST, primary.port)
        wait_until(lambda: all(_follows(replica, primary) for replica in replicas), 20)
        sentinels = [
            stack.enter_context(
                SentinelNode.among(
                    folder / f"s{number}", password, {"monitor": f"{HOST} {primary.port}"}
                )
            )
            for number in range(3)
        ]
        wait_until(lambda: all(_has_company(one) for one in sentinels), 30)
        hosts = ",".join(one.address for one in sentinels)
        yield WatchedPrimary(
            nodes,
            sentinels,
            f"redis+sentinel://:{password}@{hosts}/{SERVICE}?sentinel_password={password}",
        )


def _restart_lost(nodes: Sequence[Node]) -> None:
    for node in nodes:
        if not accepts(node.url):
            node.restart()


def _cluster_settings() -> Mapping[str, str]:
    return {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-node-timeout": NODE_MILLISECONDS,
        "cluster-replica-validity-factor": "0",
    }


def _knows_all(node: Node, nodes: int) -> bool:
    info = node.ask("CLUSTER INFO")
    return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == nodes


def _counts_replica(node: Node, primary: Node) -> bool:
    return len(node.ask("CLUSTER", "REPLICAS", primary.ask("CLUSTER", "MYID"))) == 1


def _follows(replica: Node, primary: Node) -> bool:
    try:
        found = replica.replication()
    except RedisError:
        return False
    return (found["role"], found.get("master_port"), found.get("master_link_status")) == (
        "slave",
        primary.port,
        "up",
    )


def _has_company(sentinel: SentinelNode) -> bool:
    told = sentinel.ask("SENTINEL", "MASTER", SERVICE)
    return int(told["num-other-sentinels"]) == 2 and int(told["num-slaves"]) == 2


def _named(sentinel: SentinelNode) -> int:
    """Return the port of the primary that it names."""
    return int(sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])
