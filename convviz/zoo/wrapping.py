"""Any Keras model as a ``Network``: how a picture enters it, what its answers mean, and what of that is a guess."""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy
from convviz.zoo import entering, imagenet
from convviz.zoo.cards import Card, LayerCard
from convviz.zoo.network import COLOUR_ORDERS, FREE_SIDE, Network
from convviz.zoo.surveying import Survey, surveyed

keras = lazy.load("keras")

OTHER_SIDES = (299, 96, 64, 32, 28)  # tried where a model takes any size but works with few
ENDINGS = ("softmax", "sigmoid", "logits")

_CONVOLUTIONS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose")
_UNCHANGING = ("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity")

_known: OrderedDict[int, Network] = OrderedDict()  # bare models wrapped lately; a network keeps its model alive
_known_lock = threading.Lock()
_MOST_KNOWN = 4


def wrap(
    model: Any,
    class_names: Sequence[str] | None = None,
    *,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    input_range: tuple[float, float] | None = None,
    output: int | str | None = None,
    input_shape: tuple[int, int, int] | None = None,
    picture_input: int | str | None = None,
    colours: str | None = None,
    ending: str | None = None,
    title: str | None = None,
    lock: Any = None,
) -> Network:
    """Any built Keras model as a ``Network``; what is guessed stands in ``card.guessed`` and can be corrected.

    Args:
        model: Sequential, functional, nested or subclassed, with an input of pictures (N, H, W, C), (N, H, W) or
            (N, C, H, W).
        class_names: one for each probability; two for a single sigmoid, the first for 0, the second for 1. Equal ones
            get the number of their class behind them, as in "crane (1)".
        prepare: function from float32 (N, H, W, C) in [0, 255] to what the model takes. Without it the values are
            scaled to ``input_range``; a network of ``keras.applications`` gets Keras' own.
        input_range: lowest and highest value the model takes. Without it (0, 255) for a model that rescales its input
            itself, else (0, 1).
        output: which of several outputs is looked at, index or name; the first if none is given.
        input_shape: (H, W, C), for a model that takes any size or does not tell.
        picture_input: which of several inputs takes the picture, index or name; the first that looks like it if none
            is given. Zeros go into the others.
        colours: ``"rgb"`` or ``"bgr"``: the order of the colours that the model was trained with; RGB if none is given.
        ending: how logits are to be read, ``"softmax"`` or ``"sigmoid"``; as classes that exclude one another if none
            is given.
        title: the name for people; the model's own without it.
        lock: of another network around the same model, so that the two are not traced at once.

    Returns:
        The network. The model itself is left as it was.

    Raises:
        ConvvizError: the model is not built, takes no picture, or the names do not fit.

    Example:
        >>> import keras
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
        >>> wrap(keras.Sequential(layers)).card.class_names
        ('class 0', 'class 1', 'class 2')
    """
    _check_built(model)
    way = entering.entrance(model, picture_input)
    notes = dict(way.notes)
    key = _output_key(model, output)
    shape, survey = _first_that_fits(model, way, input_shape, key, notes)
    if prepare is None and input_range is None and (known := imagenet.recognized(model)):
        prepare = imagenet.preparation(known)
        notes["Preparation"] = f"recognized as Keras' {model.name}, so pictures are prepared as Keras does it"
        class_names = class_names or imagenet.known_class_names(survey.classes)
    values = entering.value_range(survey.pixels, input_range, prepare, shape, notes)
    order = _colour_order(colours, shape, prepare, notes)
    names = _class_names(survey, class_names, ending, notes)
    answers_in_maps = survey.output == "none" and len(survey.shape) == 4
    layer, reason = explained(survey.layers, survey.used - survey.last if answers_in_maps else survey.used)
    card = Card(
        name=model.name,
        title=title or model.name,
        input_shape=shape,
        value_range=values,
        class_names=names,
        output=survey.output,
        layers=tuple(survey.layers),
        parameters=model.count_params(),
        explained_layer=layer,
        layer_reason=reason,
        about=notes,
        guessed=tuple(note for note in notes if note != "Output" or not answers_in_maps),
        colours=order,
        entered=way.place if len(entering.inputs(model)) > 1 else None,
        channels_first=way.channels_first,
        unreached=survey.unreached,
    )
    return Network(model, card, prepare=prepare, output=key, enter=way.enter, lock=lock, entered=way.place)


def as_network(network: Any) -> Network:
    """A ``Network`` as it is, or a bare Keras model wrapped; the same model gives the same network.

    Args:
        network: ``Network`` or built ``keras.Model``.

    Returns:
        The network. The last four wrapped models are kept, with what was traced for them.

    Raises:
        ConvvizError: as for ``wrap``.
    """
    if isinstance(network, Network):
        return network
    with _known_lock:
        found = _known.pop(id(network), None) or wrap(network)
        _known[id(network)] = found
        if len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return found


def _first_that_fits(
    model: Any, way: entering.Entrance, asked: tuple | None, key: int | str | None, notes: dict[str, str]
) -> tuple[tuple[int, int, int], Survey]:
    """A size of pictures that the model takes, and what the trace with it tells."""
    shape = entering.picture_shape(way.declared, asked, notes)
    if asked is not None or "Size" not in notes:
        return shape, surveyed(model, shape, way.enter, key)
    for side in (FREE_SIDE, *OTHER_SIDES):
        sides = tuple(side if told is None else told for told in way.declared[1:3])
        notes["Size"] = f"any; pictures are brought to {sides[0]} x {sides[1]}"
        try:
            return (*sides, shape[2]), surveyed(model, (*sides, shape[2]), way.enter, key)
        except ConvvizError:
            if side == OTHER_SIDES[-1]:
                raise
    raise AssertionError("not reached")


def _check_built(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise TypeError(f"a Keras model is needed, not {type(model).__name__}")
    if not model.built:
        raise ConvvizError(f"the model {model.name} has no weights yet; call it once on a picture, or give it an Input")


def _colour_order(asked: str | None, shape: tuple, prepare: Callable | None, notes: dict[str, str]) -> str:
    """The order of colours; a guess is written into the notes."""
    if asked is not None and asked not in COLOUR_ORDERS:
        raise ConvvizError(f"there is no order of colours {asked!r}; choose one of {', '.join(COLOUR_ORDERS)}")
    if asked is None and prepare is None and shape[2] in (3, 4):
        notes["Order of colours"] = "red, green, blue, guessed: a model file does not tell"
    return asked or "rgb"


# --- what comes out -----------------------------------------------------------------------------------------------


def _output_key(model: Any, output: int | str | None) -> int | str | None:
    """The output's place among the model's outputs."""
    names = list(getattr(model, "output_names", None) or [])
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        names = list(structure)
    if isinstance(output, str) and names:
        if output not in names:
            raise ConvvizError(f"this network has no output {output!r}; choose one of {', '.join(names)}")
        return output if isinstance(structure, dict) else names.index(output)
    if isinstance(output, int) and names:
        if not 0 <= output < len(names):
            raise ConvvizError(f"this network has {len(names)} outputs, so there is no number {output}")
        return names[output] if isinstance(structure, dict) else output
    return output


def _class_names(
    survey: Survey, given: Sequence[str] | None, ending: str | None, about: dict[str, str]
) -> tuple[str, ...]:
    """One name for each probability; notes on a missing ending go into ``about``."""
    count = survey.classes
    if survey.output == "none":
        size = " x ".join(str(side) for side in survey.shape[1:])
        about["Output"] = f"maps or numbers of shape {size}, not one number for each class"
        if len(survey.shape) == 4:
            about["Output"] = f"a map, {size}, and no class: such a network says something of every place"
        return ()
    if ending is not None and ending not in ENDINGS:
        raise ConvvizError(f"an output cannot end in {ending[:80]!r}; choose one of {', '.join(ENDINGS)}")
    if survey.output == "logits" and ending is not None:
        survey.output = "sigmoid" if count == 1 else ending
    elif survey.output == "logits":
        about["Output"] = "no softmax or sigmoid at the end, so the numbers are read as logits"
        if count == 1:
            survey.output = "sigmoid"
            about["Output"] = "one number without a sigmoid at the end, read as the logit of one"
    if count == 1 and survey.output == "sigmoid":
        count = 2
    if given is not None and len(given) != count:
        names = f"{len(given):,} class names were" if len(given) != 1 else "1 class name was"
        probabilities = f"{count:,} probabilities" if count != 1 else "1 probability"
        raise ConvvizError(f"{names} given for {probabilities}; give {count:,}")
    if given is None:
        about["Classes"] = f"numbered 0 to {count - 1}: the model does not name them"
        return tuple(f"class {index}" for index in range(count))
    return _unlike(given)


def _unlike(names: Sequence[str]) -> tuple[str, ...]:
    """The names, those that are equal with the number of their class behind them."""
    often = Counter(names)

    def told(number: int, name: str) -> str:
        found = name
        while often[name] > 1 and found in often:
            found = f"{found} ({number})".strip()
        return found

    return tuple(starmap(told, enumerate(names)))


def explained(layers: Sequence[LayerCard], used: set[str] | None = None) -> tuple[str | None, str]:
    """The layer that Grad-CAM takes by default: the last maps of the last convolution.

    These are the convolution's own, or, where normalization, activation, addition or concatenation follow as layers of
    their own, the last ones of the same size before any pooling: what the rest of the network really reads.

    Args:
        layers: in the order of the calls.
        used: names of the layers that the explained output depends on; None for all.

    Returns:
        (name, reason): None and the reason if the network has no maps.

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391, section 3: the last convolutional layer is the best compromise between
        meaning and place.
    """
    reaching = [layer for layer in layers if used is None or layer.name in used]
    maps = [layer for layer in reaching if layer.has_maps and math.prod(layer.output_shape[:2]) > 1]
    last = next((layer for layer in reversed(maps) if layer.kind in _CONVOLUTIONS), None)
    if last is None:
        if not maps:
            return None, "no layer of this network gives maps that lead to its output"
        return maps[-1].name, f"no convolution was found by its kind; {maps[-1].name} gives the last maps"
    chosen = last
    for layer in reaching[reaching.index(last) + 1 :]:
        if layer.kind in _UNCHANGING:
            continue
        if not layer.has_maps or layer.output_shape[:2] != last.output_shape[:2] or "Pool" in layer.kind:
            break
        chosen = layer
    size = " x ".join(str(side) for side in chosen.output_shape[:2])
    if chosen is last:
        return last.name, f"{last.name} is the last convolution; its {size} maps still know where things are"
    reason = f"{chosen.name} gives the {size} maps of the last convolution, {last.name}, as the rest reads them"
    return chosen.name, reason
