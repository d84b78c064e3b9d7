"""The trained networks that come with ConvViz: a ``.keras`` file each and a card that is read without TensorFlow."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import convviz
from convviz import lazy
from convviz.zoo.cards import Card, LayerCard

keras = lazy.load("keras")

FOLDER = Path(convviz.__file__).resolve().parent.parent / "assets" / "models"

TITLES = {
    "mnist": "Handwritten digits (MNIST)",
    "cats_and_dogs": "Cats and dogs",
    "shapes": "Drawn shapes",
}


@cache
def names() -> tuple[str, ...]:
    """The bundled networks whose files are there, the smallest task first.

    Returns:
        Names such as ``"mnist"``.
    """
    return tuple(name for name in TITLES if all((FOLDER / f"{name}.{end}").is_file() for end in ("keras", "json")))


@cache
def card(name: str) -> Card:
    """What is known of a bundled network, read from its card alone.

    Args:
        name: one of ``names()``.

    Returns:
        The whole card, with every layer.
    """
    return card_from_json((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def build(name: str) -> Any:
    """The trained Keras model.

    Args:
        name: one of ``names()``.

    Returns:
        ``keras.Model``, not compiled.
    """
    return keras.saving.load_model(FOLDER / f"{name}.keras", compile=False, safe_mode=True)


def card_to_json(card: Card) -> str:
    """A card as text for people and programs.

    Args:
        card: any card.

    Returns:
        JSON with one layer a line.
    """
    record = asdict(card)
    layers = ",\n".join(f"    {json.dumps(layer)}" for layer in record.pop("layers"))
    text = json.dumps({**record, "layers": None}, indent=2)
    return text.replace('"layers": null', f'"layers": [\n{layers}\n  ]') + "\n"


def card_from_json(text: str) -> Card:
    """The card that ``card_to_json`` wrote.

    Args:
        text: JSON.

    Returns:
        The same card.
    """
    record = json.loads(text)
    layers = tuple(LayerCard(**{**row, "output_shape": tuple(row["output_shape"])}) for row in record.pop("layers"))
    shapes = {
        key: tuple(record.pop(key))
        for key in ("input_shape", "value_range", "class_names", "guessed", "unreached")
        if key in record
    }
    return Card(layers=layers, **shapes, **record)
