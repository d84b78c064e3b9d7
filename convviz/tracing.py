"""What passes through a Keras model while it is called: every layer's output, whatever kind of model it is.

Keras models come as functional graphs, Sequential stacks, nests of both and subclasses with plain Python inside. All
of them end in calls of their innermost layers. So we listen there: while a model is traced into a TensorFlow graph,
each innermost layer reports its output under a path such as ``"vgg16/block3_conv1"`` and may have it replaced. Nothing
remains on the model afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from convviz import lazy

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

Hook = Callable[[str, Any, Any], Any]  # (path, inputs, output) -> replacement for the output, or None to keep it

_PASS_THROUGH = ("Identity", "Cast", "StopGradient", "Squeeze", "Reshape", "ExpandDims")
_CLOSINGS = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid"}
_RECTIFIERS = ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu")


class _Reached(BaseException):
    """The wanted layer has been called; not an Exception, which Keras would dress up with call information."""


def leaves(model: Any) -> dict[str, Any]:
    """Innermost layers of a model by path, in the order the model lists them.

    Args:
        model: any built ``keras.Model``; models nested in it are opened, other layers (wrappers, blocks) are not.

    Returns:
        path -> layer. A layer inside the nested model ``vgg16`` has a path such as ``"vgg16/block3_conv1"``.
    """
    found: dict[str, Any] = {}
    _collect(model, "", found, set())
    return found


def _collect(model: Any, prefix: str, found: dict[str, Any], seen: set[int]) -> None:
    """Add the innermost layers below a model, each layer once, under unique paths."""
    for layer in model._flatten_layers(include_self=False, recursive=False):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model):
            _collect(layer, f"{prefix}{layer.name}/", found, seen)
            continue
        path, copies = f"{prefix}{layer.name}", 2
        while path in found:
            path, copies = f"{prefix}{layer.name}:{copies}", copies + 1
        found[path] = layer


def traced(network: Any, key: Any, body: Callable, *signature: Any) -> Callable:
    """A function compiled into a TensorFlow graph once for each network and key, and kept with the network.

    Only the first call with a key traces, alone, under the network's lock; what comes back may be called by many
    threads at once. The graph reads the model's variables, so it follows a model that is being trained.

    Args:
        network: a ``zoo.Network``.
        key: what the function computes; whatever the body takes from Python must be part of it.
        body: function of tensors, written with TensorFlow; it may use ``listening`` and ``until``.
        signature: a ``tf.TensorSpec`` for each argument.

    Returns:
        The concrete function, to be called with tensors.
    """
    found = network.compiled.get(key)
    if found is None:
        with network.lock:
            found = network.compiled.get(key)
            if found is None:
                function = tf.function(body, autograph=False, jit_compile=needs_xla(network.model))
                found = network.compiled[key] = function.get_concrete_function(*signature)
    return found


def needs_xla(model: Any) -> bool:
    """Whether a model's graphs run only compiled: it works channels first where TensorFlow's own kernels do not.

    Args:
        model: any built ``keras.Model``.

    Returns:
        False for every model that works channels last; for others True on a CPU without oneDNN's operations, which
        ``TF_ENABLE_ONEDNN_OPTS=1`` switches on, but only before TensorFlow is loaded.
    """
    return works_channels_first(model) and not _computes_channels_first()


def works_channels_first(model: Any) -> bool:
    """Whether any layer of a model takes (N, C, H, W)."""
    return any(getattr(layer, "data_format", None) == "channels_first" for layer in leaves(model).values())


@cache
def _computes_channels_first() -> bool:
    """Whether a graph with a convolution that is channels first runs on this machine; tried once."""
    kernel = tf.ones((1, 1, 1, 1))
    convolve = tf.function(lambda maps: tf.nn.conv2d(maps, kernel, 1, "VALID", data_format="NCHW"), jit_compile=False)
    try:
        convolve(tf.ones((1, 1, 1, 1)))
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
        return False
    return True


@contextmanager
def listening(model: Any, hook: Hook, *, fold: bool = False, kept: Collection[str] = ()) -> Iterator[set[str]]:
    """While the block runs, every call of an innermost layer is reported to the hook.

    Use it inside a traced function only (``traced``): the layers' ``call`` is replaced on the instance for the time of
    the trace and given back afterwards, also after an error. Losses that layers add while they are traced (activity
    regularizers) belong to that graph and are dropped.

    Args:
        model: any built ``keras.Model``.
        hook: called as ``hook(path, inputs, output)``, maps channels last also where the layer works channels first;
            what it returns, unless None, takes the output's place, and is an input of the layers behind it. A layer
            that is used twice is reported twice.
        fold: let a batch normalization behind a convolution be part of it, which is quicker and gives the same numbers
            but for rounding. The convolution's own output is still reported, but no longer lies on the way.
        kept: paths of layers whose output must stay on the way, to be differentiated or replaced.

    Yields:
        paths of the layers called so far whose output is really channels first.
    """
    before: list[tuple[dict, Any]] = []
    held: list[Any] = []  # outputs that stay on the way
    found = leaves(model)
    turning = _Turning(found)
    try:
        for path, layer in found.items():
            attributes = vars(layer)  # past Keras' own bookkeeping of attributes, so nothing is tracked
            before.append((attributes, attributes.get("call")))
            call = layer.call
            if fold and isinstance(layer, keras.layers.BatchNormalization):
                call = _folding(layer, call, held)
            turned = turning.around(path, layer, call), partial(turning.given, layer)
            attributes["call"] = _reporting(path, *turned, hook, held if path in kept else None)
        yield turning.turned
    finally:
        for attributes, call in before:
            if call is None:
                attributes.pop("call", None)
            else:
                attributes["call"] = call
        model._clear_losses()


class _Turning:
    """Outputs of layers that work channels first, turned to channels last for those who listen, and turned back.

    Args:
        layers: all innermost layers of a model, by path.

    Attributes:
        turned: paths of layers whose output was turned.
    """

    def __init__(self, layers: dict[str, Any]) -> None:
        orders = {order for layer in layers.values() if (order := getattr(layer, "data_format", None))}
        self._needed = "channels_first" in orders
        self._whole = orders == {"channels_first"}
        self.turned: set[str] = set()
        self._first: dict[int, tuple[Any, Any]] = {}  # id of a tensor that is channels first -> it, and it turned

    def around(self, path: str, layer: Any, call: Callable) -> Callable:
        """The layer's call, to be listened to; it gives (what is shown, how what is shown becomes what goes on)."""

        def turned(*args: Any, **kwargs: Any) -> tuple[Any, Callable[[Any], Any]]:
            output = call(*args, **kwargs)
            if not self._needed or not self._is_first(layer, args, output):
                return output, lambda shown: shown
            self.turned.add(path)
            return tf.transpose(output, (0, 2, 3, 1)), self._back

        return turned

    def given(self, layer: Any, inputs: Any) -> Any:
        """What goes into a layer, channels last."""
        if not self._needed:
            return inputs
        order = getattr(layer, "data_format", None)

        def turned(tensor: Any) -> Any:
            if id(tensor) in self._first:
                return self._first[id(tensor)][1]
            first = order == "channels_first" if order else self._whole
            maps = len(getattr(tensor, "shape", ())) == 4
            return tf.transpose(tensor, (0, 2, 3, 1)) if first and maps else tensor

        return keras.tree.map_structure(turned, inputs)

    def _is_first(self, layer: Any, args: tuple, output: Any) -> bool:
        """Whether an output is (N, C, H, W)."""
        if len(getattr(output, "shape", ())) != 4 or type(layer).__name__ in ("Permute", "Reshape"):
            return False
        order = getattr(layer, "data_format", None)
        given = keras.tree.flatten(args)
        return order == "channels_first" if order else self._whole or any(id(one) in self._first for one in given)

    def _back(self, shown: Any) -> Any:
        """Channels first again."""
        output = tf.transpose(shown, (0, 3, 1, 2))
        self._first[id(output)] = output, shown
        return output


def _reporting(path: str, call: Callable, given: Callable, hook: Hook, held: list[Any] | None) -> Callable:
    """A layer's call that tells the hook what went in and what came out."""

    def reported(*args: Any, **kwargs: Any) -> Any:
        shown, onward = call(*args, **kwargs)
        replacement = hook(path, given(args[0]) if args else None, shown)
        output = onward(shown if replacement is None else replacement)
        if held is not None:
            held.append(output)
        return output

    return reported


def _folding(layer: Any, call: Callable, held: list[Any]) -> Callable:
    """A batch normalization's call that scales the kernels of the convolution before it, where it can."""

    def folded(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        foldable = kwargs.get("training") is False and not any(inputs is output for output in held)
        output = _convolved_and_normalized(layer, inputs) if foldable else None
        return call(inputs, *args, **kwargs) if output is None else output

    return folded


def _convolved_and_normalized(layer: Any, inputs: Any) -> Any:
    """The convolution that made these inputs, done with the normalization in its kernels; None if none made them."""
    operation = inputs.op
    if operation.type not in ("Conv2D", "DepthwiseConv2dNative") or layer.axis not in (-1, 3):
        return None
    scale = tf.math.rsqrt(layer.moving_variance + layer.epsilon)
    scale = scale * layer.gamma if layer.scale else scale
    offset = -layer.moving_mean * scale
    offset = offset + layer.beta if layer.center else offset
    pixels, kernels = operation.inputs
    if scale.dtype != kernels.dtype or operation.get_attr("data_format") != b"NHWC":
        return None
    depthwise = operation.type == "DepthwiseConv2dNative"  # its kernels are (kh, kw, C, multiplier)
    kernels = kernels * (tf.reshape(scale, kernels.shape[2:]) if depthwise else scale)
    names = ("strides", "padding", "dilations", "explicit_paddings")
    choices = {name: operation.get_attr(name) for name in names}
    convolve = tf.raw_ops.DepthwiseConv2dNative if depthwise else tf.raw_ops.Conv2D
    convolved = convolve(input=pixels, filter=kernels, **choices)
    convolved.set_shape(inputs.shape)
    return tf.nn.bias_add(convolved, offset)


def until(model: Any, layer: str, call: Callable[[], Any]) -> Any:
    """The output of one layer; the model is called no further than there.

    With pictures of unknown height and width (``tf.TensorSpec((None, None, None, C))``) this works at any size, also
    for a model whose later layers, or whose declared input, fix one.

    Args:
        model: any built ``keras.Model``.
        layer: path as in ``leaves``.
        call: calls the model, with its input, as often as it likes.

    Returns:
        Symbolic tensor, (N, H, W, C) for a layer with a 2-D output.

    Raises:
        KeyError: the call did not come past such a layer.
    """
    found = {}

    def stop(path: str, _: Any, output: Any) -> None:
        if path == layer:
            found[layer] = output
            raise _Reached

    try:
        with listening(model, stop, fold=True):
            call()
    except _Reached:
        pass
    return found[layer]


def before_activation(output: Any) -> tuple[Any, str]:
    """The numbers before a closing softmax or sigmoid, found in the traced graph itself.

    Args:
        output: a symbolic tensor, shape (N, K), made inside ``tf.function`` by calling any Keras model.

    Returns:
        (logits, kind): the tensor that entered the softmax or sigmoid and ``"softmax"`` or ``"sigmoid"``; for any other
        ending the tensor as it came and ``"logits"``.
    """
    tensor, reshaped = output, False
    while tensor.op.type in _PASS_THROUGH:
        reshaped |= tensor.op.type in ("Squeeze", "Reshape", "ExpandDims")
        tensor = tensor.op.inputs[0]
    kind = _CLOSINGS.get(tensor.op.type)
    if kind is None:
        return output, "logits"
    logits = tensor.op.inputs[0]
    if not reshaped:
        return logits, kind
    logits_in_shape = tf.reshape(logits, tf.shape(output))
    logits_in_shape.set_shape(output.shape)
    return logits_in_shape, kind


def cuts_to_zero(output: Any) -> bool:
    """Whether a layer's output comes straight from a ReLU, which makes zeros; its leaky kin does not.

    Args:
        output: a symbolic tensor, the output of a layer.
    """
    while output.op.type in ("Identity", "Cast", "Transpose"):
        output = output.op.inputs[0]
    return output.op.type in ("Relu", "Relu6")


def before_rectifier(output: Any) -> Any:
    """The numbers before a layer's own ReLU (or its kin), found in the traced graph.

    Args:
        output: a symbolic tensor, the output of a layer.

    Returns:
        The tensor that entered the rectifier, or the output itself where the layer has none.
    """
    tensor, turns = output, []
    while tensor.op.type in ("Identity", "Cast", "Transpose"):
        turns += tensor.op.inputs[1:]  # how a transposition orders the axes
        tensor = tensor.op.inputs[0]
    if tensor.op.type not in _RECTIFIERS:
        return output
    before = tensor.op.inputs[0]
    for order in reversed(turns):
        before = tf.transpose(before, order)
    return before
