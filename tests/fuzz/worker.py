"""`python -m fuzz.worker TARGET RUNS FOLDER [OPTION...]`: one target, guided by its coverage.

libFuzzer leads this process and never returns, so it is ended from within when it has had its runs.
An input that must not be is left in FOLDER/found, and the process ends with an error.
"""

import gc
import os
import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["tokenauthority_tokens", "jwt.algorithms", "jwt.utils"]):
    from fuzz import seeds
    from fuzz.tally import Tally
    from fuzz.targets import TARGETS


def main(name: str, runs: int, folder: Path, options: list[str]) -> None:
    """Fuzz until so many inputs have run, or one of them is a finding."""
    target = TARGETS[name]
    tally = Tally(folder / f"{name}.json")
    found, corpus = folder / "found", folder / "corpus" / name
    for one in (found, corpus):
        one.mkdir(parents=True, exist_ok=True)
    seeds.write(folder / "seeds" / name, name)
    words = folder / "words"
    words.write_text(seeds.dictionary())

    def run(data: bytes) -> None:
        try:
            outcome = target.run(data)
        except BaseException:
            tally.write()
            raise
        if tally.count(outcome) >= runs:
            tally.write()
            os._exit(0)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        chance = Random(seed)  # noqa: S311 - no secret
        return target.change(data, longest, chance, atheris.Mutate)

    # What is here by now stays, and is no garbage to look for while an input is timed.
    gc.freeze()
    arguments = [
        "fuzz",
        f"-max_len={target.longest}",
        "-len_control=0",
        "-mutate_depth=2",  # each change is a large one
        "-timeout=20",
        "-rss_limit_mb=1024",
        f"-dict={words}",
        f"-artifact_prefix={found}/{name}-",
        *options,
        str(corpus),
        str(folder / "seeds" / name),
    ]
    atheris.Setup(arguments, run, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
