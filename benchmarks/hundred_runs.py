"""Whether app and worker grow over many trainings: ``python -m benchmarks.hundred_runs [--runs 100]``.

One visitor after another trains a tiny network on some digits through the engine, looks at it as it was after the first
step, keeps it, and leaves. Printed is the memory (PSS) of this process and of its worker; what the first runs load
stays, so it is compared from the twentieth run on.
"""

from __future__ import annotations

import argparse
import gc
import time

import psutil

from convviz import architectures, datasets, training, zoo
from convviz.jobs import Engine

NETWORK = architectures.fitting((28, 28, 1), 10, "tiny")
DATA = datasets.Reference("digits", per_class=20)
FROM = 20  # the first run that is compared
SECONDS = 600.0  # for one piece of a run, on a machine that does other things as well


def one_run(engine: Engine, owner: str) -> None:
    """What a visitor does: train, look back, keep the network, leave."""
    engine.claim(owner)
    job = engine.start(training.bounded, NETWORK, DATA, training.Settings(epochs=2), owner=owner)
    job.result(timeout=SECONDS)
    names = job.history[0].beginning.class_names
    data = engine.call(training.trained, NETWORK, job.snapshot, class_names=names, owner=owner, timeout=SECONDS)
    reference = zoo.Reference("run", job.number, "canvas")
    engine.keep(reference, data, owner=owner)
    engine.call(training.moment, reference, job.album.read(0), DATA, 0, owner=owner, timeout=SECONDS)
    engine.release(owner)
    while engine.jobs(owner):
        time.sleep(0.01)


def sizes() -> dict[str, float]:
    """MB of this process, and of its worker: the largest of its children."""
    gc.collect()
    children = [one.memory_full_info().pss / 1e6 for one in psutil.Process().children(recursive=True)]
    return {"app": psutil.Process().memory_full_info().pss / 1e6, "worker": max(children, default=0.0)}


def main() -> None:
    """Run them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    asked = parser.parse_args()
    engine, first = Engine(), {}
    try:
        for number in range(1, asked.runs + 1):
            one_run(engine, f"visitor {number}")
            if number % 10 == 0:
                now = sizes()
                first = first or (now if number >= FROM else {})
                grown = "".join(f"  {name} {now[name] - first[name]:+.1f}" for name in now) if first else ""
                print(f"{number:4} runs: app {now['app']:.0f} MB, worker {now['worker']:.0f} MB{grown}", flush=True)
    finally:
        engine.close()


if __name__ == "__main__":
    main()
