"""Run the benchmarks and print their table: ``python -m benchmarks [name ...]``."""

import os
import pkgutil
import sys
from importlib import import_module

import cv2

import benchmarks


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 2 for a name that is none."""
    known = sorted(entry.name for entry in pkgutil.iter_modules(benchmarks.__path__) if entry.name != "__main__")
    if unknown := set(names) - set(known):
        print(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
        return 2
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} processors{load}, OpenCV {cv2.__version__} with {cv2.getNumThreads()} threads\n")
    for name in names or known:
        rows = getattr(import_module(f"benchmarks.{name}"), "rows", None)
        if rows is not None:
            print(f"{name}\n{benchmarks.table(list(rows()))}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
