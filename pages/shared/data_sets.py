"""Choosing labelled pictures: known sets, folders on this machine, a visitor's archive, or what was collected here."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from convviz import ConvvizError, datasets, recipes, sketches
from pages.shared import choices, downloading, engine, ui, words

TITLES = {
    "digits": "Digits (scikit-learn)",
    "shapes": "Drawn shapes",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cats_and_dogs": "Cats and dogs",
}
FEWEST = 3  # pictures of each class: one to learn from, one to choose by, one to report on
MOST_KEPT = 2  # own data sets of one visitor
SECONDS = 150.0  # that opening a large archive may take
IN_A_ROW = 10  # pictures that are shown of a data set before it is trained on
_LARGE = 20.0  # MB from which on a file is told to be large
ALL = 0  # in the place of a number of pictures, or of a side: all of them, as they are
_FOLDER, _OWN = "folder_", "set_"  # how the names of folders and own sets begin in the address
_SETS = "_own_data_sets"  # name in the address -> Own


@dataclass(frozen=True)
class Own:
    """Labelled pictures that a visitor brought: their title, where they are found, what they are."""

    title: str
    reference: datasets.Reference
    outline: datasets.Outline


def choice(key: str, *, default: str = "digits", label: str = "Data") -> datasets.Reference:
    """Choose a data set; one that is not on this machine is fetched first, if the visitor says so.

    Args:
        key: in the address.
        default: name of a known set.
        label: of the choice.
    """
    titles = {one: title(one) for one in names()}
    name = choices.select(
        label, list(titles), key=key, default=default, format_func=titles.get,
        missing=lambda asked: "The pictures of this link belong to another visit" if asked.startswith(_OWN) else "",
    )  # fmt: skip
    if name in TITLES and not datasets.is_here(name):
        told = f"{TITLES[name]} is not on this machine yet. It is a download of {datasets.download_size(name)} MB."
        back = (title(default), functools.partial(choices.set_later, key, default))
        downloading.offer(name, told, datasets.download, key=key, back=back)
    return reference(name)


def options(chosen: datasets.Reference, key: str) -> datasets.Reference:
    """How many of its pictures, in which size."""
    per_class = choices.number(
        f"Training pictures of each class, at most ({ALL}: all)", ALL, 10**5, ALL, key=f"{key}_per_class"
    )
    side = choices.number(f"Side of the pictures, pixels ({ALL}: as they are)", ALL, 224, ALL, key=f"{key}_side")
    return replace(chosen, per_class=per_class or None, side=max(side, datasets.references.SIDES[0]) if side else None)


def names() -> list[str]:
    """What can be chosen: own sets first; of the known ones those that are here or can be fetched."""
    known = [one for one in TITLES if datasets.is_here(one) or datasets.download_size(one)]
    folders = [f"{_FOLDER}{one}" for one in datasets.folder_names() if one not in TITLES]
    return [*_own(), *known, *folders]


def title(name: str) -> str:
    """A data set's name for people."""
    if name in _own():
        return _own()[name].title
    return TITLES.get(name) or f"Folder {name.removeprefix(_FOLDER)}"


def title_of(chosen: datasets.Reference | str) -> str:
    """The same of a reference, or of a known set's name."""
    if isinstance(chosen, str):
        return title(chosen)
    own = next((one.title for one in _own().values() if one.reference == chosen.file), "Your pictures")
    return {"named": TITLES.get(chosen.name, ""), "folder": f"Folder {chosen.name}"}.get(chosen.kind, own)


def reference(name: str) -> datasets.Reference:
    """Where a chosen data set is found."""
    if name in _own():
        return _own()[name].reference
    if name.startswith(_FOLDER):
        return datasets.Reference(name.removeprefix(_FOLDER), "folder")
    return datasets.Reference(name)


def outline(chosen: datasets.Reference | str) -> datasets.Outline:
    """Shape and classes of the pictures; of those that are not known by name a worker tells it, once.

    Raises:
        ConvvizError: the pictures cannot be had.
    """
    chosen = datasets.Reference(chosen) if isinstance(chosen, str) else chosen
    known = datasets.known_outline(chosen)
    if known is None:
        with st.spinner("Looking at the pictures"):
            known = engine.compute(datasets.outline, chosen, timeout=SECONDS)
    return known


def missing() -> list[str]:
    """Titles of the known sets that are neither here nor to be fetched."""
    return [TITLES[one] for one in TITLES if one not in names()]


def take(data: bytes, name: str) -> str:
    """An archive of folders through the door; its name in the address.

    Args:
        data: a zip file.
        name: what the set is to be called.

    Raises:
        ConvvizError: it cannot be taken; nothing is kept then.
    """
    digest = hashlib.sha256(data).hexdigest()
    address, chosen = f"{_OWN}{digest[:8]}", datasets.Reference(digest, "upload")
    _make_room(address)
    try:
        engine.engine().keep(chosen, data, owner=engine.owner())
        found = outline(chosen)
        if told := gap(engine.compute(datasets.overview, chosen, per_class=1, timeout=SECONDS)):
            raise ConvvizError(told)
    except ConvvizError:
        if address not in _own():
            engine.engine().drop(chosen, owner=engine.owner())
        raise
    ours = [title(one) for one in names() if one not in _own()]
    called = words.apart(name, [*TITLES.values(), *ours], [own.title for one, own in _own().items() if one != address])
    st.session_state[_SETS] = {**_own(), address: Own(called, chosen, found)}
    return address


def gap(shown: datasets.Overview) -> str:
    """Why nothing can be trained on these pictures: one of the three parts is empty; or nothing."""
    if all(sum(counts) for counts in shown.counts.values()):
        return ""
    class_ = int(np.argmin(np.sum(list(shown.counts.values()), axis=0)))
    learn, choose, report = (shown.counts[part][class_] or "none" for part in datasets.PARTS)
    return (
        f"the pictures do not suffice for three parts: “{shown.class_names[class_]}” has {learn} to learn from, "
        f"{choose} to choose by and {report} to report on; give every class at least {FEWEST}, or put some of each "
        "into folders train, validation and test"
    )


def lack(chosen: datasets.Reference) -> str:
    """Why nothing can be trained on a folder of this machine, as `gap`; what was brought has passed the door."""
    if chosen.kind != "folder":
        return ""
    with st.spinner("Looking at the pictures"):
        return gap(engine.compute(datasets.overview, chosen, per_class=1, timeout=SECONDS))


def browse(name: str) -> None:
    """Go on to look at this data set."""
    choices.set_later("browse", name)
    choices.set_later("view", "examples")
    st.rerun()


def train_on(name: str) -> None:
    """Go on to the page Training with this data set."""
    choices.set_later("data", name)
    st.switch_page("pages/learning/training.py")


def private_choices() -> list[str]:
    """What a link to this page cannot hold."""
    own = any(value.startswith(_OWN) for value in choices.address().values())
    return ["your own pictures are not in the link; whoever opens it sees others"] if own else []


def files(chosen: datasets.Reference) -> dict[str, Callable[[], bytes]]:
    """For a page's foot: the pictures that a program cannot get by itself."""
    if recipes.architectures.is_plain(chosen) and chosen.name in recipes.training.DATASETS:
        return {}
    whose, ask = engine.owner(), engine.engine()
    packed = functools.partial(ask.call, datasets.packed, chosen, owner=whose, timeout=SECONDS)
    return {recipes.architectures.PICTURES: packed}


def large(chosen: datasets.Reference) -> str:
    """What to know of the file of `files` before it is fetched; empty where there is none or it is small."""
    if not files(chosen):
        return ""
    known, name = outline(chosen), recipes.architectures.PICTURES
    if known.train_count is None and not chosen.per_class:
        return f"{name} holds all pictures of this data set, {' × '.join(map(str, known.shape))} each."
    counts = (known.train_count or math.inf, (chosen.per_class or math.inf) * len(known.class_names))
    size = min(counts) * math.prod(known.shape) / 1e6
    if size < _LARGE:
        return ""
    return f"{name} holds up to {size:,.0f} MB of training pictures and those of the other parts, compressed."


def _own() -> dict[str, Own]:
    return st.session_state.get(_SETS, {})


def _make_room(address: str) -> None:
    """Let go of the oldest own set, so that the new one fits."""
    for old in [one for one in _own() if one != address][: 1 - MOST_KEPT]:
        engine.engine().drop(_own()[old].reference, owner=engine.owner())
        st.session_state[_SETS] = {one: own for one, own in _own().items() if one != old}


def examples(chosen: datasets.Reference) -> None:
    """About ten training pictures in a row, as many of each class."""
    classes = len(outline(chosen).class_names)
    with st.spinner("Reading the data"):
        shown = engine.compute(datasets.overview, chosen, per_class=max(1, IN_A_ROW // classes), timeout=SECONDS)
    pictures, names = [], []
    for name, count, some in zip(shown.class_names, shown.counts["train"], shown.examples, strict=True):
        pictures += list(some[:count])
        names += [words.safe(name, 20)] * len(some[:count])
    row = np.stack(pictures[:IN_A_ROW])
    told = ", ".join(dict.fromkeys(names[:IN_A_ROW]))
    ui.picture(
        sketches.sheet(np.broadcast_to(row, (*row.shape[:3], 3)), columns=len(row)),
        f"{len(row)} of the pictures, {' × '.join(map(str, shown.shape))} each: {told}", f"Pictures of {told}",
    )  # fmt: skip
