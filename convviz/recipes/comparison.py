"""The program of the page Compare runs: both settings, all seeds, Keras' own ``fit``, and Welch's interval."""

from __future__ import annotations

import textwrap
from typing import Any

from convviz.recipes import architectures, augmentation
from convviz.recipes.training import DATASETS, OPTIMIZERS
from convviz.recipes.writing import script

_RUN = """
model.compile(
    keras.optimizers.{optimizer}(learning_rate={learning_rate}),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile=False,
)
seen = []
for epoch in range({epochs}):
    order = np.random.default_rng([seed, epoch]).permutation(len(train_images))
    told = model.fit(
        {pictures}.astype("float32") / 255,
        train_labels[order],
        batch_size={batch_size},
        shuffle=False,
        validation_data=(validation_images.astype("float32") / 255, validation_labels),
        verbose=0,
    )
    seen.append(told.history["val_accuracy"][0])
return seen
"""

_THINNED = """
import numpy as np

rows = [np.flatnonzero(train_labels == label)[:{per_class}] for label in range({classes})]
chosen = np.sort(np.concatenate(rows))  # the first {per_class} of each class
train_images, train_labels = train_images[chosen], train_labels[chosen]
"""

_VERDICT = """
import csv
import numpy as np
from scipy import stats

first, second = {first}, {second}  # seeds; no two runs share one
result = {{"A": [run_a(seed) for seed in first], "B": [run_b(seed) for seed in second]}}
ends = {{name: [seen[-1] for seen in runs] for name, runs in result.items()}}
test = stats.ttest_ind(ends["B"], ends["A"], equal_var=False)  # Welch's
interval = test.confidence_interval({level})
print("mean final validation accuracy:", {{name: float(np.mean(one)) for name, one in ends.items()}})
print("B minus A:", np.mean(ends["B"]) - np.mean(ends["A"]), "interval:", interval)

with open("comparison.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["setting", "run", "epoch", "validation accuracy"])
    for name, runs in result.items():
        for number, seen in enumerate(runs):
            table.writerows([name, number, epoch, one] for epoch, one in enumerate(seen, 1))
"""


def comparison(one: Any, other: Any, dataset: Any, *, seeds: int, level: float, second: int) -> str:
    """A whole comparison as the page does it.

    Args:
        one: the first ``comparison.Contender``, whose network is an ``architectures.Architecture``.
        other: the second.
        dataset: a ``datasets.Reference``; what is not a known set is read from a file.
        seeds: runs of each.
        level: of the interval.
        second: what is added to the seeds of the second setting.

    Returns:
        A program that leaves ``result``: ``"A"`` and ``"B"``, the validation accuracies of each run after each epoch,
        and ``interval``; it writes ``comparison.csv``.
    """
    known = dataset.kind == "named" and dataset.side is None and dataset.name in DATASETS
    data = DATASETS[dataset.name] if known else architectures.pictures()
    classes = one.network.class_count
    thinned = _THINNED.format(per_class=dataset.per_class, classes=classes) if known and dataset.per_class else ""
    begins = [range(who.settings.seed + more, who.settings.seed + more + seeds) for who, more in
              ((one, 0), (other, second))]  # fmt: skip
    return script(
        data,
        thinned,
        *_function("run_a", one),
        *_function("run_b", other),
        _VERDICT.format(first=begins[0], second=begins[1], level=level),
        about="Two settings against each other, several seeds each.",
    )


def _function(name: str, contender: Any) -> tuple[str, str]:
    """The imports that a run needs, and the run as a function of its seed."""
    settings = contender.settings
    built = architectures.built(contender.network, 0).replace("seed = 0\n", "").replace("callbacks = []\n", "")
    changing, pictures = augmentation.anew(settings.augmentation, settings.batch_size, inside=True)
    parts = [built, *changing]
    parts.append(
        _RUN.format(
            optimizer=OPTIMIZERS[settings.optimizer],
            learning_rate=settings.learning_rate,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            pictures=pictures,
        )
    )
    lines = "\n\n".join(part.strip("\n") for part in parts).splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    body = "\n".join(line for line in lines if not line.startswith(("import ", "from ")))
    head = f'def {name}(seed):\n    """Validation accuracy after each epoch."""\n'
    return "\n".join(["import numpy as np", *imports]), head + textwrap.indent(body.strip("\n"), "    ")
