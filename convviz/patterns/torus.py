"""A network on a canvas without edges: what leaves it on one side comes in on the other.

A tile that is climbed so can be repeated without seams, whatever padding the network's layers have.

What stands here needs Keras and TensorFlow alone and is part of the programs that the page hands out.
"""

from __future__ import annotations

from contextlib import contextmanager

from convviz import lazy

keras = lazy.load("keras")
tf = lazy.load("tensorflow")


@contextmanager
def torus(layers):
    """While the block runs, these layers have no edges: convolutions and poolings look round them.

    Where a layer's stride divides the size, the output's size is the input's by the stride, whatever its padding was.

    Args:
        layers: innermost layers of a Keras model, which is called within the block.
    """
    windows = (
        keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D,
        keras.layers.MaxPooling2D, keras.layers.AveragePooling2D,
    )  # fmt: skip
    before = [(vars(layer), dict(vars(layer))) for layer in layers]
    try:
        for layer in layers:
            if isinstance(layer, (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)):
                vars(layer)["call"] = lambda inputs: inputs
            elif isinstance(layer, windows):
                vars(layer)["call"] = rounding(layer, layer.call)
                vars(layer)["padding"] = "valid"
        yield
    finally:
        for attributes, old in before:
            for name in ("call", "padding"):
                if name in old:
                    attributes[name] = old[name]
                else:
                    attributes.pop(name, None)


def rounding(layer, call):
    """A layer's call on inputs that go on beyond their edges as far as its window reaches."""
    window = getattr(layer, "kernel_size", None) or layer.pool_size
    dilations = getattr(layer, "dilation_rate", (1, 1))
    first = 2 if layer.data_format == "channels_first" else 1

    def called(inputs):
        for axis in (0, 1):
            inputs = around(inputs, first + axis, dilations[axis] * (window[axis] - 1) + 1, layer.strides[axis])
        return call(inputs)

    return called


def around(inputs, axis, reach, stride):
    """A tensor continued round its edges along an axis, as far as padding of kind "same" would put zeros."""
    size = tf.shape(inputs)[axis]
    total = tf.maximum((-(-size // stride) - 1) * stride + reach - size, 0)
    before, after = total // 2, total - total // 2
    along = (slice(None),) * axis
    return tf.concat([inputs[(*along, slice(size - before, size))], inputs, inputs[(*along, slice(0, after))]], axis)
