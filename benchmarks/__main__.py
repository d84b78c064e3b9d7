"""Run the benchmarks and print their table: ``python -m benchmarks [name ...]``."""

import pkgutil
import sys
from importlib import import_module

import benchmarks


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 2 for a name that is none."""
    known = sorted(entry.name for entry in pkgutil.iter_modules(benchmarks.__path__) if entry.name != "__main__")
    if unknown := set(names) - set(known):
        print(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
        return 2
    for name in names or known:
        rows = getattr(import_module(f"benchmarks.{name}"), "rows", None)
        if rows is not None:
            print(f"{name}\n{benchmarks.table(list(rows()))}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
