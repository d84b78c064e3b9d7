"""What passes through a Keras model while it is called: every layer's output, whatever kind of model it is.

Keras models come as functional graphs, Sequential stacks, nests of both and subclasses with plain Python inside. All
of them end in calls of their innermost layers. So we listen there: while a model is traced into a TensorFlow graph,
each innermost layer reports its output under a path such as ``"vgg16/block3_conv1"`` and may have it replaced. Nothing
remains on the model afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lazy_loader as lazy

keras = lazy.load("keras")

Hook = Callable[[str, Any, Any], Any]  # (path, inputs, output) -> replacement for the output, or None to keep it

_PASS_THROUGH = ("Identity", "Cast", "StopGradient", "Squeeze")


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


@contextmanager
def listening(model: Any, hook: Hook) -> Iterator[None]:
    """While the block runs, every call of an innermost layer is reported to the hook.

    Use it inside a traced function only (``tf.function``), under the network's lock: the layers' ``call`` is replaced on
    the instance for the time of the trace and given back afterwards, also after an error.

    Args:
        model: any built ``keras.Model``.
        hook: called as ``hook(path, inputs, output)``; what it returns, unless None, takes the output's place.
    """
    changed = []
    try:
        for path, layer in leaves(model).items():
            layer.call = _reporting(path, layer.call, hook)
            changed.append(layer)
        yield
    finally:
        for layer in changed:
            del layer.call


def _reporting(path: str, call: Callable, hook: Hook) -> Callable:
    """A layer's call that tells the hook what came out."""

    def reported(*args: Any, **kwargs: Any) -> Any:
        output = call(*args, **kwargs)
        replacement = hook(path, args[0] if args else None, output)
        return output if replacement is None else replacement

    return reported


def before_activation(output: Any) -> tuple[Any, str]:
    """The numbers before a closing softmax or sigmoid, found in the traced graph itself.

    Args:
        output: a symbolic tensor, shape (N, K), made inside ``tf.function`` by calling any Keras model.

    Returns:
        (logits, kind): the tensor that entered the softmax or sigmoid and ``"softmax"`` or ``"sigmoid"``; for any other
        ending the tensor as it came and ``"logits"``.
    """
    tensor = output
    while True:
        kind = tensor.op.type
        if kind in ("Softmax", "Sigmoid"):
            return tensor.op.inputs[0], kind.lower()
        if kind not in _PASS_THROUGH:
            return output, "logits"
        tensor = tensor.op.inputs[0]
