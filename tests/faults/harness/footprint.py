"""What a process holds of the machine, as seen from outside."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Footprint:
    """Resident memory in MiB, open files and sockets, and threads."""

    memory: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        folder = Path(f"/proc/{pid}")
        status = (folder / "status").read_text()

        def number(name: str) -> int:
            found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
            assert found, name
            return int(found[1])

        return cls(
            memory=number("VmRSS") / 1024,
            files=len(list((folder / "fd").iterdir())),
            threads=number("Threads"),
        )
