"""Edits of a network on a page: made one by one, listed, undone; what they change, and the two jobs that measure it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, activations, filters, rendering, surgery, zoo
from convviz.jobs import Job
from convviz.surgery import Edit
from pages.shared import charts, choices, engine, ui, words

EDITS, LAYER, VIEW, CHANNEL = "edits", "op_layer", "op_view", "op_channel"  # of the choices
NONE = "none"  # the text of no edits, where a visitor wants none; without a text there is an example
LONGEST = 3000  # letters of all edits
WAYS = {"mute": "Mute", "scale": "Scale", "set": "Replace by a number", "copy": "Replace by another channel"}
_SCORE, _SEARCH = "surgery_score", "surgery_search"  # slots of jobs
_WANTED = "_surgery_wanted_"
_BARS = 6  # classes that are shown at most
_ROWS = 10  # channels of a ranking that are shown
_AXIS = "layer, in the network's order"


def layers(card: zoo.Card) -> list[str]:
    """Names of the layers with channels or units.

    Raises:
        ConvvizError: there is none.
    """
    names = [layer.name for layer in card.layers if len(layer.output_shape) in (1, 3)]
    if not names:
        raise ConvvizError(f"{card.title} has no layer with channels; choose another network")
    return names


# --- the list of edits --------------------------------------------------------------------------------------------


def text_of(network: zoo.Reference) -> str:
    """The edits as the address has them; they belong to the network."""
    choices.belong(network, EDITS)
    return choices.area(
        "Edits as text, with semicolons between them", "", key=EDITS, longest=LONGEST,
        help="mute=layer:channel, scale=layer:channel:factor, set=layer:channel:number, copy=layer:channel:channel; "
        "one weight in place of a channel: row,column,kernel,filter; a channel's bias: b and its number, such as b5.",
    )  # fmt: skip


def reading(network: zoo.Reference, text: str) -> surgery.Reading:
    """What the text means; what cannot be done is said."""
    found = engine.compute(surgery.read, network, "" if text.strip() == NONE else text)
    for sentence in found.refused:
        ui.error(sentence)
    return found


def example(network: zoo.Reference, card: zoo.Card, picture: np.ndarray) -> str:
    """What the page opens with: the strongest channel of the last maps muted."""
    if card.explained_layer is None:
        return ""
    channel = engine.compute(activations.strongest, network, picture, card.explained_layer)
    return str(Edit("mute", card.explained_layer, (channel,)))


def listed(found: surgery.Reading, *, is_example: bool) -> None:
    """The edits in order, each with a way to undo it."""
    if is_example:
        st.caption("An example. Undo it, or add edits of your own.")
    for place, told in enumerate(found.told):
        with st.container(horizontal=True, vertical_alignment="center", key=f"edit_{place}"):
            st.markdown(words.safe(words.sentence(told), 300))
            st.button(
                "Undo", icon=":material/undo:", key=f"undo_{place}", on_click=keep, width="content",
                args=([*found.edits[:place], *found.edits[place + 1 :]],), type="tertiary",
            )  # fmt: skip
    if not found.edits:
        st.caption("No edits: the network is as it was trained.")
    elif len(found.edits) > 1:
        st.button("Undo all", icon=":material/restart_alt:", on_click=keep, args=([],), width="stretch")


def keep(edits: Sequence[Edit]) -> None:
    """From the next run on these are the edits."""
    choices.set_later(EDITS, surgery.written(edits) or NONE)


def made(network: zoo.Reference, card: zoo.Card, picture: np.ndarray, edits: Sequence[Edit]) -> None:
    """Choose a channel, a weight or a bias of a layer and what becomes of it."""
    names = layers(card)
    layer = choices.select("Layer", names, key=LAYER, default=card.explained_layer, help="Type to search.")
    choices.belong((network, layer), "op_of", "op_place", "op_row", "op_col", "op_input", "op_other")
    kind, shape = card.layer(layer).kind, card.layer(layer).output_shape
    parts = ["channel"]
    if kind in (*filters.KINDS, "Dense"):
        parts.append("weight")
    if engine.compute(surgery.has_bias, network, layer):
        parts.append("bias")
    of = choices.segments("Of it", parts, key="op_of", format_func=_OF.get) if len(parts) > 1 else "channel"
    if of == "weight":
        place = _weight(network, layer)
    elif of == "bias":
        place = (choices.number(f"Of channel (0 to {shape[-1] - 1})", 0, shape[-1] - 1, 0, key="op_place"),)
        _there(network, layer, place)
    else:
        strongest = engine.compute(activations.strongest, network, picture, layer) if len(shape) == 3 else 0
        what = "Channel" if len(shape) == 3 else "Unit"
        place = (choices.number(f"{what} (0 to {shape[-1] - 1})", 0, shape[-1] - 1, strongest, key="op_place"),)
    ways = [way for way in WAYS if way != "copy" or of == "channel"]
    way = choices.select("What is done", ways, key="op_way", format_func=WAYS.get)
    value = None
    if way == "scale":
        value = choices.number("Factor", -1000.0, 1000.0, 2.0, key="op_factor", step=0.5)
    elif way == "set":
        value = choices.number("Number", -1000.0, 1000.0, 1.0, key="op_number", step=0.1, format="%.4g")
    elif way == "copy":
        value = choices.number(f"By channel (0 to {shape[-1] - 1})", 0, shape[-1] - 1, 0, key="op_other")
    add(edits, Edit(way, layer, place, None if value is None else float(value), of == "bias"))


def a_weight(network: zoo.Reference, layer: str, place: tuple[int, int], channel: int, index: int) -> Edit:
    """Choose a weight of a shown kernel, by row and column, and its new value.

    Args:
        network: whose weight.
        layer: path of a convolution.
        place: (height, width) of the kernel.
        channel: of the layer's input.
        index: of the filter.

    Returns:
        The edit, not yet made.
    """
    at = []
    for column, title, side, key in zip(
        st.columns(2), ("Row", "Column"), place, ("kernel_row", "kernel_col"), strict=True
    ):
        with column:
            last = side - 1
            at.append(choices.number(f"{title} (0 to {last})", 0, last, last // 2, key=key) if last else 0)
    where = (*at, channel, index)
    now = engine.compute(surgery.weight, network, layer, where)
    choices.belong((network, layer, where), "kernel_value")
    default = float(f"{min(max(now, -1000.0), 1000.0):.6g}") if math.isfinite(now) else 0.0
    value = choices.number("New value", -1000.0, 1000.0, default, key="kernel_value", step=0.1, format="%.4g")
    st.caption(f"The network has {words.number(now)} there.")
    return Edit("set", layer, where, value)


def add(edits: Sequence[Edit], edit: Edit) -> None:
    """The button that makes one more edit."""
    full = len(edits) >= surgery.MOST
    st.button(
        "Add this edit", icon=":material/add:", on_click=keep, args=([*edits, edit],), width="stretch", type="primary",
        disabled=full, help=f"There are {surgery.MOST} edits, the most there can be; undo some." if full else None,
    )  # fmt: skip


_OF = {"channel": "A channel", "weight": "One weight", "bias": "A bias"}


def _weight(network: zoo.Reference, layer: str) -> tuple[int, ...]:
    """The place of a weight, and what stands there."""
    shape = engine.compute(surgery.shape_of, network, layer)
    titles = ("Row", "Column", "Kernel", "Filter") if len(shape) == 4 else ("Input", "Unit")
    keys = ("op_row", "op_col", "op_input", "op_place")[-len(shape) :]
    place = []
    columns = [column for _ in titles[::2] for column in st.columns(2)]
    for title, key, side, column in zip(titles, keys, shape, columns, strict=True):
        with column:
            chosen = choices.number(f"{title} (0 to {side - 1})", 0, side - 1, 0, key=key) if side > 1 else 0
        place.append(chosen)
    _there(network, layer, tuple(place))
    return tuple(place)


def _there(network: zoo.Reference, layer: str, place: tuple[int, ...]) -> None:
    """Say what stands at a place as the network has it."""
    st.caption(f"The network has {words.number(engine.compute(surgery.weight, network, layer, place))} there.")


# --- what the edits change ----------------------------------------------------------------------------------------


def looked_at(card: zoo.Card, edits: Sequence[Edit]) -> str:
    """The layer whose maps are shown: by default the first one with maps after all that was edited."""
    names = layers(card)
    last = max((names.index(edit.layer) for edit in edits), default=0)
    later = [name for name in names[last + 1 :] if card.layer(name).has_maps]
    edited = edits[-1].layer if edits else card.explained_layer
    return choices.select(
        "Feature maps of", names, key=VIEW, default=later[0] if later else edited,
        help="By default the first layer with maps after the edited ones.",
    )  # fmt: skip


def answers(outcome: surgery.Outcome, card: zoo.Card) -> None:
    """The probabilities before and after, side by side."""
    if not len(outcome.before):
        st.info(f"{words.safe(card.title)} does not end in classes, so there is no answer to compare.")
        return
    order = np.argsort(-np.maximum(outcome.before, outcome.after), kind="stable")[:_BARS]
    names = [card.class_names[one] for one in order]
    shares = [_known(one[order]) for one in (outcome.before, outcome.after)]
    charts.pairs("Probabilities", names, *shares, key="op_bars")


def _known(numbers: Sequence[float]) -> list[float | None]:
    """None, which is not drawn, for what is NaN or infinite."""
    return [float(one) if math.isfinite(one) else None for one in numbers]


def not_a_number(outcome: surgery.Outcome, network: zoo.Reference) -> None:
    """Where an answer or a layer is NaN or infinite, before the edits or after them, say why."""
    shown = (outcome.before, outcome.after, outcome.map_before, outcome.map_after)
    if all(np.isfinite(one).all() for one in shown) and not any(math.isnan(share) for _, share in outcome.changes):
        return
    told = engine.compute(zoo.no_number, network)
    st.warning(words.safe(words.sentence(told), 400), icon=":material/warning:")


def maps(outcome: surgery.Outcome) -> dict[str, np.ndarray]:
    """One map before, after, and the difference, on one scale; the pictures, for the page's foot."""
    before, after = outcome.map_before, outcome.map_after
    named = f"channel {outcome.channel} of {outcome.view}"
    if before.ndim == 1:
        st.markdown(
            f"Unit {outcome.channel} of **{words.safe(outcome.view)}**: {words.number(float(before[0]))} before, "
            f"{words.number(float(after[0]))} after."
        )
        return {}
    limit = max(map(ui.largest, (before, after)))
    signed = any(map(ui.is_signed, (before, after)))
    colours = rendering.signed if signed else rendering.magnitude
    with np.errstate(invalid="ignore"):  # infinity minus itself
        difference = after - before
    shown = {"before": colours(before, limit or None), "after": colours(after, limit or None)}
    shown["difference"] = rendering.signed(difference)
    titles = (f"Before: {words.safe(named)}", f"After: {words.safe(named)}", "Difference, after minus before")
    told = (f"{named} before", f"{named} after", f"Difference of {named}")
    limits = (limit, limit, ui.largest(difference))
    for column, name, title, alt, values, most in zip(
        st.columns(3), shown, titles, told, (before, after, difference), limits, strict=True
    ):
        with column:
            shown[name] = rendering.marked(shown[name], values)
            caption = f"{title}, {words.shape(values)}, {words.spread(values)}"
            ui.picture(shown[name], caption, words.map_alt(values, alt), at_least=300)
            if np.isfinite(values).any():
                ui.colour_bar("signed" if signed or name == "difference" else "viridis", most)
    return shown


def by_layer(outcome: surgery.Outcome) -> dict[str, Callable[[], bytes]]:
    """How far each layer's output is from what it was; the chart as a file, for the page's foot."""
    if len(outcome.changes) < 2:
        return {}
    shares = [share for _, share in outcome.changes]
    drawn = (
        "Change of each layer's output",
        list(range(1, len(shares) + 1)),
        {"change": (_known(shares), charts.TRAINING)},
    )
    charts.curves(*drawn, x_title=_AXIS, key="op_changes", marked=len(shares) <= 60)
    with st.expander("Every layer in a row", icon=":material/table_rows:"):
        rows = [{"Layer": words.cell(name), "Change": _told(share)} for name, share in outcome.changes]
        st.dataframe(rows, hide_index=True, height=min(420, 38 + 35 * len(rows)), width="stretch", key="op_layers")
        st.caption("Change: the size of the difference as a share of the larger of the outputs before and after.")
    return {"changes.png": functools.partial(charts.file, *drawn, x_title=_AXIS)}


def _told(share: float) -> str:
    """A change in a table."""
    if math.isnan(share):
        return "NaN or infinite"
    return words.share(share, fine=True) if share else "none"


def noticed(outcome: surgery.Outcome, card: zoo.Card, edits: Sequence[Edit]) -> list[str]:
    """What to notice about the edits that are shown."""
    if not edits:
        return ["Nothing is edited, so that before and after are the same."]
    lines = []
    if len(outcome.before):
        lines.append(_answer(outcome, card))
    changed = [name for name, share in outcome.changes if share != 0]
    if outcome.changes:
        rest = "; those before the first edit cannot" if len(changed) < len(outcome.changes) else ""
        lines.append(f"The outputs of {len(changed)} of the {len(outcome.changes)} layers compared differ{rest}.")
    if outcome.ranked:
        channel, share = outcome.ranked[0]
        how = "between numbers and NaN or infinity" if math.isnan(share) else f"by {words.share(share)} of its size"
        lines.append(f"In {words.safe(outcome.view)} channel {channel} changes most, {how}.")
    elif not changed:
        lines.append("Nothing changes at all on this picture: what was edited was silent here, or is as it was.")
    else:
        lines.append(f"{words.safe(outcome.view)} does not change.")
    return lines


def _answer(outcome: surgery.Outcome, card: zoo.Card) -> str:
    """How the answer changes, where it is one."""
    first, last = (
        words.safe(card.class_names[int(one.argmax())]) if np.isfinite(one).all() else ""
        for one in (outcome.before, outcome.after)
    )
    if not first and not last:
        return "The answer is NaN or infinite, before the edits and after them."
    if not first:
        chance = words.share(float(outcome.after.max()))
        return f"The answer is NaN or infinite before the edits; after them it is {last}, with {chance}."
    top = int(outcome.before.argmax())
    if not last:
        chance = words.share(float(outcome.before[top]))
        return f"The answer is {first} with {chance} before the edits; after them it is NaN or infinite."
    now = words.change(float(outcome.before[top]), float(outcome.after[top]))
    if top == int(outcome.after.argmax()):
        return f"The answer stays {first}; its probability {now}."
    return f"The answer changes from {first} to {last}: {first} {now}."


def touches(edits: Sequence[Edit], layer: zoo.LayerCard, index: int) -> bool:
    """Whether an edit is of this filter, so that its map is the one to look at; if not, which map is shown is said."""
    if layer.kind == "SeparableConv2D":
        return False  # each of its maps mixes what all its kernels give
    if any(edit.layer == layer.name and edit.place[-1] == index for edit in edits if edit.what != "copy"):
        return True
    st.caption(f"No edit is of filter {index}. Shown is the map of this layer that changes most, if one does.")
    return False


def go_on() -> None:
    """From the edits of a kernel to the page that takes them farther."""
    if st.button("Take these edits to Knock-out", icon=":material/healing:", width="stretch"):
        st.switch_page("pages/inside/knock_out.py", query_params={EDITS: st.session_state[EDITS]})


# --- the two jobs -------------------------------------------------------------------------------------------------


def _begin(slot: str, function: Callable, *arguments: Any) -> None:
    """Start a job unless it is the one that runs or has ended."""
    wanted = tuple(ui.digest(one) if isinstance(one, np.ndarray) else one for one in arguments)
    if st.session_state.get(_WANTED + slot) != wanted or engine.job(slot) is None:
        engine.start(slot, function, *arguments)
        st.session_state[_WANTED + slot] = wanted


def _progress(job: Job, what: str, slot: str) -> None:
    """How far a job is, with a way to stop it."""
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    now = job.latest
    if job.ended:
        if job.state == "stopped" and now is not None and now.done < now.total:
            st.caption(f"Stopped after {now.done:,} of {now.total:,} {what}.")
        return
    state, stop = st.columns([4, 1], vertical_alignment="bottom")
    share = now.done / now.total if now is not None else 0.0
    state.progress(share, f"{now.done:,} of {now.total:,} {what}" if now is not None else "The worker prepares")
    stop.button("Stop", icon=":material/stop:", on_click=job.stop, key=f"stop_{slot}", width="stretch")


def score(network: zoo.Reference, card: zoo.Card, edits: Sequence[Edit]) -> None:
    """Accuracy by class on a data set with the network's classes, before and after."""
    fit = engine.compute(surgery.fitting, network)
    if not fit:
        st.info(f"No data set on this machine has exactly the classes of {words.safe(card.title)}.")
        return
    choices.belong(network, "op_data")
    dataset = choices.select("Data set", list(fit), key="op_data") if len(fit) > 1 else fit[0]
    if not choices.toggle(f"Test both networks on {dataset}", key="op_score"):
        engine.clear(_SCORE)
        return
    _begin(_SCORE, surgery.score, network, dataset, tuple(edits))
    engine.live(functools.partial(_scored, dataset), _SCORE)


def _scored(dataset: str) -> None:
    job = engine.job(_SCORE)
    if job is None:
        return
    _progress(job, "pictures", _SCORE)
    now = job.latest
    if now is None:
        return
    seen = np.maximum(now.pictures, 1)
    shares = [
        [float(one) if count else None for one, count in zip(right / seen, now.pictures, strict=True)]
        for right in (now.before, now.after)
    ]
    charts.pairs("Accuracy by class", now.class_names, *shares, key="op_accuracy")
    before, after = (int(one.sum()) for one in (now.before, now.after))
    st.markdown(
        f"Of {now.done:,} test pictures of {dataset} the network gets {before:,} right "
        f"({words.percent(before / now.done)}), edited {after:,} ({words.percent(after / now.done)}); it takes "
        f"{now.moved:,} for another class than before."
    )


def search(
    network: zoo.Reference, card: zoo.Card, picture: np.ndarray, outcome: surgery.Outcome, edits: Sequence[Edit]
) -> None:
    """Which channel of a layer matters most for a class of this picture."""
    if not len(outcome.before):
        return
    choices.belong(network, "op_target", "op_search_layer")
    left, right = st.columns(2)
    top = int(outcome.before.argmax())
    with left:
        target = choices.select(
            "For the class", ["top", *map(str, range(len(card.class_names)))], key="op_target",
            format_func=lambda one: f"Top: {card.class_names[top]}" if one == "top" else card.class_names[int(one)],
        )  # fmt: skip
    with right:
        layer = choices.select(
            "Among the channels of", layers(card), key="op_search_layer", default=card.explained_layer
        )
    count = card.layer(layer).output_shape[-1]
    if not choices.toggle(f"Mute each of its {count:,} channels in turn", key="op_search"):
        engine.clear(_SEARCH)
        return
    index = top if target == "top" else int(target)
    _begin(_SEARCH, surgery.search, network, picture, layer, index)
    engine.live(functools.partial(_found, card, tuple(edits)), _SEARCH)


def _found(card: zoo.Card, edits: tuple[Edit, ...]) -> None:
    job = engine.job(_SEARCH)
    if job is None:
        return
    _progress(job, "channels", _SEARCH)
    now = job.latest
    if now is None:
        return
    if not math.isfinite(now.probability):
        if job.ended:
            st.markdown(
                "The answer with all channels is NaN or infinite, so no channel can be said to lower or raise it."
            )
        return
    order = now.order()
    rows = [
        {
            "Channel": str(one),
            "The logit falls by": words.number(float(now.drops[one])),
            "The probability goes to": words.percent(now.probability - float(now.falls[one])),
        }
        for one in order[:_ROWS].tolist()
    ]
    st.table(rows)
    named, best = words.safe(card.class_names[now.target]), int(order[0])
    helping = int((now.drops > 0).sum())
    st.markdown(
        f"Of {now.done:,} channels of {words.safe(now.layer)} muted one by one, {helping:,} lower the logit of "
        f"{named} (probability {words.percent(now.probability)} with all of them)."
    )
    if job.ended and now.drops[best] > 0:
        st.button(
            f"Mute channel {best} of {words.safe(now.layer)}", icon=":material/add:", key="mute_best",
            on_click=keep, args=([*edits, Edit("mute", now.layer, (best,))],),
        )  # fmt: skip
