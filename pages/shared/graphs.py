"""The layer graph on a page: drawn and zoomed in the browser, a click chooses a layer or opens a part."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from convviz import filters, graph, rendering, zoo
from convviz.graph import drawing
from pages.shared import choices, components, words

LAYER, OPENED = "node", "opened"  # keys of the choices
_GOES_ON = (  # page, what it shows, key of its layer, icon, which layers it takes
    ("inside/feature_maps", "Feature maps", "maps_layer", ":material/view_module:", "maps"),
    ("inside/kernels", "Kernels", "kernel_layer", ":material/apps:", "kernels"),
    ("inside/microscope", "Microscope", "cell_layer", ":material/biotech:", "channels"),
    ("inside/knock_out", "Knock-out", "op_layer", ":material/healing:", "channels"),
    ("inside/filter_patterns", "Filter patterns", "pattern_layer", ":material/texture:", "convolutions"),
    ("explaining/grad_cam", "Grad-CAM", "cam_layer", ":material/visibility:", "maps"),
)
_IN_A_ROW = 3

_component = components.declared("graph")


def opened(found: graph.Graph, typed: str, everything: bool) -> tuple[str, ...]:
    """The parts that are open: all, or those that were named."""
    named = {part.strip() for part in typed.split(",")}
    return tuple(part for part in graph.groups(found) if everything or part in named)


def seen(view: graph.View, found: graph.Graph, name: str) -> str:
    """The node in view that shows a layer: itself, or the closed part that it lies in."""
    if any(node.name == name for node in view.nodes):
        return name
    parts = found.node(name).within
    paths = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    return next((path for path in paths if path in view.counts), "")


def board(view: graph.View, layout: graph.Layout, chosen: str, *, key: str) -> None:
    """The drawing; what is clicked becomes the choice, or opens or closes a part."""
    nodes = [
        {
            **dict(zip("xywh", layout.boxes[node.name], strict=True)),
            **dict(zip(("title", "below"), drawing.lines_of(node, view.counts.get(node.name, 0)), strict=True)),
            "id": node.name,
            "family": drawing.family(node.kind),
            "round": 20 if node.kind in ("Input", "Output") else 6,
            "said": _said(node, view.counts.get(node.name, 0)),
        }
        for node in view.nodes
    ]
    edges = [
        {
            "path": drawing.smooth(points),
            "end": points[-1],
            "label": drawing.label_place(points),
            "shape": drawing.shape_words(edge.shape),
            "source": edge.source,
            "target": edge.target,
        }
        for edge, points in zip(view.edges, layout.lines, strict=True)
    ]
    frames = [
        {**dict(zip("xywh", box, strict=True)), "id": part, "title": f"{drawing.shortened(part, 50)} (click to close)"}
        for part, box in layout.frames.items()
    ]
    data = {
        "nodes": nodes, "edges": edges, "frames": frames, "chosen": chosen, "alt": f"{len(nodes)} layers and parts",
        "width": layout.size[0], "height": layout.size[1],
    }  # fmt: skip
    _component(key=key, data=data, on_picked_change=lambda: _picked(view, key))


def svg_file(view: graph.View, layout: graph.Layout, chosen: str) -> bytes:
    """The drawing as a file."""
    return graph.svg(view, layout, chosen=chosen).encode()


def png_file(view: graph.View, layout: graph.Layout, chosen: str) -> bytes:
    """The drawing as a picture."""
    return rendering.png(graph.picture(view, layout, chosen=chosen), level=6)


def _said(node: graph.Node, count: int) -> str:
    """A node in words, for its tooltip and for those who cannot see it."""
    what = f"part of {count} layers, closed" if count else node.kind
    return f"{node.name}, {what}, output {drawing.shape_words(node.output_shape)}, {node.parameters:,} parameters"


def _picked(view: graph.View, key: str) -> None:
    """What was clicked: a layer, a closed part, or the title of an open one."""
    name = (st.session_state.get(key) or {}).get("picked")
    if name in view.counts or name in view.opened:
        kept = [part for part in view.opened if part != name] + ([name] if name in view.counts else [])
        choices.set_later(OPENED, ", ".join(kept))
        choices.set_later("all_parts", False)
    elif any(node.name == name for node in view.nodes):
        choices.set_later(LAYER, name)


def details(node: graph.Node, found: graph.Graph, card: zoo.Card) -> None:
    """One layer in numbers, each with how it is counted."""
    given = [drawing.shape_words(edge.shape) for edge in found.edges if edge.target == node.name]
    st.markdown(f"**{words.safe(node.name)}** · {words.safe(node.kind)}")
    into = f"{' and '.join(given[:4])}{' and more' if len(given) > 4 else ''} → " if given else ""
    lines = [f"Shape: {into}{drawing.shape_words(node.output_shape)}"]
    if node.layer:
        sides = "·".join("?" if side < 0 else str(side) for side in node.output_shape)
        work = node.work or ("not counted for this kind of layer" if node.multiply_adds is None else "none")
        lines += [
            f"Parameters: {node.formula or 'none'}",
            f"Multiply-adds for one picture: {work}",
            f"Memory of the output: {sides} · {_bytes(node)} bytes = {size(node.memory)}",
            _field(node, card),
        ]
    st.markdown("\n".join(f"- {line}" for line in lines))


def _bytes(node: graph.Node) -> int:
    """That one number of an output takes."""
    return node.memory // max(math.prod(max(side, 0) for side in node.output_shape), 1) or 4


def _field(node: graph.Node, card: zoo.Card) -> str:
    """What one unit sees of the picture."""
    if node.field is None or node.field_stride is None:
        return "Receptive field: not known for this layer"
    height, width = node.field
    steps = " and ".join(f"{step:g}" for step in dict.fromkeys(node.field_stride))
    whole = height >= card.input_shape[0] and width >= card.input_shape[1]
    moves = (
        "the same for every unit"
        if not any(node.field_stride)
        else f"{steps} {'pixel' if steps == '1' else 'pixels'} farther for the next unit"
    )
    return f"Receptive field: {height} × {width} pixels{', the whole picture' if whole else ''}, {moves}"


def size(count: int) -> str:
    """Bytes in words."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_:
            return f"{count / bytes_:.3g} {unit}"
    return f"{count} bytes"


def go_on(node: graph.Node, card: zoo.Card) -> None:
    """From the chosen layer to the pages that look into it."""
    names = [layer.name for layer in card.map_layers()]
    takes = {
        "maps": node.layer in names,
        "convolutions": node.layer in names and "Conv" in node.kind,
        "kernels": node.kind in filters.KINDS,
        "channels": node.layer in [one.name for one in card.layers if len(one.output_shape) in (1, 3)],
    }
    ways = [way for way in _GOES_ON if takes[way[4]]]
    if not ways:
        return
    st.caption(f"{words.safe(node.name)} on other pages")
    for start in range(0, len(ways), _IN_A_ROW):
        for column, (page, title, key, icon, _) in zip(
            st.columns(_IN_A_ROW), ways[start : start + _IN_A_ROW], strict=False
        ):
            if column.button(title, icon=icon, key=f"to_{key}", width="stretch"):
                first = str(names.index(node.layer) + 1) if node.layer in names else "1"
                more = {"from_layer": first, "maps_view": "one"} if key == "maps_layer" else {}
                st.switch_page(f"pages/{page}.py", query_params={key: node.layer, **more})


def table(found: graph.Graph) -> None:
    """Every layer in a row, to be sorted and searched."""
    rows = [
        {
            "Layer": words.cell(node.name),
            "Kind": node.kind,
            "Output": drawing.shape_words(node.output_shape),
            "Parameters": node.parameters,
            "Multiply-adds": node.multiply_adds,
            "Output, bytes": node.memory,
            "Receptive field": " × ".join(map(str, node.field)) if node.field else "",
        }
        for node in found.nodes
        if node.layer
    ]
    st.dataframe(
        rows, hide_index=True, height=min(420, 38 + 35 * len(rows)), width="stretch", key="layer_table",
        placeholder="not counted",
    )  # fmt: skip


def noticed(found: graph.Graph) -> Sequence[str]:
    """What to notice: where the parameters, the work and the memory lie."""
    layers = [node for node in found.nodes if node.layer]
    heavy = max(layers, key=lambda node: node.parameters)
    busy = max(layers, key=lambda node: node.multiply_adds or 0)
    wide = max(layers, key=lambda node: node.memory)
    parameters, work = max(found.parameters, 1), max(found.multiply_adds, 1)
    return [
        f"{words.safe(heavy.name)} holds {heavy.parameters / parameters:.0%} of the {found.parameters:,} parameters; "
        f"{words.safe(busy.name)} does {(busy.multiply_adds or 0) / work:.0%} of the {found.multiply_adds:,} "
        "multiply-adds for one picture.",
        f"The largest output is that of {words.safe(wide.name)}: {size(wide.memory)} of the "
        f"{size(found.memory)} that all layers make.",
        "A convolution's parameters do not depend on the size of the picture, its multiply-adds do.",
    ]
