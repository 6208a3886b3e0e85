"""Generate the Python stubs of the contract; with --check, compare instead of writing.

Runs in the environment of requirements/generate.txt (`make generate`), whose generator is pinned
and older than the runtime: generated code refuses a runtime older than its generator.
"""

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).parent
PACKAGE = Path("tokenauthority/v1")
TARGET = PROTOS.parent / "generated" / "src" / PACKAGE


def generate(into: Path) -> None:
    """Write the modules of every .proto file below `into`; raise SystemExit when protoc fails."""
    bin_folder = Path(sys.executable).parent
    sources = sorted((PROTOS / PACKAGE).glob("*.proto"))
    services = [source for source in sources if source.stem.endswith("_service")]
    common = [
        "protoc",
        f"--proto_path={PROTOS}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        f"--plugin=protoc-gen-mypy={bin_folder / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={bin_folder / 'protoc-gen-mypy_grpc'}",
    ]
    for outputs, inputs in (
        ([f"--python_out={into}", f"--mypy_out=quiet:{into}"], sources),
        # Only files with services: the others would get empty stubs.
        ([f"--grpc_python_out={into}", f"--mypy_grpc_out=quiet:{into}"], services),
    ):
        if protoc.main([*common, *outputs, *map(str, inputs)]) != 0:
            raise SystemExit("protoc failed; its message is above.")
    # protoc writes neither of these.
    (into / PACKAGE / "__init__.py").touch()
    (into / PACKAGE / "py.typed").touch()


def main() -> None:
    """Generate into generated/src, or compare with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and fail on a difference")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / PACKAGE
        names = sorted(path.name for path in fresh.iterdir())
        if check:
            there = sorted(path.name for path in TARGET.iterdir() if path.is_file())
            _, differing, missing = filecmp.cmpfiles(fresh, TARGET, names, shallow=False)
            wrong = sorted({*differing, *missing, *(set(there) - set(names))})
            if wrong:
                raise SystemExit(
                    f"generated/ is not what protos/ gives: {', '.join(wrong)}. "
                    "Run `make generate`."
                )
            return
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)


if __name__ == "__main__":
    main()
