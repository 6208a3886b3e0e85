"""How often each fault is made: a sample every day, all of it by FAULTS=full."""

import os

FULL = os.environ.get("FAULTS") == "full"


def rounds(sample: int, full: int) -> int:
    """How many rounds to do in this run."""
    return full if FULL else sample
