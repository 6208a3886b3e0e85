"""The subject: the real `tokenauthority` as a process of its own, from its start to its end."""

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import grpc
from grpc_health.v1 import health_pb2

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
ASK_SECONDS = 0.002

# A process of a benchmark that was killed must not stay, so the kernel ends it with its parent.
_TIED = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
)


class NotReadyError(Exception):
    """The authority ended, or was not ready in time; the text holds the end of its log."""


class Authority:
    """`tokenauthority serve` or `dev`, started; `start_seconds` is from exec to readiness."""

    def __init__(self, command: str, settings: Mapping[str, str], folder: Path) -> None:
        self.address = f"{HOST}:{_free_port()}"
        self._log = folder / f"{command}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "GRPC_PORT": self.address.rpartition(":")[2],
            "HTTP_PORT": "0",
            "DRAIN_SECONDS": "0",
            **settings,
        }
        begin = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                [
                    *_python("-I", "-S", "-c", _TIED),
                    *_python("-m", "tokenauthority_server", command),
                ],
                env=environment,
                cwd=folder,  # where no .env is
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready(begin + READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - begin

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_ready(self, deadline: float) -> None:
        # Only then a channel: one that was refused waits for a second before it tries again.
        while not _listens(self.address):
            self._go_on(deadline)
        with grpc.insecure_channel(self.address) as channel:
            while not _is_ready(channel):
                self._go_on(deadline)

    def _go_on(self, deadline: float) -> None:
        if self._process.poll() is not None or time.monotonic() > deadline:
            end = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
            raise NotReadyError(f"The authority did not become ready. Its log ends with:\n{end}")
        time.sleep(ASK_SECONDS)


def migrate(database_url: str, folder: Path) -> None:
    subprocess.run(  # noqa: S603  our own command
        _python("-m", "tokenauthority_server", "migrate"),
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url},
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=READY_SECONDS,
    )


def store_settings(database_url: str, redis_url: str) -> dict[str, str]:
    """Return what `serve` needs, with a key made for this run."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KEY_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _is_ready(channel: grpc.Channel) -> bool:
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        answer = check(health_pb2.HealthCheckRequest(service="readiness"), timeout=1)
    except grpc.RpcError:
        return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def _free_port() -> int:
    """Return a port that was free a moment ago, below those that outgoing connections get."""
    for _ in range(100):
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
    raise NotReadyError(f"No port from {PORTS.start} to {PORTS.stop - 1} is free.")
