"""What can be seen of processes from outside."""

import socket
from pathlib import Path
from urllib.parse import urlsplit


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits to be reaped by whoever inherited it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def accepts(url: str, host: str = "127.0.0.1") -> bool:
    """Whether something listens on the address's port."""
    with socket.socket() as probe:
        return probe.connect_ex((host, urlsplit(url).port)) == 0
