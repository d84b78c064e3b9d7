"""Choosing the network that is to be trained: a known one, or one's own, layer by layer, with a kernel of one's own."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from convviz import ConvvizError, architectures, datasets, matrices
from pages.shared import choices, rows, ui, words

CUSTOM = "custom"
KERNEL, FROZEN = "own_kernel", "own_kernel_frozen"  # keys, for the pages that hand a kernel over
_GOOD = "_good_network"
_FRESH = "_network_grid"  # counts the edits that came to nothing, after which the grid is drawn anew
_LARGE = 5  # above it a kernel's weights are handed over divided by the largest
_LONGEST = 900  # letters of all layers, as they stand in the address
_NEW = architectures.Layer("conv", padding="same")
_TO_A_ROW = ("flatten", "global_average", "global_max", "dense")  # what comes out of them is a row of numbers
_KINDS = {
    "conv": "Convolution",
    "max": "Max pooling",
    "average": "Average pooling",
    "global_average": "Global average",
    "global_max": "Global maximum",
    "flatten": "Flatten",
    "dense": "Dense",
    "dropout": "Dropout",
    "batch_norm": "Batch normalization",
}
_ENDINGS = {"softmax": "A unit for each class (softmax)", "sigmoid": "One unit (sigmoid)"}


def network(outline: datasets.Outline) -> architectures.Architecture:
    """Choose a network for pictures of that shape and these classes; whether it fits is for its `fault` to say."""
    names = [*architectures.PRESETS, CUSTOM]
    fitting = architectures.fitting(outline.shape, len(outline.class_names)).name
    name = choices.select("Network", names, key="net", default=fitting, format_func=_title)
    two = len(outline.class_names) == 2
    ending = "softmax" if name == CUSTOM or not two else architectures.PRESETS[name].ending
    with st.expander("Last layer and first kernel"):
        if two:
            choices.belong(name, "ending")
            ending = choices.select(
                "Last layer", list(_ENDINGS), key="ending", default=ending, format_func=_ENDINGS.get
            )
        transplant, refusal = _transplant()
    if refusal:  # not in the expander, which may be closed
        ui.error(refusal)
        st.caption("The network is made without the kernel meanwhile.")
    layers = _custom() if name == CUSTOM else architectures.PRESETS[name].layers
    return architectures.Architecture(
        outline.shape, layers, len(outline.class_names), ending, "network" if name == CUSTOM else name, transplant
    )


def usual(chosen: architectures.Architecture) -> architectures.Preset:
    """The known network as which one is trained first: itself, or the one for pictures of its shape."""
    known = chosen.name if chosen.name in architectures.PRESETS else architectures.fitting(chosen.input_shape, 2).name
    return architectures.PRESETS[known]


def editor(chosen: architectures.Architecture) -> None:
    """The network layer by layer, every number to be changed; what it takes, and what is wrong with it."""
    told = f": {chosen.parameters:,} parameters" if not chosen.fault() else ""
    ui.section(f"The network{told}")
    _summary(chosen)
    if fault := chosen.fault():
        ui.error(fault)
    custom = chosen.name not in architectures.PRESETS
    with st.expander("Change the layers", icon=":material/edit:", expanded=custom):
        _grid(chosen)
        made = rows.rearranged(
            chosen.layers, _new_behind, key="_net", told=lambda one: _KINDS[one.kind], room=architectures,
            most=architectures.MOST_LAYERS, first=_last_of_maps(chosen.layers),
        )  # fmt: skip
        if made is not None:
            _adopt(made)
    if not chosen.fault() and (told := planted(chosen)):
        st.caption(told)


def planted(chosen: object, *, drawn: bool = False) -> str:
    """What is said of a network that has a kernel of the visitor's own; nothing of any other.

    drawn: whether its kernels are seen beside it.
    """
    kernel = getattr(chosen, "transplant", None)
    if kernel is None:
        return ""
    height, width = kernel.size
    held = "stays as it is" if kernel.frozen else "learns like the others"
    return f"{filter_0(drawn)} begins as your kernel of {height} × {width} cells and {held}."


def filter_0(drawn: bool) -> str:
    """The filter that the visitor's kernel becomes, in words; where it lies if the kernels are drawn beside them."""
    return f"Filter 0 of the first convolution{', at the top left,' if drawn else ''}"


def hand_over(weights: np.ndarray, *, flip: bool = False) -> None:
    """A button: this kernel becomes filter 0 of the first layer of a network on the page Training.

    Args:
        weights: (kh, kw); nothing is offered for a filter over channels.
        flip: whether the page slides it turned by half a turn, which a network does not.
    """
    if weights.ndim != 2 or max(weights.shape) > architectures.layers.LARGEST_SIZE:
        return
    if not st.button(
        "Use this kernel in a network", icon=":material/show_chart:", width="stretch", key="kernel_hand_over",
        help="It becomes filter 0 of the first layer on the page Training, frozen or free. Weights larger than "
        f"{_LARGE} are divided by the largest of them, or its answers would drown those of its neighbours.",
    ):  # fmt: skip
        return
    largest = float(np.abs(weights).max())
    given = weights / largest if largest > _LARGE else weights
    choices.set_later(KERNEL, matrices.text(given[::-1, ::-1] if flip else given))
    choices.forget_later("begin_with")  # a network that goes on learning takes no kernel
    opening = architectures.PRESETS["mnist"].layers
    if (size := max(weights.shape)) > opening[0].size:  # a window that it fits into
        choices.set_later("net", CUSTOM)
        choices.set_later("layers", architectures.text((replace(opening[0], size=size), *opening[1:])))
    else:
        choices.forget_later("net")
    st.switch_page("pages/learning/training.py")


def title(chosen: architectures.Architecture | architectures.Transfer | str) -> str:
    """A network's name in a sentence."""
    if isinstance(chosen, str):
        return chosen
    return _title(chosen.name) if chosen.name in architectures.PRESETS else "Your own layers"


def _title(name: str) -> str:
    return "Custom, layer by layer" if name == CUSTOM else architectures.PRESETS[name].title


def _custom() -> architectures.Layers:
    """The layers that stand in the address."""
    opening = architectures.PRESETS["tiny"].text
    written = choices.area("Layers, apart by ;", opening, key="layers", longest=_LONGEST, height=100)
    try:
        layers = architectures.parse(written)
        st.session_state[_GOOD] = written
    except ConvvizError as refusal:
        ui.error(str(refusal))
        ui.older("network", "" if _GOOD in st.session_state else f"“{_title('tiny')}”")
        layers = architectures.parse(st.session_state.get(_GOOD, opening))
    return layers


def _transplant() -> tuple[architectures.Transplant | None, str]:
    """A kernel for the first layer, as text; and why it cannot be read."""
    written = choices.text(
        "Kernel for filter 0 of the first convolution", "", key=KERNEL, placeholder="1 0 -1; 2 0 -2; 1 0 -1",
        help="Cells apart by spaces, rows by semicolons. The page Convolution hands its kernel over by a button.",
    )  # fmt: skip
    if not written.strip():
        return None, ""
    frozen = choices.toggle("Frozen", True, key=FROZEN, help="Training leaves it as it is, and its bias at 0")
    try:
        return architectures.Transplant.parse(written, frozen=frozen), ""
    except ConvvizError as refusal:
        return None, str(refusal)


def _last_of_maps(layers: architectures.Layers) -> int:
    """The number, from 1, of the last layer that gives maps; 1 where none does."""
    return max(1, next((number for number, one in enumerate(layers) if one.kind in _TO_A_ROW), len(layers)))


def _new_behind(before: architectures.Layers) -> architectures.Layer:
    """What fits behind these layers: a convolution as long as there are maps, a dense layer after them."""
    return architectures.Layer("dense") if any(one.kind in _TO_A_ROW for one in before) else _NEW


# --- the grid -----------------------------------------------------------------------------------------------------


def _summary(chosen: architectures.Architecture) -> None:
    """Every layer with what it gives and its parameters as a formula, the last one, too."""
    lines = []
    for layer, row in zip((*chosen.layers, chosen.last), chosen.rows(), strict=True):
        unknown = "does not fit" if row.fault else "unknown"
        lines.append(
            {
                "Layer": f"{words.safe(row.name)}: {_told(layer)}",
                "Output": " × ".join(map(str, row.output_shape)) or unknown,
                "Parameters": row.formula or ("0" if row.output_shape else ""),
            }
        )
    st.table(lines)


def _told(layer: architectures.Layer) -> str:
    """One layer in words."""
    window = f"{layer.size} × {layer.size}"
    stride = f", stride {layer.step}" if layer.step != (1 if layer.kind == "conv" else layer.size) else ""
    padding = f", {layer.padding}" if layer.padding != "valid" else ""
    return {
        "conv": f"{words.count(layer.filters, 'filter')} of {window}{stride}{padding}, {layer.activation}",
        "max": f"maximum of {window}{stride}{padding}",
        "average": f"average of {window}{stride}{padding}",
        "dense": f"{words.count(layer.units, 'unit')}, {layer.activation}",
        "flatten": "all in one row",
        "dropout": f"leaves out {layer.rate:.0%} while training",
    }.get(layer.kind, _KINDS.get(layer.kind, "unknown").lower())


def _grid(chosen: architectures.Architecture) -> None:
    """The layers, but for the last one, to edit."""
    table = pd.DataFrame([_cells(layer) for layer in chosen.layers], columns=list(_cells(_NEW)))
    table.index = pd.RangeIndex(1, len(table) + 1)
    table = table.astype({"Number": "Int64", "Size": "Int64", "Stride": "Int64"})
    columns = st.column_config
    edited = st.data_editor(
        table,
        key=f"_net_grid_{_digest(chosen)}_{st.session_state.get(_FRESH, 0)}",
        width="stretch",
        placeholder="",  # what a kind of layer does not have is empty and not "None"
        column_config={
            "_index": columns.NumberColumn(width=30),
            "Kind": columns.SelectboxColumn(options=list(_KINDS.values()), required=True, width=170),
            "Number": columns.NumberColumn(
                min_value=1, max_value=architectures.layers.MOST_UNITS, step=1, help="Filters or units", width=95
            ),
            "Size": columns.NumberColumn(
                min_value=1, max_value=architectures.layers.LARGEST_SIZE, step=1, width=75,
                help="Side of the window, pixels",
            ),
            "Stride": columns.NumberColumn(
                min_value=1, max_value=architectures.layers.LARGEST_STRIDE, step=1, width=85, help="Pixels"
            ),
            "Padding": columns.SelectboxColumn(options=list(architectures.layers.PADDINGS), width=100),
            "Activation": columns.SelectboxColumn(options=list(architectures.ACTIVATIONS), width=115),
            "Rate": columns.NumberColumn(
                min_value=0.0, max_value=architectures.layers.LARGEST_RATE, step=0.05, width=75,
                help="Share that a dropout leaves out",
            ),
        },
    )  # fmt: skip
    st.caption("The last layer is always there: a unit for each class, or one for two classes.")
    made = tuple(_layer(cells, old) for cells, old in zip(edited.to_dict("records"), chosen.layers, strict=True))
    if made != chosen.layers:
        _adopt(made)
    elif not edited.equals(table):  # a number that this kind does not have
        st.session_state[_FRESH] = st.session_state.get(_FRESH, 0) + 1
        st.rerun()


def _cells(layer: architectures.Layer) -> dict[str, object]:
    """One layer as a line of the grid; what its kind does not have is empty."""
    windowed = layer.kind in ("conv", "max", "average")
    return {
        "Kind": _KINDS.get(layer.kind, layer.kind),
        "Number": {"conv": layer.filters, "dense": layer.units}.get(layer.kind, pd.NA),
        "Size": layer.size if windowed else pd.NA,
        "Stride": layer.step if windowed else pd.NA,
        "Padding": layer.padding if windowed else None,
        "Activation": layer.activation if layer.kind in ("conv", "dense") else None,
        "Rate": layer.rate if layer.kind == "dropout" else None,
    }


def _layer(cells: dict, old: architectures.Layer) -> architectures.Layer:
    """A line of the grid as a layer; what is empty, or belonged to another kind, is as it is by default."""
    kind = next((kind for kind, name in _KINDS.items() if name == cells["Kind"]), "conv")
    new, known = architectures.Layer(kind), {name: None if pd.isna(one) else one for name, one in cells.items()}
    if kind != old.kind:
        known |= {"Size": None, "Stride": None, "Padding": None}
    windowed = kind in ("conv", "max", "average")
    size = _whole(known["Size"], new.size if kind == "conv" else 2) if windowed else new.size
    stride = _whole(known["Stride"], 0) if windowed else 0
    usual = 1 if kind == "conv" else size
    return replace(
        new,
        filters=_whole(known["Number"], new.filters) if kind == "conv" else new.filters,
        units=_whole(known["Number"], new.units) if kind == "dense" else new.units,
        size=size,
        stride=0 if stride == usual else stride,
        padding=(known["Padding"] or new.padding) if windowed else new.padding,
        activation=(known["Activation"] or new.activation) if kind in ("conv", "dense") else new.activation,
        rate=float(known["Rate"]) if kind == "dropout" and known["Rate"] is not None else new.rate,
    )


def _whole(number: float | None, otherwise: int) -> int:
    """A cell's number, which may be 0, or another where the cell is empty."""
    return otherwise if number is None else int(number)


def _adopt(layers: architectures.Layers) -> None:
    """Go on with these layers, whether they fit one another or not: what does not is said."""
    choices.set_later("net", CUSTOM)
    choices.set_later("layers", architectures.text(layers))
    st.rerun()


def _digest(chosen: architectures.Architecture) -> str:
    told = f"{chosen} {chosen.input_shape} {chosen.class_count} {chosen.ending}"
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()
