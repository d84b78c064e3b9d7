"""Each kind of convolution on the page of that name: its choices, its pictures, what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, checking, convolution, images, kernels, kinds, recipes, rendering
from pages.shared import choices, engine, explorer, kernel_picker, pickers, ui, words

TITLES = {
    "dilated": "Dilated",
    "transposed": "Transposed",
    "grouped": "Grouped",
    "depthwise": "Depthwise",
    "pointwise": "Pointwise",
    "separable": "Separable",
}
ABOUT = {
    "dilated": "The kernel's cells stand apart, with gaps between them: it looks farther and costs the same.",
    "transposed": "Every input pixel lays down the kernel, times its value, one stride apart: the map becomes larger.",
    "grouped": "The channels are cut into groups; each output channel sees the channels of its own group only.",
    "depthwise": "Every channel has a kernel of its own, and nothing is summed over channels.",
    "pointwise": "A kernel of 1 × 1: every pixel's channels are mixed anew, and no neighbour is looked at.",
    "separable": "Depthwise first, then pointwise: neighbours and channels one after the other.",
}
_SHARES = "1 -1 0; 0 0 1"  # a mix of one's own at first
_TYPED, _GOOD_SHARES = "kinds_shares", "_kinds_good_shares"  # where it is typed, and the last one that was read
COLOURS = ("red", "green", "blue")
CHANNELS = 12  # of the map that goes into a grouped layer
_GROUPED_SIDE = 96  # pixels of the longer side of that map
_STAMPS = {"flat": "All cells alike", "tent": "A tent, high in the middle", "random": "Random, not learned yet"}


@dataclass(frozen=True)
class View:
    """One kind as it is shown.

    Attributes:
        noticed: what to notice.
        source: where it is from.
        code: the program.
        check: asks Keras.
        shown: name -> picture that is on the screen, to save.
        layer: what `kinds.count` is to count: shape, filters, kernel and what else differs.
    """

    noticed: list[str]
    source: str
    code: str
    check: Callable[[], str]
    shown: Mapping[str, np.ndarray]
    layer: dict[str, Any]
    others: dict[str, Any] = field(default_factory=dict)  # of the layer that all kinds are counted for


def view(kind: str, picture: pickers.Picture, controls: Any, result: Any) -> View:
    """Draw one kind: its choices into one column, its pictures into the other."""
    return _VIEWS[kind](picture, controls, result)


def _signed(values: np.ndarray, title: str, alt: str) -> np.ndarray:
    """A feature map in colours with its caption and colour bar; the picture that was drawn."""
    limit = ui.limit_of(values)
    low, high = float(values.min()), float(values.max())
    drawn = rendering.signed(values, limit)
    caption = f"{title}, {words.shape(values)}, values {words.numbers(low, high)}"
    ui.picture(drawn, caption, f"{alt}: values {words.numbers(low, high)}, mean {values.mean():.3g}", at_least=300)
    ui.colour_bar("signed", limit, beyond=limit < max(-low, high))
    return drawn


def _input(array: np.ndarray, picture: pickers.Picture, what: str = "") -> None:
    """The picture that goes in."""
    caption = f"{picture.caption}{what}, {words.shape(array)}, values {words.numbers(array.min(), array.max())}"
    ui.picture(array, caption, picture.alt, at_least=300)


def _asked(function: Callable, *arguments: Any, **options: Any) -> Callable[[], str]:
    """A check that a worker makes when it is asked for."""
    return lambda: str(engine.compute(function, *arguments, **options))


# --- the kinds ----------------------------------------------------------------------------------------------------


def _dilated(picture: pickers.Picture, controls: Any, result: Any) -> View:
    grey = images.grey(picture.array)
    with controls:
        dilation = choices.slider("Dilation (pixels from cell to cell)", 1, 12, 4, key="kinds_dilation")
        name, kernel = kernel_picker.kernel("kinds_")
    near, far = (
        ui.cached(convolution.convolve)(grey, kernel.weights, padding="same", dilation=apart) for apart in (1, dilation)
    )
    sides = kernel.weights.shape
    reach = tuple(dilation * (side - 1) + 1 for side in sides)
    with result:
        kernel_picker.still("kinds_")
        left, middle, right = st.columns(3)
        with left:
            _input(grey, picture)
        with middle:
            shown_near = _signed(near, "Dilation 1", f"The picture under {name}")
        with right:
            shown_far = _signed(far, f"Dilation {dilation}", f"The picture under {name}, its cells {dilation} apart")
        explorer.explorer(
            "convolution", grey, kernel.weights, far, key="kinds_cells_dilated",
            settings={"padding": "same", "dilation": dilation}, labels={"result": f"Dilation {dilation}"},
        )  # fmt: skip
    cells = sides[0] * sides[1]
    noticed = [
        f"With dilation {dilation} the kernel's {cells} cells span {reach[0]} × {reach[1]} pixels instead of "
        f"{sides[0]} × {sides[1]}, and cost the same {cells} multiplications at every place.",
        f"It looks at {cells / (reach[0] * reach[1]):.0%} of the pixels within its reach; the answer's mean magnitude "
        f"is {np.abs(far).mean():.3g}, with dilation 1 it is {np.abs(near).mean():.3g}.",
        *_beyond(grey.shape, sides, dilation),
    ]
    return View(
        noticed, "Yu & Koltun 2016, Multi-scale context aggregation by dilated convolutions, arXiv:1511.07122",
        recipes.kinds.kind("dilated", picture.name, kernel=kernel.weights, dilation=dilation),
        _asked(checking.convolve, grey, kernel.weights, padding="same", dilation=dilation),
        {"dilation_1.png": shown_near, f"dilation_{dilation}.png": shown_far},
        {"shape": (*grey.shape, 1), "filters": 1, "kernel": sides, "dilation": dilation},
        {"kernel": sides, "dilation": dilation},
    )  # fmt: skip


def _beyond(size: tuple[int, int], kernel: tuple[int, int], dilation: int) -> list[str]:
    """How many of the kernel's cells lie beside the picture wherever it stands; nothing where none does."""
    seeing = 1
    for side, taps in zip(size, kernel, strict=True):
        before, _ = convolution.padding_amounts(side, taps, padding="same", dilation=dilation)
        seeing *= sum(abs(tap * dilation - before) < side for tap in range(taps))
    cells = kernel[0] * kernel[1]
    if seeing == cells:
        return []
    return [
        f"The picture is {size[0]} × {size[1]}: so far apart, {cells - seeing} of the {cells} cells lie in the padding "
        "at every place and count nothing."
    ]


def _transposed(picture: pickers.Picture, controls: Any, result: Any) -> View:
    with controls:
        size = choices.slider("Kernel size (pixels)", 1, 9, 3, key="kinds_size")
        stride = choices.slider("Stride (pixels)", 1, 4, 2, key="kinds_stride")
        name = choices.select(
            "Kernel that is laid down", kinds.STAMPS, key="kinds_stamp", default="flat", format_func=_STAMPS.get
        )
        side = choices.slider("Input, longer side (pixels)", 8, 96, 40, key="kinds_side")
        way = choices.segments("Cure: enlarge first, by", kinds.ENLARGEMENTS, key="kinds_enlarge")
    small = images.grey(images.limit(picture.array, side))
    stamp = kinds.stamp(name, size, stride=stride)
    made = ui.cached(convolution.transpose)(small, stamp, stride=stride, padding="same")
    cured = ui.cached(kinds.enlarge_then_convolve)(small, stamp / stride**2, factor=stride, interpolation=way)
    counts = kinds.overlaps(small.shape, size, stride)
    boards = [kinds.checkerboard(one, stride, margin=size) for one in (made, cured)]
    told, shown = words.numbers(counts.min(), counts.max()), {}
    with result:
        above, below = st.columns(2), st.columns(2)
        with above[0]:
            _input(small, picture)
        with below[0]:
            alt = f"How many kernels overlap on a pixel: {told}"
            ui.picture(rendering.magnitude(counts), f"Copies of the kernel on each pixel, {told}", alt, at_least=300)
            ui.colour_bar("viridis", float(counts.max()))
        titles = ("Transposed", f"Enlarged ({way}), then convolved")
        for column, values, title, board in zip((above[1], below[1]), (made, cured), titles, boards, strict=True):
            with column:
                levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
                shown[f"{title.split()[0].lower()}.png"] = levels
                caption = f"{title}, {words.shape(values)}, values {words.numbers(values.min(), values.max())}, "
                caption += f"shown from 0 to 255; checkerboard {board:.1%}"
                alt = f"{title}: brightness differs by {board:.1%} of its mean from pixel to pixel of a period"
                ui.picture(levels, caption, alt, at_least=300)
        explorer.explorer(
            "transposed", small, stamp, made, key="kinds_cells_transposed", looks={"result": "picture"},
            settings={"stride": stride, "padding": "same"}, labels={"weights": "Laid down", "result": "Transposed"},
        )  # fmt: skip
    return View(
        _about_transposed(size, stride, name, boards),
        "Odena, Dumoulin & Olah 2016, Deconvolution and checkerboard artifacts, Distill, doi:10.23915/distill.00003; "
        "Dumoulin & Visin 2016, arXiv:1603.07285, section 4",
        recipes.kinds.kind(
            "transposed", picture.name, size=small.shape, shape=small.shape, stamp=stamp, stride=stride,
            interpolation=way,
        ),
        _asked(checking.transpose, small, stamp, stride=stride, padding="same"),
        {**shown, "overlaps.png": rendering.magnitude(counts)},
        {"shape": (*small.shape, 1), "filters": 1, "kernel": size, "stride": stride},
        {"kernel": size, "stride": stride},
    )  # fmt: skip


def _about_transposed(size: int, stride: int, name: str, boards: list[float]) -> list[str]:
    """What is true of a transposed convolution and its cure."""
    copies = kinds.phase_sums(np.ones((size, size)), stride)
    sums = kinds.phase_sums(kinds.stamp(name, size, stride=stride), stride)
    divides = size % stride == 0
    said = f"The stride {stride} {'divides' if divides else 'does not divide'} the kernel's {size} pixels: "
    said += f"every pixel gets {copies.max():.0f} copies of the kernel" if divides else (
        f"a pixel gets {copies.min():.0f} to {copies.max():.0f} copies of the kernel"
    )  # fmt: skip
    even = np.ptp(sums) < 1e-4 * abs(sums.mean())
    return [
        f"{said}, so an even area of 1 becomes "
        + ("1 everywhere." if even else f"{sums.min():.3g} to {sums.max():.3g}, again every {stride} pixels."),
        f"In the picture the checkerboard is {boards[0]:.1%} of the mean brightness; with the cure, enlarging first "
        f"and convolving then with the same kernel, it is {boards[1]:.1%}.",
    ]


def _grouped(picture: pickers.Picture, controls: Any, result: Any) -> View:
    with controls:
        groups = choices.select("Groups", kinds.common_groups(CHANNELS, CHANNELS), key="kinds_groups", default=3)
        silent = choices.select("Silence", ["none", *COLOURS], key="kinds_silent", default="red")
        seed = choices.number("Seed of the random weights", 0, 999, 0, key="kinds_seed")
    small = images.limit(picture.array, _GROUPED_SIDE)
    maps = ui.cached(kinds.twelve_channels)(small)
    weights = kinds.random_weights((3, 3, CHANNELS // groups, CHANNELS), seed=seed)
    muted = maps.copy()
    if silent != "none":
        first = 4 * COLOURS.index(silent)
        muted[..., first : first + 4] = 0
    before, after = (ui.cached(kinds.grouped)(one, weights, groups=groups, padding="same") for one in (maps, muted))
    changed = np.abs(after - before).max(axis=(0, 1)) > 0
    lines = kinds.connections(CHANNELS, CHANNELS, groups)
    shown = {
        "input.png": rendering.mosaic(muted, columns=4),
        "connections.png": rendering.magnitude(lines.astype(np.float32)),
        "output.png": rendering.mosaic(after, columns=4),
        "change.png": rendering.tiled(rendering.levels(np.abs(after - before), "layer"), columns=4),
    }
    tiles = f"{CHANNELS} channels of {small.shape[0]} × {small.shape[1]}"
    who = "nothing" if silent == "none" else silent
    with result:
        left, middle, right = st.columns([4, 3, 4])
        with left:
            about = "rows red, green, blue; columns as it is, edges left to right, edges top to bottom, Laplacian"
            ui.picture(shown["input.png"], f"Input, {tiles}: {about}", f"Input: {tiles}, {who} silenced", at_least=300)
        with middle:
            alt = f"A table of {CHANNELS} by {CHANNELS}: {groups} blocks, {lines.sum()} of {lines.size} pairs connected"
            caption = "Yellow: this input channel (column) reaches this output channel (row)"
            ui.picture(shown["connections.png"], caption, alt, at_least=300)
        with right:
            caption = f"Output, {tiles}, {groups} groups, each channel on a scale of its own"
            ui.picture(shown["output.png"], caption, f"Output: {tiles}", at_least=300)
            caption = f"What silencing {who} changes: {changed.sum()} of {CHANNELS} output channels"
            ui.picture(shown["change.png"], caption, f"{caption}; the others are black", at_least=300)
    noticed = [
        f"Each output channel sees {CHANNELS // groups} of {CHANNELS} input channels, so the layer has "
        f"{weights.size:,} weights instead of {9 * CHANNELS * CHANNELS:,}.",
        f"Silencing {who} changes {changed.sum()} of the {CHANNELS} output channels"
        + ("; what one group holds reaches no other group in this layer." if groups > 1 else ": there is one group."),
    ]
    return View(
        noticed,
        "Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks; "
        "Xie et al. 2017, ResNeXt, arXiv:1611.05431",
        recipes.kinds.kind(
            "grouped", picture.name, size=small.shape[:2] if small.shape != picture.array.shape else None,
            groups=groups, filters=CHANNELS, seed=seed, silent=silent,
        ),
        _asked(checking.kind, "grouped", muted, weights, groups=groups), shown,
        {"shape": maps.shape, "filters": CHANNELS, "groups": groups}, {"groups": groups},
    )  # fmt: skip


def _depthwise(picture: pickers.Picture, controls: Any, result: Any) -> View:
    own = []
    with controls:
        for colour, default in zip(COLOURS, ("sobel_x", "sobel_y", "laplacian"), strict=True):
            names = [name for name, one in kernels.KERNELS.items() if one.weights.shape == (3, 3)]
            own.append(
                choices.select(
                    f"Kernel for {colour}", names, key=f"kinds_{colour}", default=default,
                    format_func=lambda name: kernels.KERNELS[name].title,
                )
            )  # fmt: skip
    weights = np.stack([kernels.KERNELS[name].weights for name in own], axis=-1)
    maps = ui.cached(convolution.depthwise)(picture.array, weights, padding="same")
    shown = {}
    with result:
        _three_inputs(picture)
        for column, channel in zip(st.columns(3), range(3), strict=True):
            with column:
                title = f"{kernels.KERNELS[own[channel]].title} of {COLOURS[channel]}"
                shown[f"{COLOURS[channel]}.png"] = _signed(maps[..., channel], title, title)
    told = ", ".join(f"{one:.3g} ({name})" for one, name in zip(np.abs(maps).mean(axis=(0, 1)), COLOURS, strict=True))
    return View(
        [
            f"Three channels go in and three come out, {weights.size} weights in all: each channel has its own kernel, "
            "and nothing is summed over channels.",
            f"The answers' mean magnitudes are {told}; no map knows of the other colours.",
        ],
        "Sifre 2014, Rigid-motion scattering for image classification; Chollet 2017, Xception, arXiv:1610.02357",
        recipes.kinds.kind("depthwise", picture.name, kernels=list(np.moveaxis(weights, -1, 0))),
        _asked(checking.kind, "depthwise", picture.array, weights), shown,
        {"shape": picture.array.shape, "filters": 3},
    )  # fmt: skip


def _three_inputs(picture: pickers.Picture) -> None:
    """Red, green and blue apart."""
    for column, colour, channel in zip(st.columns(3), COLOURS, range(3), strict=True):
        with column:
            values = picture.array[..., channel]
            caption = (
                f"{colour.capitalize()}, {words.shape(values)}, values {words.numbers(values.min(), values.max())}"
            )
            ui.picture(values, caption, f"{picture.alt}: {colour} alone, mean {values.mean():.0f}", at_least=300)


def _mix(default: str) -> tuple[np.ndarray, tuple[str, ...], str]:
    """The chosen mix as weights (3, F), the names of its maps, and its source."""
    ui.forget_refusal(_TYPED)
    name = choices.select(
        "Mix", [*kinds.MIXES, "custom"], key="kinds_mix", default=default,
        format_func=lambda one: kinds.MIXES[one].title if one in kinds.MIXES else "Custom, as text",
    )  # fmt: skip
    if name != "custom":
        mix = kinds.MIXES[name]
        rows = np.float32(mix.rows)
        st.caption("; ".join(" ".join(f"{share:g}" for share in row) for row in mix.rows))
        return rows.T.copy(), mix.names, mix.source
    text = choices.text("Shares of red, green, blue; rows apart by ;", _SHARES, key=_TYPED)
    try:
        mixed = kinds.parse_mix(text)
        st.session_state[_GOOD_SHARES] = text
    except ConvvizError as refusal:
        good = st.session_state.get(_GOOD_SHARES)
        ui.refuse(str(refusal), _TYPED, "mix", "" if good else _SHARES)
        mixed = kinds.parse_mix(good or _SHARES)
    return mixed, tuple(f"map {number + 1}" for number in range(mixed.shape[1])), "made here"


def _pointwise(picture: pickers.Picture, controls: Any, result: Any) -> View:
    with controls:
        mix, names, source = _mix("opponent")
    maps = ui.cached(convolution.pointwise)(picture.array, mix)
    with result:
        ui.still(_TYPED)
        _input(picture.array, picture)
        shown = _maps(maps, names, mix)
        row, col = picture.array.shape[0] // 2, picture.array.shape[1] // 2
        before = picture.array[row, col]
    terms = " + ".join(f"{weight:.3g} · {value}" for weight, value in zip(mix[:, 0], before, strict=True))
    return View(
        [
            f"At row {row}, column {col} the {names[0]} map is {terms} = {maps[row, col, 0]:.4g}: "
            "one pixel's channels, mixed, no neighbour looked at.".replace("+ -", "− "),
            f"{mix.shape[0]} channels become {mix.shape[1]} with {mix.size} weights; "
            "networks use such layers to make the number of channels smaller or larger.",
        ],
        f"{source}; Lin, Chen & Yan 2014, Network in network, arXiv:1312.4400",
        recipes.kinds.kind("pointwise", picture.name, mix=mix),
        _asked(checking.kind, "pointwise", picture.array, mix), shown,
        {"shape": picture.array.shape, "filters": mix.shape[1]},
    )  # fmt: skip


def _maps(maps: np.ndarray, names: tuple[str, ...], mix: np.ndarray) -> dict[str, np.ndarray]:
    """The maps that come out, three in a row."""
    shown = {}
    for first in range(0, maps.shape[-1], 3):
        for column, number in zip(st.columns(3), range(first, min(first + 3, maps.shape[-1])), strict=False):
            with column:
                title = f"{names[number].capitalize()} ({', '.join(f'{share:.3g}' for share in mix[:, number])})"
                shown[f"map_{number + 1}.png"] = _signed(maps[..., number], title.replace("-", "−"), title)
    return shown


def _separable(picture: pickers.Picture, controls: Any, result: Any) -> View:
    with controls:
        mix, names, source = _mix("luminance")
        name, kernel = kernel_picker.kernel("kinds_")
    depth = np.stack([kernel.weights] * 3, axis=-1)
    between = ui.cached(convolution.depthwise)(picture.array, depth, padding="same")
    maps = ui.cached(convolution.pointwise)(between, mix)
    whole = ui.cached(convolution.convolve)(picture.array, kinds.joined(depth, mix), padding="same")
    apart = float(np.abs(whole - maps).max())
    parts = kinds.by_axes(kernel.weights)
    with result:
        kernel_picker.still("kinds_")
        ui.still(_TYPED)
        ui.section("First each channel by itself")
        for column, channel in zip(st.columns(3), range(3), strict=True):
            with column:
                _signed(between[..., channel], f"{kernel.title or name} of {COLOURS[channel]}", COLOURS[channel])
        ui.section("Then the channels are mixed")
        shown = _maps(maps, names, mix)
    full = kinds.joined(depth, mix).size
    by_axes = (
        f"It is also separable by axes: a column of {len(parts.column)} and then a row of {parts.row.size} do the "
        f"same, {len(parts.column) + parts.row.size} cells instead of {kernel.weights.size}."
        if parts.rank == 1
        else f"By axes it is not separable: it has rank {parts.rank}, and the nearest column times row misses a cell "
        f"by {parts.missing:.3g}."
    )
    return View(
        [
            f"Depthwise and pointwise have {depth.size} + {mix.size} = {depth.size + mix.size} weights; one standard "
            f"layer that does the same has {full}. The largest difference of the two results is {apart:.2g}.",
            f"The kernel here is {kernel.title or name}. {by_axes}",
        ],
        f"Chollet 2017, Xception, arXiv:1610.02357; Howard et al. 2017, MobileNets, arXiv:1704.04861; {source}",
        recipes.kinds.kind("separable", picture.name, kernel=kernel.weights, mix=mix),
        _asked(checking.kind, "separable", picture.array, depth, mix), shown,
        {"shape": picture.array.shape, "filters": mix.shape[1], "kernel": kernel.weights.shape},
        {"kernel": kernel.weights.shape},
    )  # fmt: skip


_VIEWS = {
    "dilated": _dilated,
    "transposed": _transposed,
    "grouped": _grouped,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "separable": _separable,
}


# --- what they cost -----------------------------------------------------------------------------------------------


def counted(
    kind: str, shown: View, shape: tuple[int, int, int], filters: int
) -> tuple[kinds.Count, list[kinds.Count], int]:
    """What the shown layer costs, every kind of layer with as many channels in and out, and the groups of one."""
    own = kinds.count(kind, **shown.layer, bias=False)
    groups = max(n for n in kinds.common_groups(shape[2], filters) if n <= shown.others.get("groups", 4))
    others = {**shown.others, "groups": groups}
    strides = {"stride": others.pop("stride", 2)}
    if groups != (chosen := shown.others.get("groups", groups)):
        st.caption(f"{chosen} groups do not divide {shape[2]} and {filters} channels; {groups} are counted below.")
    return (
        own,
        [
            kinds.count(one, shape, filters=filters, **others, **(strides if one == "transposed" else {}))
            for one in kinds.KINDS
        ],
        groups,
    )


def table(counts: list[kinds.Count], groups: int) -> None:
    """Parameters and multiply-adds side by side."""
    standard = counts[0]
    rows = ["| Kind | Output | Parameters | Multiply-adds | Against standard |", "|:--|:--|:--|:--|--:|"]
    for one in counts:
        share = one.multiply_adds / standard.multiply_adds
        kind = f"{one.kind.capitalize()}{f', {groups} groups' if one.kind == 'grouped' else ''}"
        rows.append(
            f"| {kind} | {' × '.join(map(str, one.output))} | {one.parameters_told} "
            f"| {one.multiply_adds_told} | {share:.3g} |"
        )
    with st.container(key="mosaic_counts"):
        st.markdown("\n".join(rows))
