"""What kind of network this is, what it takes and gives, what about it was guessed, and what looks odd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from convviz import images, lazy, tracing
from convviz.zoo import entering
from convviz.zoo.cards import Card
from convviz.zoo.network import Network, chosen_output
from convviz.zoo.wrapping import as_network

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

PROBES = ("cat", "coffee", "bricks", "shapes", "digit_7")  # pictures on which a layer is called dead if all are silent
_OF_A_MAP = "the answer of this network is a map: one of its channels is explained, averaged over all places"
_SURE = 0.999999  # a class that every picture gets with more than this has a saturated output


@dataclass(frozen=True)
class Port:
    """One input or output of a network.

    Attributes:
        name: as the model names it.
        shape: without the batch axis; None for an open side.
        used: whether it is the one that takes the picture, or that is explained.
    """

    name: str
    shape: tuple[int | None, ...]
    used: bool


@dataclass(frozen=True)
class Diagnosis:
    """What a network is, in words and plain values.

    Attributes:
        kind: one phrase, such as ``"a functional Keras model with 1 model inside it (vgg16)"``.
        inputs: all of them; one takes the picture.
        outputs: all of them; one is explained.
        meaning: what the numbers of the explained output are, one phrase.
        value_range: lowest and highest input value.
        value_reason: why, one phrase.
        map_layers: how many layers have feature maps.
        explained_layer: the layer that Grad-CAM takes, or None.
        layer_reason: why that one.
        guessed: title -> text of what was guessed and can be corrected.
        odd: what looks wrong, one sentence each; empty if nothing does.
        card: the network's card.
    """

    kind: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    meaning: str
    value_range: tuple[float, float]
    value_reason: str
    map_layers: int
    explained_layer: str | None
    layer_reason: str
    guessed: dict[str, str]
    odd: tuple[str, ...]
    card: Card


def diagnose(network: Any) -> Diagnosis:
    """What a network is and what about it looks odd, found by looking at it and showing it five pictures.

    Args:
        network: ``Network`` or built ``keras.Model``.

    Returns:
        The diagnosis.

    Raises:
        ConvvizError: as for ``wrap``.

    Example:
        >>> import keras
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
        >>> diagnose(keras.Sequential(layers)).kind
        'a Sequential Keras model of 3 layers'
    """
    network = as_network(network)
    card = network.card
    outputs = _outputs(network)
    answers_in_maps = not card.class_names and any(port.used and len(port.shape) == 3 for port in outputs)
    return Diagnosis(
        kind=_kind(network),
        inputs=_inputs(network),
        outputs=outputs,
        meaning=_meaning(network),
        value_range=card.value_range,
        value_reason=_value_reason(card),
        map_layers=len(card.map_layers()),
        explained_layer=card.explained_layer,
        layer_reason=f"{card.layer_reason}; {_OF_A_MAP}" if answers_in_maps else card.layer_reason,
        guessed={title: card.about[title] for title in card.guessed},
        odd=tuple(_odd(network)),
        card=card,
    )


def _kind(network: Network) -> str:
    """Sequential, functional or a class of its own, with what lies inside."""
    model, count = network.model, len(network.card.layers)
    names = {"Sequential": "a Sequential Keras model", "Functional": "a functional Keras model"}
    kind = names.get(type(model).__name__, f"a Keras model of the class {type(model).__name__}")
    inside = [layer.name for layer in model._flatten_layers(include_self=False) if isinstance(layer, keras.Model)]
    models = f", {len(inside)} model{'s' * (len(inside) > 1)} inside it ({', '.join(inside[:3])})" if inside else ""
    formats = {layer.compute_dtype for layer in tracing.leaves(model).values()} - {"float32"}
    half = f", computing in {' and '.join(sorted(formats))}" if formats else ""
    return f"{kind} of {count} layer{'s' * (count != 1)}{models}{half}"


def _inputs(network: Network) -> tuple[Port, ...]:
    """The model's inputs, or the picture's alone where the model does not tell."""
    known = entering.inputs(network.model)
    if not known:
        return (Port("picture", network.card.input_shape, True),)
    return tuple(Port(name, shape[1:], place == network.entered) for place, (name, shape) in enumerate(known))


def _outputs(network: Network) -> tuple[Port, ...]:
    """The model's outputs, measured on one picture."""
    function = tracing.traced(
        network, ("outputs",), partial(_all_outputs, network), tf.TensorSpec((1, *network.card.input_shape), tf.float32)
    )
    answer = function.structured_outputs
    names = list(answer) if isinstance(answer, dict) else list(getattr(network.model, "output_names", None) or [])
    parts = list(answer.values()) if isinstance(answer, dict) else list(keras.tree.flatten(answer))
    names = names if len(names) == len(parts) else [f"output {place}" for place in range(len(parts))]
    chosen = network.output if network.output is not None else names[0] if isinstance(answer, dict) else 0
    return tuple(
        Port(name, tuple(part.shape[1:]), chosen in (place, name))
        for place, (name, part) in enumerate(zip(names, parts, strict=True))
    )


def _all_outputs(network: Network, batch: Any) -> Any:
    """Every output. Traced."""
    answers = network.all_answers(batch)
    answer = chosen_output(answers, network.output)
    network.compiled["ending"] = tracing.before_activation(answer)[1], answer.shape[-1] == 1
    return answers


def _meaning(network: Network) -> str:
    """What the numbers of the explained output are; asked after the outputs were."""
    card, (ending, single) = network.card, network.compiled["ending"]
    names = card.class_names
    if not names:
        return card.about.get("Output", "not one number for each class")
    if ending == "softmax":
        return f"{len(names)} probabilities that add up to 1 (softmax)"
    if ending == "sigmoid":
        return (
            f"the probability of {names[1]} (sigmoid)"
            if single
            else f"{len(names)} probabilities, each for itself (sigmoid)"
        )
    if single:
        return f"one number without an end function (a logit), read as the logit of {names[1]}"
    read = "each for itself (sigmoid)" if card.output == "sigmoid" else "classes of which one holds (softmax)"
    return f"{len(names)} numbers without an end function (logits), read as {read}"


def _value_reason(card: Card) -> str:
    """Why the input values are what they are."""
    for title in ("Preparation", "Input values"):
        if title in card.about:
            return card.about[title]
    return "as it was told"


def no_number(network: Any) -> str:
    """Why a network's answer, or its gradient, is no number: one clause for people, with what to do.

    Args:
        network: ``Network`` or built ``keras.Model`` whose answer to some picture is NaN or infinite.

    Returns:
        Which layers have weights that are NaN or infinite; where none has, that numbers overflow on the way.

    Example:
        >>> last = keras.layers.Dense(2, name="last")
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), last])
        >>> last.set_weights([np.full((64, 2), np.nan), np.zeros(2)])
        >>> no_number(model).partition(",")[0]
        'weights of last are NaN or infinite'
    """
    broken = [path for path, _, array in _weights(as_network(network).model) if not np.isfinite(array).all()]
    if broken:
        return f"{_broken(broken)}; train it anew or load another copy"
    return (
        "the network's numbers overflow on this picture (NaN or infinity), though its weights are numbers; check their "
        "size and the value range"
    )


def _weights(model: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    """Every layer's path with the name and the values of each of its weight tensors."""
    for path, layer in tracing.leaves(model).items():
        for weight in layer.weights:
            yield path, weight.name, np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32")))


def _broken(paths: list[str]) -> str:
    """That weights are no numbers."""
    return f"weights of {_named(paths)} are NaN or infinite, so what the network says means nothing"


def _odd(network: Network) -> Iterator[str]:
    """What looks wrong; where weights are no numbers they are the cause, and no other is guessed at."""
    yield from _odd_weights(network.model)
    if unreached := list(network.card.unreached):
        zeros = ", for zeros go into the other inputs" if network.card.entered is not None else ""
        yield f"the picture does not reach {_named(unreached)}{zeros}; what stands there is the same for every picture"
    yield from _odd_answers(network)
    yield from _odd_classes(network, all(np.isfinite(array).all() for _, _, array in _weights(network.model)))


def _odd_weights(model: Any) -> Iterator[str]:
    """Weights that are no numbers, or all nought."""
    broken, nought = [], []
    for path, name, array in _weights(model):
        if not np.isfinite(array).all():
            broken.append(path)
        elif array.size > 1 and name in ("kernel", "depthwise_kernel", "pointwise_kernel", "gamma"):
            nought += [path] * (not array.any())
    if broken:
        yield _broken(broken)
    if nought:
        yield f"all weights of {_named(nought)} are zero; was the network trained and saved with its weights?"


def _odd_answers(network: Network) -> Iterator[str]:
    """Layers that say nothing over a few pictures."""
    batches = [network.prepare(images.sample(name)) for name in PROBES]
    function = tracing.traced(
        network, ("alive", batches[0].shape), partial(_liveliness, network), tf.TensorSpec(batches[0].shape, tf.float32)
    )
    seen = [function(tf.constant(batch)) for batch in batches]
    highest = {path: np.max([one[0][path].numpy() for one in seen], axis=0) for path in seen[0][0]}
    lowest = {path: np.min([one[1][path].numpy() for one in seen], axis=0) for path in seen[0][0]}
    highest = {path: one for path, one in highest.items() if path not in network.card.unreached}
    dead = [path for path in highest if not highest[path].any() and not lowest[path].any()]
    if dead:
        yield f"all channels of {_named(dead)} are zero on all of {len(PROBES)} test pictures: dead"
    for path in highest:
        silent = int(((highest[path] == 0) & (lowest[path] == 0)).sum())
        if path not in dead and silent > len(highest[path]) / 2 and len(highest[path]) > 1:
            share = f"{silent} of the {len(highest[path])} channels of {path}"
            yield f"{share} are zero on all of {len(PROBES)} test pictures"


def _liveliness(network: Network, batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Highest and lowest value of each channel of every layer with maps. Traced."""
    highest: dict[str, Any] = {}
    lowest: dict[str, Any] = {}

    def note(path: str, _: Any, output: Any) -> None:
        if len(getattr(output, "shape", ())) == 4 and output.dtype.is_floating:
            highest[path] = tf.reduce_max(tf.cast(output, tf.float32), axis=(0, 1, 2))
            lowest[path] = tf.reduce_min(tf.cast(output, tf.float32), axis=(0, 1, 2))

    with tracing.listening(network.model, note):
        network.raw_answer(batch)
    return highest, lowest


def _odd_classes(network: Network, is_sound: bool) -> Iterator[str]:
    """Answers that are no numbers, always the same, or always certain."""
    if not network.card.class_names:
        return
    answers = np.array([network.predict(images.sample(name)) for name in PROBES])
    if not np.isfinite(answers).all():
        yield "the answer is not a number"
    elif not is_sound:
        return
    elif answers.max(axis=1).min() > _SURE and network.card.output != "sigmoid":
        yield (
            f"every one of {len(PROBES)} test pictures gets a class with more than {_SURE:.4%}: either the output is "
            "saturated or the input values are on another scale than in training"
        )
    elif (np.ptp(answers, axis=0) < 1e-6).all():
        yield f"the answer is the same for {len(PROBES)} very different pictures"


def _named(paths: list[str]) -> str:
    """A few names, and how many more."""
    unique = list(dict.fromkeys(paths))
    more = f" and {len(unique) - 3} more" if len(unique) > 3 else ""
    return ", ".join(unique[:3]) + more
