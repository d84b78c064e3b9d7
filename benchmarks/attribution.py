"""Grad-CAM, warm, on MobileNetV2 at 224 x 224: against the textbook and the peers.

Every way begins with the picture, brought to the network's size alike, and ends with a heat map at the picture's size.

Then sixteen pictures at once, whether the hundredth call is as quick as the first ones, and every other method against
one Grad-CAM.

The textbook is keras.io's example. tf-keras-vis and xplique are measured where they can be imported; they are not among
our requirements. The weights are random where ImageNet's are not here: that changes the map, not its cost.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from benchmarks import Row, compare
from convviz import attribution, images, zoo

LAYER = "out_relu"
SHORTENED = {"score_cam": {"channels": 64}, "rise": {"masks": 64}}  # the rest of their work is more of the same
PICTURE = "cat"
CLASS = 281


def rows() -> Iterator[Row]:
    network = _network()
    picture = images.sample(PICTURE)
    size = picture.shape[1::-1]
    batch = network.prepare(picture)

    def ours() -> Any:
        return attribution.grad_cam(network, picture, target=CLASS, layer=LAYER)

    def wall_and_cpu(against: str, theirs: Callable[[], Any], reach: float | None = None) -> Iterator[Row]:
        for clock, name in ((time.perf_counter, "time"), (time.process_time, "CPU time")):
            yield compare(f"Grad-CAM, {name}", ours, against=against, theirs=theirs, reach=reach, clock=clock)

    def resized(theirs: Callable[[np.ndarray], np.ndarray]) -> Callable[[], np.ndarray]:
        return lambda: cv2.resize(np.asarray(theirs(network.prepare(picture)), np.float32), size)

    yield from wall_and_cpu("keras.io's example", resized(lambda one: _textbook(network.model, one)))
    if importlib.util.find_spec("tf_keras_vis"):
        yield from wall_and_cpu("tf-keras-vis", resized(_tf_keras_vis(network.model)), 1 / 12)
    if importlib.util.find_spec("xplique"):
        yield from wall_and_cpu("xplique", resized(_xplique(network.model)), 1 / 1.5)
    many = np.repeat(batch, 16, axis=0)
    yield compare(
        "Grad-CAM of 16 pictures, CPU time",
        lambda: attribution.grad_cam(network, many, target=CLASS, layer=LAYER),
        against="keras.io's example, one by one",
        theirs=lambda: [_textbook(network.model, one[None]) for one in many],
        clock=time.process_time,
    )
    yield _hundredth(ours)
    for name, method in attribution.METHODS.items():
        if name != "grad_cam":

            def one(name: str = name, method: Any = method) -> Any:
                return method(network, picture, target=CLASS, **SHORTENED.get(name, {}))

            yield compare(f"{name}{told(name)}", one, against="Grad-CAM", theirs=ours, seconds=0.0)


def told(name: str) -> str:
    """How a method is shortened for the measurement."""
    return "".join(f", {count} {what}" for what, count in SHORTENED.get(name, {}).items())


def _hundredth(call: Callable[[], Any]) -> Row:
    """A hundred calls in a row, CPU time: the last twenty beside the first twenty."""
    call()
    taken = []
    for _ in range(100):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    last, first = median(taken[-20:]), median(taken[:20])
    return Row("Grad-CAM, calls 81 to 100, CPU time", "calls 1 to 20", last, first, last / first, 1.25)


def _network() -> Any:
    """MobileNetV2, trained if its weights are here."""
    if zoo.is_here("mobilenetv2"):
        return zoo.load("mobilenetv2")
    return zoo.wrap(keras.applications.MobileNetV2(weights=None))


def _textbook(model: Any, batch: np.ndarray) -> np.ndarray:
    """keras.io/examples/vision/grad_cam, word for word but for names."""
    grad_model = keras.models.Model(model.inputs, [model.get_layer(LAYER).output, model.output])
    with tf.GradientTape() as tape:
        maps, answers = grad_model(batch)
        chosen = answers[:, CLASS]
    grads = tape.gradient(chosen, maps)
    pooled = tf.reduce_mean(grads, axis=(0, 1, 2))
    heatmap = tf.squeeze(maps[0] @ pooled[..., tf.newaxis])
    return (tf.maximum(heatmap, 0) / tf.math.reduce_max(heatmap)).numpy()


def _tf_keras_vis(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    explainer = Gradcam(model, clone=False)
    return lambda batch: explainer(CategoricalScore([CLASS]), batch, penultimate_layer=LAYER)[0]


def _xplique(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    from xplique.attributions import GradCAM

    explainer = GradCAM(model, output_layer=-1, conv_layer=LAYER, batch_size=1)
    label = tf.one_hot([CLASS], model.output_shape[-1])
    return lambda batch: np.squeeze(explainer(batch, label))
