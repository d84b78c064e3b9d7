"""The choices of what is explained: which output, which classes, which pictures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, attribution, datasets, images, uploads, zoo
from convviz.attribution import TopClass
from convviz.localization import Box
from pages.shared import choices, engine, models, pickers, ui, words

MOST_PICTURES = 12  # at once
SIDE = 450  # pixels of the longer side of each of several pictures
SOURCES = {"drawn": "Drawn", "samples": "Samples", "files": "Files"}
_FILES = "_explained_files"  # digest of a file -> (title, pixels)


@dataclass(frozen=True)
class Scene:
    """What is explained: pictures, and in each of them a class; for the fields see ``explanations.Asked``."""

    pictures: tuple[np.ndarray, ...]
    targets: tuple[int, ...]
    titles: tuple[str, ...]
    truths: tuple[Box | None, ...]


def at_output(
    network: zoo.Reference, card: zoo.Card, *, key: str, classes: bool = False
) -> tuple[zoo.Reference, zoo.Card]:
    """A network that is looked at by the chosen one of its outputs.

    Raises:
        ConvvizError: what is looked at does not end in classes, and these are needed.
    """
    chosen = _output(network, key=key)
    if chosen is not None:
        told = zoo.corrected(network.version)
        kept = {name: value for name, value in told.items() if name not in ("class_names", "ending")}  # of its own
        network = zoo.Reference("upload", network.name, zoo.corrections(**kept | {"output": chosen}))
        card = pickers.card(network)
    if classes and not card.class_names:
        raise ConvvizError(f"{card.title} does not end in classes here; choose another output or network")
    return network, card


def _output(network: zoo.Reference, *, key: str) -> int | None:
    """Which of a network's outputs is explained, by place; None for its own, or where it has but one."""
    ports = models.diagnosis(network).outputs if network.kind == "upload" else ()
    if len(ports) < 2:
        return None
    own = next((place for place, port in enumerate(ports) if port.used), 0)
    chosen = choices.select(
        "Output", list(range(len(ports))), key=key, default=own,
        format_func=lambda place: f"{place + 1}: {ports[place].name[:60]}",
    )  # fmt: skip
    return None if chosen == own else chosen


def answered(network: zoo.Reference, top: Sequence[TopClass]) -> None:
    """Go on only where the network's answer is a number; else say why it is none, and end the page."""
    if not all(math.isfinite(one.probability) for one in top):
        ui.error(f"the network's answer is not a number: {engine.compute(zoo.no_number, network)}")
        st.stop()


def layer(card: zoo.Card) -> str | None:
    """The layer that a map is read from; None for the one that the card names."""
    chosen = choices.select(
        "Layer", ["default", *(one.name for one in card.map_layers())], key="cam_layer",
        format_func=lambda one: f"Default: {card.explained_layer}" if one == "default" else one,
    )  # fmt: skip
    return None if chosen == "default" else chosen


def on_picture(picture: pickers.Picture, top: Sequence[TopClass], *, two: bool) -> Scene:
    """One or two classes on one picture."""
    classes = {one.index: one.name for one in top}
    index = _class("Class", "class", "Top", top[0], classes)
    rival = next((one for one in top if one.index != index), top[0])
    targets = (index, _class("Second class", "class2", "Next", rival, classes)) if two else (index,)
    boxes = images.sample_boxes(picture.name) if picture.name != pickers.OWN else {}
    count = len(targets)
    return Scene(
        (picture.array,) * count, targets, (picture.title,) * count, tuple(boxes.get(classes[one]) for one in targets)
    )


def several(network: zoo.Reference, card: zoo.Card, classes: Mapping[int, str]) -> Scene | None:
    """Several pictures: drawn ones whose truth is known, samples, or the visitor's files; None while there are none."""
    knows_shapes = tuple(card.class_names) == datasets.SHAPES
    source = choices.segments("Pictures", list(SOURCES)[not knows_shapes :], key="cam_from", format_func=SOURCES.get)
    if source == "drawn":
        return _drawn(card)
    names = ["own", *map(str, classes)]
    chosen = choices.select(
        "Class", names, key="class_of_all",
        format_func=lambda one: "Each picture's top class" if one == "own" else classes[int(one)],
    )  # fmt: skip
    found = _files() if source == "files" else _samples()
    if not found:
        return None
    titles, pictures = zip(*found, strict=True)
    targets = tuple(
        int(chosen) if chosen != "own" else
        engine.compute(attribution.top_classes, network, array, count=1)[0].index
        for array in pictures
    )  # fmt: skip
    return Scene(pictures, targets, titles, (None,) * len(found))


def brought() -> bool:
    """Whether pictures of the visitor's files are explained."""
    return st.session_state.get("cam_from") == "files" and bool(st.session_state.get(_FILES))


def _class(label: str, key: str, title: str, likely: TopClass, classes: Mapping[int, str]) -> int:
    """A class's index; by default the likely one, whichever it is."""
    chosen = choices.select(
        label, ["top", *map(str, sorted(classes))], key=key,
        format_func=lambda one: f"{title}: {likely.name}" if one == "top" else classes[int(one)],
    )  # fmt: skip
    return likely.index if chosen == "top" else int(chosen)


def _drawn(card: zoo.Card) -> Scene:
    """Freshly drawn shapes; in each picture one of them is explained."""
    count = choices.slider("Pictures drawn", 3, MOST_PICTURES, 8, key="cam_count")
    shapes = choices.slider("Shapes in each", 1, 4, 2, key="cam_shapes")
    seed = choices.number("Seed", 0, 9999, 0, key="cam_seed")
    side = card.input_shape[0]
    drawn = datasets.draw_shapes(count, side=side, shapes_per_picture=shapes, rng=np.random.default_rng(seed))
    boxes = tuple(tuple(map(int, box)) for box in drawn.boxes[:, 0])
    titles = tuple(f"Picture {number}" for number in range(1, count + 1))
    return Scene(tuple(drawn.images), tuple(map(int, drawn.labels[:, 0])), titles, boxes)


def _samples() -> list[tuple[str, np.ndarray]]:
    """Sample pictures, title and pixels."""
    chosen = choices.several(
        f"Which, at most {MOST_PICTURES}", list(images.sample_names()), key="cam_samples",
        default=["cat", "astronaut", "coffee", "horse"], format_func=images.sample_title,
        max_selections=MOST_PICTURES,
    )  # fmt: skip
    return [(images.sample_title(name), images.limit(images.sample(name), SIDE)) for name in chosen]


def _files() -> list[tuple[str, np.ndarray]]:
    """Pictures that the visitor brings, title and pixels, each taken through the door once."""
    given = st.file_uploader(
        f"At most {MOST_PICTURES} pictures", ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"],
        accept_multiple_files=True, key="cam_files", max_upload_size=50,
    )  # fmt: skip
    known: dict[str, Any] = st.session_state.get(_FILES, {})
    taken: dict[str, Any] = {}
    for file in (given or [])[:MOST_PICTURES]:
        data = file.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        try:
            opened = known[digest][1] if digest in known else _opened(data)
            taken[digest] = (file.name[:60], opened)
        except ConvvizError as refusal:
            ui.error(f"{words.safe(file.name, 60)}: {refusal}")
    st.session_state[_FILES] = taken
    return list(taken.values())


def _opened(data: bytes) -> np.ndarray:
    return engine.engine().call(uploads.open_picture, data, timeout=10, longest=SIDE)
