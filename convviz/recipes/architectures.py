"""Parts of programs: a network to be trained, and the pictures that it learns from."""

from __future__ import annotations

from typing import Any

from convviz import zoo

BASE = "base.keras"  # under which a bundled base is saved, for the programs that read it
PICTURES = "pictures.npz"  # under which labelled pictures are saved, for the programs that read them

_BUILT = """
import keras
from keras import layers

seed = {seed}
keras.utils.set_random_seed(seed)  # the network's random beginning
model = keras.Sequential(
    [
        keras.Input({shape}),
{lines}
    ]
)
"""

_TRANSFERRED = """
import keras
from keras import layers

seed = {seed}
keras.utils.set_random_seed(seed)
{read}base = {base}
learns = {learns}  # the base's layer from which on it learns, too
names = [layer.name for layer in base.layers]
for place, layer in enumerate(base.layers):  # its normalizations stay as they were trained
    is_open = learns is not None and place >= names.index(learns)
    layer.trainable = is_open and not isinstance(layer, layers.BatchNormalization)
inputs = values = keras.Input({shape})
{prepared}
values = base(values, training=False)
{head}
model = keras.Model(inputs, values)
callbacks = []
print(len(model.trainable_weights), "trainable weights")
"""

_BUNDLED = f'trained = keras.saving.load_model("{BASE}", compile=False)\n'

_FOR_ONE_SIDE = """file = "{file}"
folder = "{folder}"
weights = keras.utils.get_file(file, f"{{folder}}/{{file}}", cache_subdir="models")  # the page's at any size
"""

_PLANTED = """
import numpy as np

# A kernel of one's own as filter 0 of the first convolution, in the middle of its window, shared by the channels.
first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
kernel = np.array({kernel}, "float32")
weights, bias = first.get_weights()
top, left = (weights.shape[0] - kernel.shape[0]) // 2, (weights.shape[1] - kernel.shape[1]) // 2
weights[..., 0] = 0
weights[top : top + kernel.shape[0], left : left + kernel.shape[1], :, 0] = kernel[..., None] / weights.shape[2]
bias[0] = 0
first.set_weights([weights, bias])
"""

_STAYS = """
from keras import layers

# Filter 0 of the first convolution is a kernel of one's own, which stays as it is.
first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
weights, bias = first.get_weights()
"""

_FROZEN = """

class Frozen(keras.callbacks.Callback):
    \"\"\"Puts the kernel back after each step.\"\"\"

    def on_train_batch_end(self, batch, logs=None):
        now, biases = first.get_weights()
        now[..., 0], biases[0] = weights[..., 0], 0
        first.set_weights([now, biases])


callbacks.append(Frozen())
"""

_SAVED = f"""
import numpy as np

with np.load("{PICTURES}") as saved:  # saved by the page, beside this program
    train_images, train_labels = saved["train_images"], saved["train_labels"]
    validation_images, validation_labels = saved["validation_images"], saved["validation_labels"]
    test_images, test_labels = saved["test_images"], saved["test_labels"]
"""


def built(network: Any, seed: int) -> str:
    """An ``architectures.Architecture`` as the Keras program that builds it.

    Args:
        network: the network.
        seed: of its random beginning.

    Returns:
        Lines that leave ``model`` and ``callbacks``.
    """
    lines = [f"        layers.{_call(layer)}," for layer in (*network.layers, network.last)]
    text = _BUILT.format(seed=seed, shape=network.input_shape, lines="\n".join(lines)) + "callbacks = []\n"
    if network.transplant is not None:
        text += _PLANTED.format(kernel=[list(row) for row in network.transplant.kernel])
        text += _FROZEN if network.transplant.frozen else ""
    return text


def staying() -> str:
    """Lines after which filter 0 of the first convolution of a ``model`` stays as it is; ``callbacks`` is there."""
    return _STAYS + _FROZEN


def transferred(network: Any, seed: int) -> str:
    """An ``architectures.Transfer`` as the Keras program that builds it.

    Args:
        network: the network.
        seed: of its head's random beginning.

    Returns:
        Lines that leave ``model`` and ``callbacks``; a bundled base is read from ``BASE``.
    """
    height, width, channels = network.entering()
    seen = (height, width, network.base_channels())
    values = []
    if (height, width) != tuple(network.input_shape[:2]):
        values.append(f"layers.Resizing({height}, {width})(values)")
    if channels != seen[2]:
        values.append("layers.Concatenate()([values] * 3)  # the grey picture as red, green and blue")
    if entry := network.application():
        values.append(f"keras.applications.{entry.module}.preprocess_input(values)")
        read, weights = _weights(network)
        base = f"keras.applications.{entry.title}(weights={weights}, include_top=False, input_shape={seen})"
    else:
        values.append("layers.Rescaling(1 / 255)(values)")
        last = zoo.card(network.base).map_layers()[-1].name
        read, base = _BUNDLED, f'keras.Model(trained.inputs[0], trained.get_layer("{last}").output)'
    learns = f'"{network.train_from}"' if network.train_from else None
    lines = [f"values = {one}" for one in values]
    head = [f"values = layers.{_call(layer)}(values)" for layer in (*network.head, network.head_end)]
    return _TRANSFERRED.format(
        seed=seed, shape=network.input_shape, prepared="\n".join(lines), base=base, learns=learns,
        head="\n".join(head), read=read,
    )  # fmt: skip


def _weights(network: Any) -> tuple[str, str]:
    """The lines that get the weights of one of ``keras.applications``, and how they are named when it is built."""
    known, size = zoo.imagenet.HEADLESS[network.base], network.entering()[:2]
    if not network.trained or known.side is None or size == (known.side, known.side):
        return "", '"imagenet"' if network.trained else "None"
    folder = zoo.imagenet.headless_address(network.base).rpartition("/")[0]
    return _FOR_ONE_SIDE.format(file=known.file, folder=folder), "weights"


def _call(layer: Any) -> str:
    """One layer as it is called."""
    plain = {
        "global_average": "GlobalAveragePooling2D()",
        "global_max": "GlobalMaxPooling2D()",
        "flatten": "Flatten()",
        "dropout": f"Dropout({layer.rate:g})",
        "batch_norm": "BatchNormalization()",
        "dense": f'Dense({layer.units}, activation="{layer.activation}")',
    }
    if layer.kind in plain:
        return plain[layer.kind]
    padding = f', padding="{layer.padding}"' if layer.padding != "valid" else ""
    usual = 1 if layer.kind == "conv" else layer.size
    strides = f", strides={layer.step}" if layer.step != usual else ""
    if layer.kind == "conv":
        return f'Conv2D({layer.filters}, {layer.size}{strides}{padding}, activation="{layer.activation}")'
    return f"{'Max' if layer.kind == 'max' else 'Average'}Pooling2D({layer.size}{strides}{padding})"


def pictures() -> str:
    """Pictures that cannot be had from Keras or scikit-learn: the lines that read what ``datasets.packed`` wrote."""
    return _SAVED


def is_plain(reference: Any) -> bool:
    """Whether nothing is done to the pictures of a known set."""
    return reference.kind == "named" and not (reference.per_class or reference.side)
