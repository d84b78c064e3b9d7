"""Choosing a picture, a network, a layer: chosen once, carried from page to page, changed anywhere.

The side bar holds the one widget that is bound to the address; a page draws a mirror of it in place.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from convviz import ConvvizError, images, recipes, rendering, uploads, zoo
from pages.shared import choices, downloading, drawing, engine, memory, models, ui, words

OWN = "own"  # the name of the visitor's picture in the address
OWN_FILE = "picture.png"  # under which the visitor's picture is saved, for the programs that read it
LONGEST = 1024  # pixels that a visitor's picture keeps of its longer side
OPENING = ("cat", "cats_and_dogs")  # the picture and the network that nobody has chosen
OPENINGS = {  # page -> its own pair, where another shows its point better
    "filter_patterns": ("cat", "shapes"),
    "trust": ("shapes", "shapes"),
}
_OWN_PICTURE = "_own_picture"
_HDF5 = b"\x89HDF"  # how a network's file in Keras' older format begins
NETWORK_HERE = "run"  # the name in the address of the network that was trained in this visit
_TRAINED = "_trained_networks"  # name in the address -> (title, reference)


@dataclass(frozen=True)
class Picture:
    """A picture at hand: its pixels, its title as it came, and what to say of it to those who cannot see it.

    `before` is the (height, width) that an upload had, which may be more than is kept of it.
    """

    name: str
    array: np.ndarray
    title: str
    alt: str
    before: tuple[int, int] | None = None

    @property
    def is_reduced(self) -> bool:
        """Whether the visitor's picture had more pixels than are kept of it."""
        return self.before is not None and self.before != self.array.shape[:2]

    @property
    def caption(self) -> str:
        """The title as Markdown that shows it and does nothing else, and what was taken from the picture's size."""
        if not self.is_reduced:
            return words.safe(self.title)
        height, width = self.before
        return f"{words.safe(self.title)} (reduced from {height:,} × {width:,} to {LONGEST:,} pixels at most)"


# --- pictures -----------------------------------------------------------------------------------------------------


def carried(page: str) -> None:
    """In the side bar: the picture and the network that travel along; a page opens with the pair that shows its point.

    Args:
        page: its name in the address.
    """
    picture_, network_ = OPENINGS.get(page, OPENING)
    above, thumbnail = st.columns([5, 1], vertical_alignment="bottom", gap="xsmall")
    titles = _network_titles()
    network_name = choices.select(
        "Network", list(titles), key="network", default=network_, format_func=titles.__getitem__,
        missing=_missing_network,
    )  # fmt: skip
    with above:
        name = choices.select(
            "Picture", _pictures(), key="picture",
            default=picture_ if network_name == network_ else _fitting(network_name), format_func=_picture_title,
            missing=lambda asked: "The picture of this link belongs to another visit" if asked == OWN else "",
        )  # fmt: skip
    shown = _picture(name)
    thumbnail.image(_thumbnail(shown), alt=shown.alt, output_format="PNG")


def _fitting(network_name: str) -> str:
    """A picture of the kind that a network knows, for who has chosen a network and no picture."""
    if network_name == "shapes":
        return "shapes"
    return "digit_3" if network_name == "mnist" or network_name.startswith(NETWORK_HERE) else OPENING[0]


def _thumbnail(shown: Picture) -> bytes:
    """A small picture as a file, made once for a sample and for each of the visitor's own."""
    whose = shown.name if shown.name != OWN else ui.digest(shown.array)
    return memory.recalled(lambda: rendering.png(_small(shown.array)), "thumbnail", whose)


def _small(array: np.ndarray) -> np.ndarray:
    """A picture of 144 pixels at most; of a very long one its middle, for Streamlit cannot draw one without height."""
    height, width = array.shape[:2]
    most = 4 * min(height, width)
    top, left = max(0, (height - most) // 2), max(0, (width - most) // 2)
    return images.limit(array[top : top + most, left : left + most], 144)


def _missing_network(asked: str) -> str:
    """What is said where a link names a network that is not here."""
    private = asked.startswith(("run", models.PREFIX))
    return "The network of this link belongs to another visit" if private else ""


def picture(page: str) -> Picture:
    """In place: choose the picture, a sample, a file, a photograph taken now or a drawing by hand."""
    if choices.is_hidden("picture"):
        return _picture(st.session_state["picture"])
    _mirror("Picture", _pictures(), "picture", page, _picture_title)
    with st.popover("Your own picture", icon=":material/upload:", width="stretch"):
        _own_picture(page)
    if st.button("Draw by hand", icon=":material/draw:", key=f"{page}_draw", width="stretch"):
        _by_hand()  # not from within the popover, which would lie over the window
    chosen = _picture(st.session_state["picture"])
    if chosen.is_reduced:
        st.caption(f"{chosen.caption}.")
    return chosen


def carried_picture() -> Picture:
    """The picture that travels along."""
    return _picture(st.session_state["picture"])


def second(first: Picture) -> Picture:
    """In place: a picture to compare with the carried one; at first another of its kind."""
    names = [name for name in _pictures() if name != first.name]
    kind = first.name.rpartition("_")[0]
    default = next((name for name in names if kind and name.startswith(kind)), next(n for n in names if n != OWN))
    return _picture(
        choices.select("Compared with", names, key="other_picture", default=default, format_func=_picture_title)
    )


def own_picture_shown() -> bool:
    """Whether the carried picture is the visitor's own."""
    return st.session_state.get("picture") == OWN and _OWN_PICTURE in st.session_state


def own_picture_file() -> Callable[[], bytes]:
    """The visitor's picture as it is used here; made when it is asked for, outside this run."""
    return functools.partial(rendering.png, st.session_state[_OWN_PICTURE].array)


def private_choices() -> list[str]:
    """What a link to this visit cannot hold."""
    picture_ = ["your own picture is not in the link; whoever opens it sees a sample"] if own_picture_shown() else []
    own_network = st.session_state.get("network") in _trained()
    return [*picture_, *(["your own network is not in the link"] if own_network else [])]


def _pictures() -> list[str]:
    own = [OWN] if _OWN_PICTURE in st.session_state else []
    return [*own, *images.sample_names()]


def _picture_title(name: str) -> str:
    return st.session_state[_OWN_PICTURE].title if name == OWN else images.sample_title(name).removesuffix(" (grey)")


def _picture(name: str) -> Picture:
    if name == OWN:
        return st.session_state[_OWN_PICTURE]
    return _sample(name)


@functools.cache
def _sample(name: str) -> Picture:
    """A sample picture, one and the same for all visitors, so that nobody may write to it."""
    title, array = images.sample_title(name), images.sample(name)
    array.setflags(write=False)
    return Picture(name, array, title, title)


def _own_picture(page: str) -> None:
    """Take a file or a photograph through the door, once for each."""
    file = st.file_uploader(
        "A file", ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"], key=f"{page}_file", max_upload_size=50
    )
    shot = (
        st.camera_input("A photograph", key=f"{page}_camera")
        if st.toggle("Use the camera", key=f"{page}_use")
        else None
    )
    for source, title in ((file, file.name if file else ""), (shot, "Photograph taken here")):
        if source is None:
            continue
        digest = hashlib.sha256(source.getvalue()).hexdigest()
        if st.session_state.get(f"_{page}_taken") != digest and _take(source.getvalue(), title):
            st.session_state[f"_{page}_taken"] = digest
            st.rerun()


@st.dialog("Draw by hand")
def _by_hand() -> None:
    """A sheet in a window of its own, which a phone gives all its width."""
    drawn = drawing.sheet("drawing")
    if drawn is not None and _take(drawn, drawing.TITLE):
        st.rerun()


def _take(data: bytes, title: str) -> bool:
    """Take a picture file through the door as the visitor's own; whether it came in."""
    try:
        with st.spinner("Reading the picture"):
            array = engine.engine().call(uploads.open_picture, data, timeout=10, longest=LONGEST)
            before = engine.engine().call(uploads.picture_size, data, timeout=10)
    except ConvvizError as refusal:
        ui.error(str(refusal))
        return False
    alt = f"{title[:80]}, {array.shape[1]} by {array.shape[0]} pixels"
    st.session_state[_OWN_PICTURE] = Picture(OWN, array, title[:80], alt, before)
    choices.set_later("picture", OWN)
    return True


# --- networks -----------------------------------------------------------------------------------------------------


def network(page: str) -> tuple[zoo.Reference, zoo.Card]:
    """In place: choose the network; its card comes from a worker where it is not bundled.

    Raises:
        ConvvizError: the network cannot be had.
    """
    hidden, titles = choices.is_hidden("network"), _network_titles()
    if not hidden:
        _mirror("Network", list(titles), "network", page, titles.__getitem__)
    name = st.session_state["network"]
    if not hidden:
        models.own(page, name, choose_network, titles)
    chosen = reference(name)
    if chosen.kind == "imagenet":
        _fetched(name)
    known = card(chosen)
    if not hidden:
        with st.popover("About this network", icon=":material/info:", width="stretch"):
            _about(known)
    return chosen, known


def _about(known: zoo.Card) -> None:
    """A network's card: what it takes and gives, what it was trained on, and how right it is."""
    low, high = known.value_range
    classes = ", ".join(known.class_names[:10]) + (", and more" if len(known.class_names) > 10 else "")
    facts = {
        "Takes": f"{' x '.join(map(str, known.input_shape))}, values {low:g} to {high:g}",
        "Tells apart": f"{len(known.class_names):,} classes: {classes}" if known.class_names else "no classes",
        "Parameters": f"{known.parameters:,} in {len(known.layers)} layers",
        **known.about,
    }
    st.markdown(f"**{words.safe(known.title)}**")
    st.markdown("\n".join(f"- {words.safe(name)}: {words.safe(text, 600)}" for name, text in facts.items()))


def named(name: str) -> tuple[zoo.Reference, zoo.Card]:
    """A network that the page needs whatever is carried."""
    chosen = zoo.reference(name)
    return chosen, card(chosen)


def reference(name: str) -> zoo.Reference:
    """Where the network of that name in the address is to be found."""
    if name in _trained():
        return _trained()[name][1]
    return zoo.reference(name)


def card(chosen: zoo.Reference) -> zoo.Card:
    """What is known of a network."""
    if chosen.kind == "bundled":
        return zoo.card(chosen.name)
    with st.spinner("Loading the network"):
        return engine.compute(zoo.describe, chosen)


def network_files(chosen: zoo.Reference) -> dict[str, Callable[[], bytes]]:
    """The network as a file for `foot`, under the name by which a program loads it; none where Keras fetches it."""
    if chosen.kind == "bundled":
        path = zoo.bundled.FOLDER / f"{chosen.name}.keras"
        return {path.name: path.read_bytes}
    if chosen.kind in engine.PRIVATE:
        data = engine.engine().data(chosen, engine.owner())
        name = recipes.networks.OLD_FILE if data.startswith(_HDF5) else recipes.networks.OWN_FILE
        return {name: functools.partial(bytes, data)}
    return {}


def own_networks() -> list[str]:
    """Names in the address of the networks of this visit: trained here, or brought."""
    return list(_trained())


def network_title(name: str) -> str:
    """The network's name for people."""
    return _trained()[name][0] if name in _trained() else zoo.title(name)


def offer_trained(name: str, title: str, chosen: zoo.Reference) -> None:
    """Let a network that was trained here be chosen on every page."""
    title = words.apart(title, [], [other for one, other in _network_titles().items() if one != name])
    st.session_state[_TRAINED] = {**st.session_state.get(_TRAINED, {}), name: (title, chosen)}


def choose_network(name: str) -> None:
    """Carry this network from now on."""
    choices.set_later("network", name)


def _networks() -> list[str]:
    return [*_trained(), *zoo.list_networks()]


def _network_titles() -> dict[str, str]:
    """Of all networks that can be chosen: name in the address -> name for people."""
    return {name: network_title(name) for name in _networks()}


def _trained() -> dict[str, tuple[str, zoo.Reference]]:
    return {**models.offered(), **st.session_state.get(_TRAINED, {})}


def _fetched(name: str) -> None:
    """Before an ImageNet network is downloaded, its size is said and the visitor asked; the page waits meanwhile."""
    if not zoo.is_here(name):
        told = f"{zoo.title(name)} is not on this machine yet. Its weights are {zoo.download_size(name)} MB."
        back = (zoo.title(OPENING[1]), functools.partial(choose_network, OPENING[1]))
        downloading.offer(name, told, zoo.download, key="network", back=back)


def layer(label: str, names: list[str], *, key: str, default: str | None = None, **looks: object) -> str:
    """One of a network's layers."""
    return choices.select(label, names, key=key, default=default, **looks)


# --- the mirrors --------------------------------------------------------------------------------------------------


def _mirror(label: str, options: list[str], key: str, page: str, title: Callable[[str], str]) -> None:
    """A widget in the page that shows and sets the one in the side bar."""
    mirror = f"_{page}_{key}"
    st.session_state[mirror] = st.session_state[key]
    st.selectbox(
        label,
        options,
        key=mirror,
        format_func=title,
        on_change=lambda: choices.set_later(key, st.session_state[mirror]),
    )
