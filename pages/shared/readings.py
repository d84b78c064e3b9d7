"""What the Data page shows: examples, batches, the way from a file to a batch, one picture many ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from convviz import annotations, augmentation, datasets, images, rendering, sketches
from pages.shared import data_sets, pickers, ui, words

TITLES = data_sets.TITLES

_SHOWN = 64  # pixels of a picture's side in a sheet, at least
FEW = 50  # pictures of a class from which on it counts as many


# --- examples -----------------------------------------------------------------------------------------------------


def examples(shown: datasets.Overview, title: str) -> None:
    """What is missing, rows of pictures, one row a class, and how many there are."""
    if shown.left_out:
        were = "could not be opened and " + ("is" if shown.left_out == 1 else "are")
        st.warning(f"{words.count(shown.left_out, 'picture')} {were} left out.", icon=":material/warning:")
    if told := data_sets.gap(shown):
        ui.error(told)
    classes, per_class = shown.examples.shape[:2]
    for label, name in enumerate(shown.class_names):
        told, row = st.columns([1, 7], vertical_alignment="center")
        told.markdown(words.safe(name))
        with row:
            count = min(per_class, max(1, shown.counts["train"][label]))
            sheet = sketches.sheet(_in_colour(shown.examples[label, :count]), columns=per_class)
            st.image(
                rendering.png(rendering.enlarge(sheet, at_least=_SHOWN)),
                alt=f"{words.count(count, 'training picture')} of class {name}",
                output_format="PNG",
            )
    st.table(
        [
            {"Part": part.capitalize(), "Pictures": f"{sum(counts):,}", **_by_class(shown.class_names, counts)}
            for part, counts in shown.counts.items()
        ]
    )
    st.caption(
        f"{words.safe(title)}: {classes} classes, pictures of {' × '.join(map(str, shown.shape))}, values 0 to 255."
    )


def truth(shown: datasets.Overview) -> None:
    """Where the shape is in some test pictures: its box framed, its mask white."""
    known = shown.truth
    if known is None:
        return
    ui.section("True box and mask")
    pairs = zip(known.images, known.boxes.tolist(), strict=True)
    framed = np.stack([annotations.framed(one, tuple(box), at_least=2 * _SHOWN) for one, box in pairs])
    masks = np.stack([rendering.enlarge(mask * np.uint8(255), at_least=2 * _SHOWN) for mask in known.masks])
    both = np.concatenate([framed, np.repeat(masks[..., None], 3, axis=-1)])
    names = [shown.class_names[label] for label in known.labels]
    share = known.masks.mean(axis=(1, 2))
    ui.picture(
        sketches.sheet(both, columns=len(framed)),
        f"{len(framed)} test pictures with the box of their shape, and its pixels in white: "
        f"{share.min():.0%} to {share.max():.0%} of the picture",
        f"Framed, and as a white mask below: {', '.join(names)}",
    )


def _by_class(names: tuple[str, ...], counts: tuple[int, ...]) -> dict[str, str]:
    return {f"{words.safe(name)} ": f"{count:,}" for name, count in zip(names, counts, strict=True)}


def examples_noticed(shown: datasets.Overview) -> list[str]:
    """Whether there is enough of each class, and what the three parts are for."""
    counts = shown.counts["train"]
    least, most = min(counts), max(counts)
    rare = words.safe(shown.class_names[counts.index(least)])
    said = [
        f"The network learns from {sum(counts):,} pictures, is watched on {sum(shown.counts['validation']):,} others, "
        f"and is judged on {sum(shown.counts['test']):,} that nobody looked at before."
    ]
    if least < FEW:
        are = "is only 1 training picture" if least == 1 else f"are only {least} training pictures"
        said.append(f"There {are} of “{rare}”: few to learn from.")
    if most > 1.5 * max(least, 1):
        said.append(f"The classes are not balanced: from {least} to {most} pictures.")
    else:
        span = "" if least == most else f"from {least:,} to "
        said.append(f"The classes are balanced: {span}{words.count(most, 'training picture')} each.")
    return said


# --- batches ------------------------------------------------------------------------------------------------------


def batch(shown: datasets.Batch) -> None:
    """The pictures of one batch with their labels."""
    count = len(shown.images)
    columns = 8  # wide enough for a class's name
    for start in range(0, count, columns):
        for column, place in zip(st.columns(columns), range(start, min(start + columns, count)), strict=False):
            name = shown.class_names[shown.labels[place]]
            enlarged = rendering.enlarge(_in_colour(shown.images[place][None])[0], at_least=_SHOWN)
            column.image(
                rendering.png(enlarged), caption=words.safe(name), alt=f"Picture {place + 1}: {name}",
                output_format="PNG", width="stretch",
            )  # fmt: skip
    st.caption(
        f"Pictures {' × '.join(map(str, shown.images.shape))}, uint8; labels {count}, int64. "
        f"Epoch {shown.epoch + 1}, step {shown.step + 1} of {shown.steps_per_epoch}."
    )


def batch_noticed(shown: datasets.Batch) -> list[str]:
    """Where this batch stands in the generator that never ends."""
    present = np.unique(shown.labels).size
    return [
        f"{shown.steps_per_epoch} steps make one epoch, {shown.validation_steps} one validation.",
        "The generator never ends: after the last step it begins anew, in another order.",
        f"This batch has pictures of {present} of the {len(shown.class_names)} classes.",
    ]


# --- from a file to a batch ---------------------------------------------------------------------------------------


def reading(picture: pickers.Picture, side: int) -> np.ndarray:
    """Each step from the bytes of a file to what enters a network, with a few of its numbers."""
    file = rendering.png(picture.array)
    decoded = picture.array
    resized = images.resize(decoded, (side, side))
    floats = resized.astype(np.float32)
    rescaled = floats / np.float32(255)
    steps = [
        ("Read", "bytes of a file", f"{len(file):,} bytes", " ".join(f"{byte:02x}" for byte in file[:10])),
        ("Decode", "uint8", words.shape(decoded), _corner(decoded)),
        ("Resize", "uint8", words.shape(resized), _corner(resized)),
        ("To float", "float32", words.shape(floats), _corner(floats)),
        ("Rescale by 1/255", "float32", words.shape(rescaled), _corner(rescaled)),
        ("Batch", "float32", f"1 × {words.shape(rescaled)}", _corner(rescaled)),
    ]
    left, right = st.columns([2, 5])
    with left:
        ui.picture(resized, f"{picture.caption}, {side} × {side}", picture.alt, at_least=300)
    right.table(
        [{"Step": step, "Kind": kind, "Shape": shape, "Begins with": begin} for step, kind, shape, begin in steps]
    )
    return rescaled[None]


def _corner(array: np.ndarray) -> str:
    """Red, green and blue of the first two pixels."""
    return "  ".join(" ".join(f"{value:.3g}" for value in pixel) for pixel in array[0, :2])


# --- one picture, many ways ---------------------------------------------------------------------------------------


def augmented(stack: np.ndarray, seed: int, **options: Any) -> np.ndarray:
    """Each picture of a stack under its own transform, as a training would draw them from this seed."""
    return augmentation.augment(stack, rng=np.random.default_rng(seed), **options)


def augmented_noticed(many: np.ndarray, original: np.ndarray, options: Mapping[str, Any]) -> list[str]:
    """How far the copies are from the original."""
    apart = np.abs(many.astype(np.float32) - original).mean(axis=(1, 2, 3))
    same = int((apart == 0).sum())
    if same == len(many):
        return ["With every option off, all of them are the picture as it is: nothing new to learn from."]
    said = [
        f"On average a copy differs from the picture by {apart.mean():.0f} of 255 in each value; its class stays.",
        "A training draws new copies in every epoch, so the network never sees the same picture twice.",
    ]
    if options["horizontal_flip"]:
        said.append("Mirroring is right for cats and dogs, and wrong for digits and letters.")
    return said


def saved(pictures: np.ndarray, columns: int) -> bytes:
    """Pictures (..., H, W, C) side by side in rows, in colour, as a PNG file."""
    return rendering.png(sketches.sheet(_in_colour(pictures.reshape(-1, *pictures.shape[-3:])), columns=columns))


def _in_colour(pictures: np.ndarray) -> np.ndarray:
    """(N, H, W, C) as (N, H, W, 3)."""
    return np.stack([images.with_channels(one, 3) for one in pictures])
