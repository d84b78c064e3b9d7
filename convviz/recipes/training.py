"""Programs for the page Training: the same network, data, beginning, order and steps, with Keras' own ``fit``."""

from __future__ import annotations

from typing import Any

from convviz.recipes import architectures, augmentation, networks
from convviz.recipes.writing import script

_DIGITS = """
import cv2
import numpy as np
from sklearn.datasets import load_digits

# Digits of 8 x 8 in the frame of MNIST's: 20 x 20 pixels of ink in the middle of 28 x 28, white on black.
raw = load_digits()
pictures, labels = np.zeros((len(raw.images), 28, 28, 1), np.uint8), raw.target
for frame, digit in zip(pictures, raw.images):
    enlarged = cv2.resize(np.float32(digit) * (255 / 16), (20, 20), interpolation=cv2.INTER_CUBIC)
    frame[4:24, 4:24, 0] = np.clip(np.rint(enlarged), 0, 255)
order = np.random.default_rng(20261123).permutation(len(pictures))
learn, choose, report = np.split(order, (1200, 1497))  # to learn from, to choose by, to report on
train_images, train_labels = pictures[learn], labels[learn]
validation_images, validation_labels = pictures[choose], labels[choose]
test_images, test_labels = pictures[report], labels[report]
"""

_KERAS_DATA = """
import keras
import numpy as np

(pictures, labels), (test_images, test_labels) = keras.datasets.{name}.load_data()  # Keras fetches it once
order = np.random.default_rng(20261123).permutation(len(pictures))
choose, learn = np.sort(order[:5000]), np.sort(order[5000:])  # to choose by, to learn from
train_images, train_labels = pictures[learn][..., None], labels[learn]
validation_images, validation_labels = pictures[choose][..., None], labels[choose]
test_images = test_images[..., None]
"""

DATASETS = {
    "digits": _DIGITS,
    "mnist": _KERAS_DATA.format(name="mnist"),
    "fashion_mnist": _KERAS_DATA.format(name="fashion_mnist"),
}

_MNIST = """
import keras
from keras import layers

seed = {seed}
keras.utils.set_random_seed(seed)  # the network's random beginning
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
"""

NETWORKS = {"mnist": _MNIST}

_FIT = """
import csv
import numpy as np

# The beginning, the order of the pictures and the steps are the page's. Both round, and small differences grow with
# the steps: expect the same curves, not the same last digits.
model.compile(
    optimizer=keras.optimizers.{optimizer}(learning_rate={learning_rate}),
    loss="{loss}",
    metrics=["accuracy"],
    jit_compile=False,
)
rows = []
for epoch in range({epochs}):
    order = np.random.default_rng([seed, epoch]).permutation(len(train_images))
    seen = model.fit(
        {pictures}.astype("float32"){scale},
        train_labels[order],
        batch_size={batch_size},
        shuffle=False,
        validation_data=(validation_images.astype("float32"){scale}, validation_labels),
        verbose=2,{callbacks}
    )
    rows.append({{name: numbers[0] for name, numbers in seen.history.items()}}){patience}
_, test_accuracy = model.evaluate(test_images.astype("float32"){scale}, test_labels, verbose=0)
print("accuracy on the test pictures:", test_accuracy)

with open("curves.csv", "w", newline="") as file:
    table = csv.DictWriter(file, ["epoch", *rows[0]])
    table.writeheader()
    table.writerows({{"epoch": number, **row}} for number, row in enumerate(rows, 1))
model.save("trained.keras")
result = {{name: np.array([row[name] for row in rows]) for name in rows[0]}}
result["test_accuracy"] = test_accuracy
"""

_PATIENCE = """
    losses = [row["val_loss"] for row in rows]
    if len(losses) - 1 - losses.index(min(losses)) >= {patience}:
        break  # it has not fallen for so many epochs"""

_GOES_ON = """
seed = {seed}  # of the order of the pictures
callbacks = []
"""

_THAWED = """

def thaw(model, path, nested=False):
    \"\"\"Let a layer and all behind it learn, and none before it; the normalizations of a base stay as they are.\"\"\"
    name, _, rest = path.partition("/")
    place = [layer.name for layer in model.layers].index(name)
    for number, layer in enumerate(model.layers):
        stays = nested and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = number >= place and not stays
    if rest:
        thaw(model.get_layer(name), rest, True)


thaw(model, "{path}")
print(len(model.trainable_weights), "trainable weights")
"""

OPTIMIZERS = {"rmsprop": "RMSprop", "adam": "Adam", "sgd": "SGD"}


def training(architecture: Any, dataset: Any, settings: Any, *, card: Any = None, frozen: bool = False) -> str:
    """A whole training as the page does it, by ``compile`` and ``fit``.

    Args:
        architecture: key of ``NETWORKS``, or an ``architectures.Architecture`` or ``Transfer``, or a ``zoo.Reference``.
        dataset: key of ``DATASETS``, or a ``datasets.Reference``; what is not a key is read from a file.
        settings: ``training.Settings``.
        card: of the network, where ``architecture`` is the ``zoo.Reference`` of one that goes on learning.
        frozen: whether filter 0 of that network's first convolution stays as it is.

    Returns:
        A program that leaves ``result``: loss, accuracy, val_loss and val_accuracy, one number an epoch, and
        ``test_accuracy``; it writes ``curves.csv`` and ``trained.keras``.
    """
    named = dataset if isinstance(dataset, str) else dataset.name if architectures.is_plain(dataset) else ""
    data = DATASETS[named] if named in DATASETS else architectures.pictures()
    is_text, prepares = isinstance(architecture, str), hasattr(architecture, "base")
    scale, is_single = "" if prepares else " / 255", not is_text and getattr(architecture, "ending", "") == "sigmoid"
    if card is not None:
        network = networks.loading(architecture) + _GOES_ON.format(seed=settings.seed)
        network += _THAWED.format(path=settings.train_from) if settings.train_from else ""
        network += architectures.staying() if frozen else ""
        low, high = card.value_range
        scale = f" * {(high - low) / 255:.9g} + {low:g}" if (low, high) != (0, 1) else " / 255"
        is_single = card.output == "sigmoid"
    elif is_text:
        network = NETWORKS[architecture].format(seed=settings.seed)
    else:
        network = (architectures.transferred if prepares else architectures.built)(architecture, settings.seed)
    changing, pictures = augmentation.anew(settings.augmentation, settings.batch_size)
    return script(
        data,
        network,
        *changing,
        _FIT.format(
            optimizer=OPTIMIZERS[settings.optimizer],
            learning_rate=settings.learning_rate,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            loss="binary_crossentropy" if is_single else "sparse_categorical_crossentropy",
            scale=scale,
            patience=_PATIENCE.format(patience=settings.patience) if settings.patience else "",
            callbacks="" if is_text else "\n        callbacks=callbacks,",
            pictures=pictures,
        ),
        about="Train a network as the page Training does it.",
    )
