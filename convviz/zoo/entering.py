"""What goes into a Keras model: which of its inputs takes the picture, in which shape, order of axes and values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, tracing
from convviz.zoo.network import COLOURS, FREE_SIDE

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

PIXELS, UNIT = (0.0, 255.0), (0.0, 1.0)
OTHER_INPUT = "other_input_"  # begins the name of the zeros, in a traced graph, that stand for an input


@dataclass(frozen=True)
class Entrance:
    """The input that takes the picture.

    Attributes:
        enter: from a batch (N, H, W, C) to what the model's call takes: axes in its order, other inputs zero.
        declared: the input's shape with the batch axis, channels last; None if the model does not tell.
        place: of the input among the model's inputs, in the order of ``inputs``.
        notes: what was guessed, title -> text.
        channels_first: whether the input itself is (N, C, H, W).
    """

    enter: Callable[[Any], Any]
    declared: tuple[int | None, ...] | None
    place: int
    notes: dict[str, str]
    channels_first: bool = False


def inputs(model: Any) -> list[tuple[str, tuple[int | None, ...]]]:
    """A model's inputs.

    Args:
        model: any built ``keras.Model``.

    Returns:
        (name, shape with the batch axis) of each; empty if the model does not tell.
    """
    symbols = keras.tree.flatten(_structure(model))
    if symbols and all(hasattr(symbol, "shape") for symbol in symbols):
        return [(_name(symbol), tuple(symbol.shape)) for symbol in symbols]
    return [(f"input {number}", shape) for number, shape in enumerate(_told_shapes(model))]


def _name(symbol: Any) -> str:
    """The name of an input's layer; a symbol without a name of its own is only numbered."""
    history = getattr(symbol, "_keras_history", None)
    return symbol.name if history is None else history.operation.name


def entrance(model: Any, asked: int | str | None) -> Entrance:
    """How a picture enters a model.

    Args:
        model: any built ``keras.Model``.
        asked: the input that takes the picture, by name or number; the first that looks like a picture's if None.

    Returns:
        The entrance.

    Raises:
        ConvvizError: there is no such input, or none looks like a picture's.
    """
    known, notes = inputs(model), {}
    if not known:
        return Entrance(lambda batch: batch, None, 0, notes)
    place = _place(known, asked, notes)
    shape = known[place][1]
    if len(shape) not in (3, 4):
        raise ConvvizError(
            f"the input {known[place][0]!r} takes numbers of shape {shape[1:]}, no picture of (H, W, C); choose "
            "another input, or another network"
        )
    first = _is_channels_first(model, shape)
    if first:
        shape = (shape[0], *shape[2:], shape[1])
        notes["Order of axes"] = "channels first, guessed from the shape of the input; pictures are turned to it"
    return Entrance(_entering(_structure(model), place, len(shape) == 3, first), shape, place, notes, first)


def _structure(model: Any) -> Any:
    """The model's symbolic inputs as its call takes them; None for a class."""
    try:
        return model.input
    except (AttributeError, ValueError):  # a Sequential that was called more than once knows its inputs all the same
        told = getattr(model, "inputs", None) or []
        return told[0] if len(told) == 1 else None


def _told_shapes(model: Any) -> list[tuple[int | None, ...]]:
    """Shapes of the inputs of a model without symbolic ones."""
    try:
        shape = model.input_shape
    except AttributeError:
        build = model.get_build_config() or {}
        shape = build.get("input_shape") or next(iter((build.get("shapes_dict") or {}).values()), None)
    if isinstance(shape, dict):
        shape = list(shape.values())
    if isinstance(shape, list) and shape and isinstance(shape[0], (list, tuple)):
        return [tuple(one) for one in shape]
    return [] if shape is None else [tuple(shape)]


def _place(known: list[tuple[str, tuple]], asked: int | str | None, notes: dict[str, str]) -> int:
    """Which input takes the picture; a guess is written into the notes."""
    names = [name for name, _ in known]
    if isinstance(asked, str) and asked in names:
        return names.index(asked)
    if isinstance(asked, int) and 0 <= asked < len(names):
        return asked
    if asked is not None:
        raise ConvvizError(f"this network has no input {asked!r}; choose one of {', '.join(names)}")
    if len(known) == 1:
        return 0
    best = max(range(len(known)), key=lambda one: (_likeness(known[one][1]), -one))
    if not _likeness(known[best][1]):
        shapes = ", ".join(f"{name} {shape[1:]}" for name, shape in known)
        raise ConvvizError(f"none of this network's inputs takes a picture ({shapes}); give it one of (H, W, C)")
    others = ", ".join(name for one, name in enumerate(names) if one != best)
    notes["Picture input"] = f"{names[best]}, guessed from its shape; zeros go into {others}"
    return best


def _likeness(shape: tuple) -> int:
    """How much an input looks like a picture's: 0 not at all, 3 with one, three or four channels."""
    if len(shape) == 4:
        return 3 if shape[3] in COLOURS or shape[1] in COLOURS else 2
    return int(len(shape) == 3)


def _is_channels_first(model: Any, shape: tuple) -> bool:
    """Whether an input is (N, C, H, W)."""
    if len(shape) != 4 or (shape[3] in COLOURS) != (shape[1] in COLOURS):
        return len(shape) == 4 and shape[1] in COLOURS
    orders = [getattr(layer, "data_format", None) for layer in tracing.leaves(model).values()]
    return next((order for order in orders if order), "channels_last") == "channels_first"


def _entering(structure: Any, place: int, flat: bool, first: bool) -> Callable[[Any], Any]:
    """From a batch (N, H, W, C) to the structure that a model's call takes."""

    def enter(batch: Any) -> Any:
        pictures = batch[..., 0] if flat else tf.transpose(batch, (0, 3, 1, 2)) if first else batch
        symbols = keras.tree.flatten(structure)
        if structure is None or (len(symbols) == 1 and structure is symbols[0]):
            return pictures
        given = [pictures if one == place else _zeros(symbol, batch, one) for one, symbol in enumerate(symbols)]
        return keras.tree.pack_sequence_as(structure, given)

    return enter


def _zeros(symbol: Any, batch: Any, place: int) -> Any:
    """Zeros for an input that is not looked at, as large as the picture where its size is open."""
    sides = [1 if side is None else side for side in symbol.shape[1:]]
    if len(sides) == 3 and None in symbol.shape[1:3]:
        sides[:2] = batch.shape[1:3]
    return tf.zeros([tf.shape(batch)[0], *sides], symbol.dtype, name=f"{OTHER_INPUT}{place}")


def picture_shape(declared: tuple | None, given: tuple[int, int, int] | None, notes: dict[str, str]) -> tuple:
    """What pictures are brought to.

    Args:
        declared: the input's shape with the batch axis, channels last; None if the model does not tell.
        given: (H, W, C) that was asked for.
        notes: gets what was guessed.

    Returns:
        (H, W, C).

    Raises:
        ConvvizError: nothing is known, or it cannot be a picture's.
    """
    if given is not None:
        shape = tuple(int(side) for side in given)
        if len(shape) != 3 or min(shape) < 1:
            raise ConvvizError(
                f"pictures cannot be brought to {shape}; give (height, width, channels), each at least 1"
            )
        return shape
    if declared is None:
        raise ConvvizError("this network does not tell the size of its pictures; give input_shape=(height, width, 3)")
    height, width, channels = (*declared[1:], 1) if len(declared) == 3 else declared[1:]
    if height is None or width is None:
        notes["Size"] = f"any; pictures are brought to {height or FREE_SIDE} x {width or FREE_SIDE}"
    shape = (height or FREE_SIDE, width or FREE_SIDE, channels or 3)
    if shape[2] not in COLOURS:
        notes["Channels"] = (
            f"{shape[2]}, where a photograph has 3; its red, green and blue fill them in turn, so the answers are not "
            "those to the pictures that the network was made for"
        )
    elif shape[2] == 4:
        notes["Channels"] = "4, read as red, green, blue and alpha; every pixel is opaque: the highest value as alpha"
    return shape


def value_range(
    pixels: bool,
    given: tuple[float, float] | None,
    prepare: Callable | None,
    shape: tuple[int, int, int],
    notes: dict[str, str],
) -> tuple[float, float]:
    """Lowest and highest input value; a guess is written into the notes.

    Args:
        pixels: whether the model's first arithmetic is made for values up to 255.
        given: the range that was asked for.
        prepare: the function that prepares pictures, if there is one.
        shape: (H, W, C).
        notes: gets the guess.

    Returns:
        (low, high).
    """
    if given is not None:
        low, high = float(given[0]), float(given[1])
        if not (np.isfinite([low, high]).all() and low < high):
            raise ConvvizError(f"input values cannot run from {low:g} to {high:g}; give the lower number first")
        return low, high
    if prepare is not None:
        ends = [np.asarray(prepare(np.full((1, *shape), end, np.float32))) for end in PIXELS]
        return float(min(end.min() for end in ends)), float(max(end.max() for end in ends))
    if pixels:
        notes["Input values"] = "0 to 255, guessed: the network scales its input itself"
        return PIXELS
    notes["Input values"] = "0 to 1, guessed: the network does not scale its input itself"
    return UNIT
