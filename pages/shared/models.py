"""A visitor's own Keras model: taken in through the door, described on arrival, corrected where a guess was wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from convviz import ConvvizError, uploads, zoo
from pages.shared import engine, ui, words

PREFIX = "model_"  # begins the name of an own model in the address
MOST_KEPT = 2  # own models of one visitor
SECONDS = 150.0  # that opening a large model may take
_MODELS = "_own_models"  # name in the address -> Own
_ASKED = "_own_model_asked"  # the model whose description is open
_RANGES = {"guess": None, "0 to 1": (0, 1), "−1 to 1": (-1, 1), "0 to 255": (0, 255), "other": ()}
_ENDINGS = {"guess": None, "one of the classes": "softmax", "each class yes or no": "sigmoid"}


@dataclass(frozen=True)
class Own:
    """A model that the visitor brought: its title, where it is found, and what the visitor knows better."""

    title: str
    reference: zoo.Reference

    @property
    def corrections(self) -> dict[str, Any]:
        """What was corrected, as options of ``zoo.wrap``."""
        return zoo.corrected(self.reference.version)


def own(page: str, name: str, choose: Callable[[str], None], titles: Mapping[str, str]) -> None:
    """Beside the choice of a network: bring a model file, and see what the chosen own model is.

    Args:
        page: whose widgets these are.
        name: the network that is chosen now.
        choose: carries a network from now on.
        titles: of all networks that can be chosen, by their names.
    """
    taken = st.session_state.setdefault(f"_{page}_model_taken", {})
    count = sum(not refusal for refusal in taken.values())  # in the key: a model that was taken closes the popover
    with st.popover("Your own model", icon=":material/upload_file:", width="stretch", key=f"{page}_bring_{count}"):
        st.markdown(
            "A whole Keras model, saved by `model.save('name.keras')` or as `.h5`. It is opened here without running "
            "any code of the file, kept while this tab is open, and shown to nobody else."
        )
        file = st.file_uploader("A model file", ["keras", "h5", "hdf5"], key=f"{page}_model", max_upload_size=200)
        if file is not None:
            _take(page, file, choose, titles)
    if name in _models():
        if st.button("Diagnosis and corrections", icon=":material/tune:", key=f"{page}_diagnosis", width="stretch"):
            st.session_state[_ASKED] = name
        if st.session_state.get(_ASKED) == name:
            st.dialog("Your network", width="large", on_dismiss=_close)(lambda: _described(name))()


def offered() -> dict[str, tuple[str, zoo.Reference]]:
    """The models that this visitor has brought: name in the address -> (title, reference)."""
    return {name: (model.title, model.reference) for name, model in _models().items()}


def diagnosis(chosen: zoo.Reference) -> zoo.Diagnosis:
    """What a network is; asked of a worker once."""
    with st.spinner("Looking at the network"):
        return engine.compute(zoo.diagnose, chosen, timeout=SECONDS)


def with_maps(card: zoo.Card) -> list[str]:
    """Names of the layers with feature maps.

    Raises:
        ConvvizError: there is none.
    """
    names = [layer.name for layer in card.map_layers()]
    if not names:
        raise ConvvizError(f"{card.title} has no layer with feature maps; choose a convolutional network")
    return names


# --- taking a file ------------------------------------------------------------------------------------------------


def _models() -> dict[str, Own]:
    return st.session_state.get(_MODELS, {})


def _take(page: str, file: Any, choose: Callable, titles: Mapping[str, str]) -> None:
    """A file through the door, once for each; a refusal stays beside the file until another is given."""
    data = file.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    taken = st.session_state.setdefault(f"_{page}_model_taken", {})
    if digest in taken:
        if taken[digest]:
            ui.error(taken[digest])
        return
    name = PREFIX + digest[:8]
    title = _title(name, file.name, titles)
    reference = zoo.Reference("upload", digest, zoo.corrections(title=title))
    _make_room(name)
    try:
        reference = replace(reference, version=zoo.corrections(**uploads.open_note(data), title=title))
        engine.engine().keep(reference, data, owner=engine.owner())
        diagnosis(reference)
    except ConvvizError as refusal:
        engine.engine().drop(reference, owner=engine.owner())
        taken[digest] = str(refusal)
        ui.error(str(refusal))
        return
    taken[digest] = ""
    _keep(name, Own(title, reference))
    choose(name)
    st.session_state[_ASKED] = name
    st.rerun()


def _title(name: str, file: str, titles: Mapping[str, str]) -> str:
    """What a model is called: as its file, unless another network is called so."""
    ours = set(zoo.list_networks())
    theirs = [title for one, title in titles.items() if one not in ours and one != name]
    return words.apart(file.rpartition(".")[0][:60].strip() or "Your model", map(zoo.title, ours), theirs)


def _make_room(name: str) -> None:
    """Let go of the oldest of the visitor's models, so that the new one fits."""
    for old in [one for one in _models() if one != name][: 1 - MOST_KEPT]:
        engine.engine().drop(_models()[old].reference, owner=engine.owner())
        st.session_state[_MODELS] = {one: own for one, own in _models().items() if one != old}


def _keep(name: str, model: Own) -> None:
    st.session_state[_MODELS] = {**_models(), name: model}


def _close() -> None:
    st.session_state.pop(_ASKED, None)


# --- what it is ---------------------------------------------------------------------------------------------------


def _described(name: str) -> None:
    """The description of an own model, with a form for what was guessed."""
    model = _models()[name]
    try:
        found = diagnosis(model.reference)
    except ConvvizError as refusal:
        ui.error(str(refusal))
        return
    described(found)
    with st.expander("Correct what was guessed", icon=":material/edit:", expanded=bool(found.guessed)):
        _correction_form(name, model, found)


def described(found: zoo.Diagnosis) -> None:
    """What a network is, in words: what goes in and out, where one can look, what is odd."""
    card = found.card
    low, high = found.value_range
    why = "a guess" if "Input values" in found.guessed else words.safe(found.value_reason, 200)
    have = "has" if found.map_layers == 1 else "have"
    maps = f"{found.map_layers} of {len(card.layers)} layers {have} feature maps"
    if found.map_layers > 1:
        first, *_, last = with_maps(card)
        maps += f", from **{words.safe(first)}** to **{words.safe(last)}**"
    cam = f"Grad-CAM takes **{words.safe(found.explained_layer)}**: " if found.explained_layer else "Grad-CAM: "
    lines = [
        f"**{words.safe(card.title)}** is {words.safe(found.kind, 300)}, with {card.parameters:,} parameters.",
        f"In: {'; '.join(_port(port, 'takes the picture', len(found.inputs)) for port in found.inputs)}.",
        f"Values from {words.numbers(low, high)}, {why}.",
        f"Out: {'; '.join(_port(port, 'is explained', len(found.outputs)) for port in found.outputs)}: "
        f"{words.safe(found.meaning, 200)}.",
        f"{maps}. {cam}{words.safe(found.layer_reason, 300)}.",
    ]
    st.markdown("\n".join(f"- {line}" for line in lines))
    if found.guessed:
        st.markdown("**Guessed**, since a model file does not tell")
        st.markdown("\n".join(f"- {title}: {words.safe(text, 300)}" for title, text in found.guessed.items()))
    for sentence in found.odd:
        st.warning(words.safe(words.sentence(sentence), 400), icon=":material/warning:")
    if not found.odd:
        st.caption(f"Nothing odd was found on its weights, nor on {len(zoo.PROBES)} test pictures.")


def _port(port: zoo.Port, role: str, count: int) -> str:
    """An input or output in words."""
    sides = " × ".join("any" if side is None else str(side) for side in port.shape) or "one number"
    return f"{words.safe(port.name)}, {sides}" + (f", which {role}" if port.used and count > 1 else "")


# --- corrections --------------------------------------------------------------------------------------------------


def _correction_form(name: str, model: Own, found: zoo.Diagnosis) -> None:
    """What the visitor may know better; nothing that was typed is lost where it does not fit."""
    known = model.corrections
    with st.form(f"correct_{name}", border=False):
        told = {"title": model.title}
        left, right = st.columns(2)
        with left:
            told["input_range"] = _range_field(name, known)
            told |= _places(name, known, found)
        with right:
            told |= _looks(name, known, found)
        names = _names_fields(name, known, found)
        if st.form_submit_button("Apply", icon=":material/check:", type="primary"):
            try:
                told["class_names"] = names()
                _apply(name, told)
            except ConvvizError as refusal:
                ui.error(str(refusal))


def _range_field(name: str, known: dict[str, Any]) -> tuple[float, float] | None:
    """Lowest and highest input value."""
    now = known.get("input_range")
    first = next((label for label, ends in _RANGES.items() if ends == now), "other")
    label = st.selectbox("Input values", list(_RANGES), list(_RANGES).index(first), key=f"range_{name}")
    low, high = st.columns(2)
    begin, end = now or (0.0, 1.0)
    lowest = low.number_input("Lowest, if other", value=float(begin), key=f"lowest_{name}")
    highest = high.number_input("Highest, if other", value=float(end), key=f"highest_{name}")
    return (lowest, highest) if label == "other" else _RANGES[label]


def _places(name: str, known: dict[str, Any], found: zoo.Diagnosis) -> dict[str, Any]:
    """Which input takes the picture and which output is explained, where there are several."""
    told: dict[str, Any] = {}
    for option, label, ports in (
        ("picture_input", "Input that takes the picture", found.inputs),
        ("output", "Output that is explained", found.outputs),
    ):
        takes = option != "picture_input"
        places = [place for place, port in enumerate(ports) if takes or len(port.shape) in (2, 3)]
        if len(places) > 1:
            used = next((place for place in places if ports[place].used), 0)
            titles = [f"{place + 1}: {port.name[:60]}" for place, port in enumerate(ports)]
            first = places.index(known.get(option, used)) if known.get(option, used) in places else 0
            told[option] = st.selectbox(label, places, first, format_func=titles.__getitem__, key=f"{option}_{name}")
    return told


def _looks(name: str, known: dict[str, Any], found: zoo.Diagnosis) -> dict[str, Any]:
    """Order of colours, size and ending, where they are open."""
    told: dict[str, Any] = {}
    height, width, channels = found.card.input_shape
    if channels in (3, 4):
        orders = {"rgb": "red, green, blue", "bgr": "blue, green, red"}
        order = st.selectbox(
            "Order of colours", list(orders), list(orders).index(found.card.colours), format_func=orders.get,
            key=f"colours_{name}",
        )  # fmt: skip
        told["colours"] = order if order == "bgr" or "colours" in known else None
    used = next((port for port in found.inputs if port.used), None)
    if used is not None and None in used.shape[:2]:
        side = st.number_input("Pictures are brought to (pixels)", 8, 1024, max(height, width), key=f"side_{name}")
        if side != max(height, width) or "input_shape" in known:
            told["input_shape"] = (side, side, channels)
    if found.card.class_names and ("Output" in found.guessed or "ending" in known):
        first = next((label for label, ending in _ENDINGS.items() if ending == known.get("ending")), "guess")
        label = st.selectbox("Logits are read as", list(_ENDINGS), list(_ENDINGS).index(first), key=f"ending_{name}")
        told["ending"] = _ENDINGS[label]
    return told


def _names_fields(name: str, known: dict[str, Any], found: zoo.Diagnosis) -> Callable[[], tuple[str, ...] | None]:
    """Fields for class names; the function that reads them, when they are wanted."""
    count = len(found.card.class_names)
    if not count:
        return lambda: None
    now = "\n".join(known.get("class_names", ()))
    left, right = st.columns(2)
    typed = left.text_area(f"Names of the {count} classes, one a line", now, height=160, key=f"names_{name}")
    file = right.file_uploader("Or a file of them", ["txt", "csv", "json"], key=f"names_file_{name}", max_upload_size=1)
    given = file.getvalue() if file is not None else typed
    return lambda: uploads.open_names(given) if file is not None or typed.strip() else None


def _apply(name: str, told: dict[str, Any]) -> None:
    """Look at the model with the corrections; they hold if it can be looked at so."""
    reference = zoo.Reference("upload", _models()[name].reference.name, zoo.corrections(**told))
    diagnosis(reference)
    _keep(name, Own(told["title"], reference))
    st.rerun()
