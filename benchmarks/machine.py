"""What a figure was measured on: facts that matter, and none that name the machine."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

DISTRIBUTIONS = ("grpcio", "protobuf", "asyncpg", "PyJWT", "cryptography", "redis")


def facts() -> dict[str, object]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in DISTRIBUTIONS},
    }
