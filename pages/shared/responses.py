"""How a picture answers to a kernel: the pictures of a convolution, and what there is to notice in them."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, annotations, convolution, images, kernels, rendering
from pages.shared import kernel_picker, ui, words, written_out

SIDE = 300  # pixels that a small picture is enlarged to, at least
MOST_PATCHES = 100  # that are shown at once
_IN_A_ROW = 5  # maps beside each other


def span(values: np.ndarray) -> str:
    """The range of an array in words, and how many of its values are no numbers."""
    finite = values[np.isfinite(values)]
    lost = values.size - finite.size
    if not finite.size:
        return f"no finite value, {words.count(lost, 'value')} not finite"
    low, high = _short(float(finite.min())), _short(float(finite.max()))
    same = f"every value {low}" if values.size > 1 else f"value {low}"
    said = same if low == high else f"values {low} to {high}"
    return f"{said}, {words.count(lost, 'value')} not finite" if lost else said


def _short(value: float) -> str:
    """A number in four digits, or all before the point."""
    return written_out.number(round(value) if 1000 <= abs(value) < 1e9 else float(f"{value:.4g}"))


def _bar(limit: float, values: np.ndarray) -> None:
    """The colour bar of signed values."""
    finite = np.abs(values[np.isfinite(values)])
    ends = (_short(-limit), _short(limit))
    ui.colour_bar("signed", limit, words=ends, beyond=limit < float(finite.max(initial=0.0)))


def kernel_picture(weights: np.ndarray, name: str, *, sign: str = "") -> None:
    """A kernel in colours, brown to teal as in the grids, or the three of a filter one under the other.

    Args:
        weights: (kh, kw), or (kh, kw, 3) for a filter.
        name: of the collection, or its own, such as "filter 2 of conv".
        sign: before the caption, where the kernel stands in a formula.
    """
    limit = float(np.abs(weights).max())
    title = kernels.KERNELS[name].title if name in kernels.KERNELS else name[:1].upper() + name[1:]
    planes = [weights] if weights.ndim == 2 else list(np.moveaxis(weights, -1, 0))
    for plane, channel in zip(planes, kernel_picker.CHANNELS if weights.ndim == 3 else [""], strict=True):
        told = f"Kernel for {channel}" if channel else title
        shown = rendering.heat(plane / (limit or 1.0), "weights")
        caption = f"{sign}{words.safe(told)}, {words.shape(plane)}, {span(plane)}"
        ui.picture(shown, caption, f"{told}: {kernels.text(plane)}"[:300], at_least=110)
    ui.colour_bar("weights", limit)


def before(source: Any, window: tuple[int, int, int, int] | None = None) -> None:
    """What is convolved, perhaps with a frame around one window."""
    pixels = source.pixels if window is None else annotations.framed(source.pixels, window, at_least=SIDE)
    caption = source.caption if window is None else f"{source.caption}; the frame is where the answer is largest"
    ui.picture(pixels, caption, source.alt, at_least=SIDE)
    if source.look != "picture":
        ui.colour_bar("signed" if source.look == "signed" else "viridis", float(np.abs(source.array).max()))


def pixels_of(feature_map: np.ndarray, *, clipped: bool) -> np.ndarray:
    """A feature map as it is shown: signed colours, or grey levels (colours, where it has three channels) 0 to 255."""
    if clipped or feature_map.ndim == 3:
        return np.clip(np.nan_to_num(feature_map, posinf=255, neginf=0), 0, 255).astype(np.uint8)
    return rendering.signed(feature_map, ui.limit_of(feature_map))


def look(feature_map: np.ndarray, *, clipped: bool) -> str:
    """The word for `pixels_of` in the grids."""
    return "picture" if clipped or feature_map.ndim == 3 else "signed"


def after(feature_map: np.ndarray, name: str, *, clipped: bool, title: str = "Feature map") -> None:
    """A feature map with its colour bar."""
    caption = f"{title}, {words.shape(feature_map)}, {span(feature_map)}"
    by_levels = clipped or feature_map.ndim == 3
    alt = f"{title} under {name}: {span(feature_map)}"
    shown = f"{caption}, shown from 0 to 255" if by_levels else caption
    ui.picture(pixels_of(feature_map, clipped=clipped), shown, alt, at_least=SIDE)
    if not by_levels:
        _bar(ui.limit_of(feature_map), feature_map)
    lost = int((~np.isfinite(feature_map)).sum())
    if lost:
        st.warning(f"{words.count(lost, 'cell')} of the map came out as NaN or infinite: the numbers are too large.")


def unfit(source: Any, weights: np.ndarray, name: str) -> None:
    """Picture and kernel of a choice that gives no feature map; why not is said beside the choice."""
    left, right = st.columns([9, 3])
    with left:
        before(source)
    with right, st.container(key="kernel_picture"):
        kernel_picture(weights, name)
    st.markdown("There is no place for this kernel on this picture; beside the padding it says why.")


def is_picture_again(weights: np.ndarray) -> bool:
    """Whether a kernel keeps the brightness of an even area, so that what it gives is looked at as a picture."""
    return weights.ndim == 2 and abs(float(weights.sum()) - 1) < 1e-5


def strongest(feature_map: np.ndarray) -> tuple[int, int]:
    """The row and column of the largest value, NaN left out, over all channels."""
    flat = feature_map if feature_map.ndim == 2 else feature_map.max(axis=2)
    row, column = np.unravel_index(int(np.argmax(np.nan_to_num(flat, nan=-np.inf))), flat.shape)
    return int(row), int(column)


# --- parts of the page that are there when asked for ----------------------------------------------------------------


def sobel(grey: np.ndarray) -> None:
    """Both Sobel kernels together: strength and direction, with the wheel that says which hue is which direction."""
    ui.section("Edges by Sobel: strength and direction")
    magnitude, angle = ui.cached(convolution.gradient)(grey)
    most = float(magnitude.max())
    left, right, wheel = st.columns([9, 9, 3])
    with left:
        ui.picture(
            rendering.magnitude(magnitude),
            f"Strength √(Gx² + Gy²), {words.shape(magnitude)}, {span(magnitude)}; the border is repeated outside",
            words.map_alt(magnitude, "Strength of the edges"), at_least=SIDE,
        )  # fmt: skip
        ui.colour_bar("viridis", most)
    with right:
        ui.picture(
            rendering.direction(angle, magnitude),
            "Direction as hue, atan2(−Gy, −Gx), for Gx and Gy are positive where the left and the top are brighter; "
            "strength as brightness",
            "Direction of the edges as hue, bright where an edge is strong", at_least=SIDE,
        )  # fmt: skip
    with wheel, st.container(key="wheel"):
        ui.picture(
            annotations.direction_wheel(), "The hue says where it gets brighter: red to the right",
            "A wheel of hues: red points right, yellow-green down, cyan left, violet up",
        )  # fmt: skip


def channel_sums(image: np.ndarray, weights: np.ndarray, settings: dict[str, Any]) -> None:
    """A filter over red, green and blue, channel by channel, before the sum."""
    ui.section("A filter is one kernel for each channel")
    kh, kw, channels = weights.shape
    st.markdown(
        f"{kh} · {kw} · {channels} = {weights.size} weights. Each kernel gives a map of its channel; "
        "the feature map is their sum."
    )
    maps = ui.cached(convolution.depthwise)(image, weights, **settings)
    limit = ui.limit_of(maps)
    for n, (column, name) in enumerate(zip(st.columns(channels), kernel_picker.CHANNELS, strict=True)):
        with column:
            ui.picture(
                rendering.signed(maps[..., n], limit), f"Map of {name}, {span(maps[..., n])}",
                words.map_alt(maps[..., n], f"The map of {name}"), at_least=SIDE,
            )  # fmt: skip
    with st.columns(3)[1]:
        _bar(limit, maps)


def two_steps(
    image: np.ndarray, first: np.ndarray, second: np.ndarray, settings: dict[str, Any], *, clipped: bool
) -> None:
    """A second kernel over the first one's map, and the single kernel that equals the two."""
    ui.section("Two kernels, one after the other, and the one that equals them")
    try:
        both = ui.cached(convolution.in_two_steps)(image, first, second, **settings)
    except ConvvizError as refusal:  # the second kernel has no place on the first one's map
        ui.error(str(refusal))
        return
    twice, kernel, once = st.columns([9, 3, 9])
    with twice:
        after(both.twice, "both kernels", clipped=clipped, title="In two steps")
    with kernel, st.container(key="kernel_picture_two"):
        kernel_picture(both.kernel, "the single kernel")
    with once:
        after(both.once, "the single kernel", clipped=clipped, title="In one step")
    st.markdown(composed(both, first.shape, second.shape, settings))


def composed(
    both: convolution.Composition, first: tuple[int, ...], second: tuple[int, ...], settings: dict[str, Any]
) -> str:
    """How far apart two steps and one are, where, and why."""
    sizes = (" × ".join(map(str, shape[:2])) for shape in (first, second, both.kernel.shape))
    made = "{} and {} make one kernel of {}: each weight of the second, times the whole first kernel, added up."
    largest = float(np.abs(both.twice).max())
    apart = both.difference(edge=False)
    inside = _rounding(apart, largest)
    if not both.edge.any():
        return f"{made.format(*sizes)} Two steps and one step agree everywhere: {inside}; nothing is padded here."
    edge = both.difference(edge=True)
    count = words.count(int(both.edge.sum()), "place")
    if edge <= max(10 * apart, 1e-5 * largest):
        why = (
            "around a circle there is no edge" if settings["padding_mode"] == "circular" else "here it does not matter"
        )
        return (
            f"{made.format(*sizes)} They agree everywhere: {_rounding(max(apart, edge), largest)}; also at the {count} "
            f"that see padding, for {why}."
        )
    middle = f"Away from the edge they agree: {inside}." if not both.edge.all() else "Every place here sees the edge."
    return (
        f"{made.format(*sizes)} {middle} At the {count} of the edge they differ by up to {written_out.number(edge)}: "
        "the second kernel sees the padding around the first map, where the single kernel sees what the first would "
        "have answered there."
    )


def _rounding(apart: float, largest: float) -> str:
    """How far apart two ways to the same numbers are at most, beside their largest."""
    if not apart:
        return "the numbers are the same to the last digit"
    return f"largest difference {apart:.2g} on values up to {written_out.number(largest)}, which is rounding"


def patches(image: np.ndarray, kernel: tuple[int, ...], settings: dict[str, Any], look: str) -> None:
    """Everything that the kernel sees, place by place."""
    ui.section("Every patch that the kernel sees")
    chosen = {name: settings[name] for name in ("stride", "padding", "dilation", "padding_mode")}
    rows, columns = convolution.output_shape(
        image.shape[:2], kernel[:2], **{name: chosen[name] for name in ("stride", "padding", "dilation")}
    )
    told = f"{rows} · {columns} = {words.count(rows * columns, 'patch', 'patches')} of {kernel[0]} × {kernel[1]}"
    if rows * columns > MOST_PATCHES:
        st.markdown(f"{told}: too many to show; up to {MOST_PATCHES} are drawn.")
        return
    st.markdown(f"{told}, one for each cell of the output.")
    seen = convolution.patches(image, kernel[:2], **chosen)
    flat = seen.reshape(rows * columns * kernel[0], kernel[1], *image.shape[2:])
    if look == "picture":
        pixels = images.with_channels(flat, 3)
    else:
        limit = float(np.abs(image).max())
        pixels = rendering.signed(flat, limit) if look == "signed" else rendering.magnitude(flat, limit)
    tiles = pixels.reshape(rows, columns, kernel[0], kernel[1], 3)
    cell = max(4, min(16, 700 // (columns * kernel[1])))
    with st.container(key="patches_sheet"):
        ui.picture(annotations.sheet(tiles, cell=cell), told, told)


def every_kernel(image: np.ndarray, settings: dict[str, Any]) -> None:
    """Each kernel of the collection on the same picture: one map for each."""
    ui.section("Every kernel on this picture")
    grey = images.grey(image) if image.dtype == np.uint8 and image.ndim == 3 else image
    maps = {
        name: ui.cached(convolution.convolve)(grey, one.weights, **settings)
        for name, one in kernels.KERNELS.items()
        if _fits(grey.shape, one.weights.shape, settings)
    }
    st.markdown(maps_of({name: one.shape for name, one in maps.items()}))
    for row in range(0, len(maps), _IN_A_ROW):
        for column, name in zip(st.columns(_IN_A_ROW), list(maps)[row : row + _IN_A_ROW], strict=False):
            one, title = maps[name], kernels.KERNELS[name].title
            again = image.dtype == np.uint8 and is_picture_again(kernels.KERNELS[name].weights)
            with column:
                ui.picture(
                    pixels_of(one, clipped=again), f"{title}, {words.shape(one)}", words.map_alt(one, title),
                    at_least=150,
                )  # fmt: skip


def maps_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """How many kernels of the collection made how many maps, and of which sizes; kernel -> shape of its map."""
    if not shapes:
        return "No kernel of the collection has a place on this picture."
    named = collections.defaultdict(list)
    for name, shape in shapes.items():
        named[" × ".join(map(str, shape))].append(kernels.KERNELS[name].title.lower())
    most, *others = sorted(named, key=lambda size: -len(named[size]))
    count = f"{words.count(len(shapes), 'kernel')}, {words.count(len(shapes), 'map')}"
    said = [
        f"the {named[size][0]}'s {size}" if len(named[size]) == 1 else f"{len(named[size])} of {size}"
        for size in others
    ]
    sizes = f" of {most}" if not others else f": {len(named[most])} of {most}, {', '.join(said)}"
    return f"{count}{sizes}. A layer of 32 kernels that give {most} gives 32 such maps: {most} × 32."


def _fits(size: tuple[int, ...], kernel: tuple[int, ...], settings: dict[str, Any]) -> bool:
    """Whether the kernel has at least one place."""
    reach = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, settings["dilation"], strict=True)]
    padding = settings["padding"]
    pads = [0, 0] if padding == "valid" else [sum(one) for one in padding] if padding != "same" else reach
    return all(size[n] + pads[n] >= reach[n] for n in (0, 1))


# --- what to notice -------------------------------------------------------------------------------------------------


def notices(image: np.ndarray, weights: np.ndarray, feature_map: np.ndarray, *, flip: bool) -> list[str]:
    """What is true now of a kernel and what it gives, in three sentences."""
    told = _brightness(image, feature_map) if is_picture_again(weights) else ""
    return [_even(weights), told or _answers(feature_map), _turned(weights, feature_map, flip=flip)]


def _brightness(image: np.ndarray, feature_map: np.ndarray) -> str:
    """What a kernel that keeps even areas does to mean and contrast of a picture; nothing of other numbers."""
    if image.dtype != np.uint8 or not np.isfinite(feature_map).all():
        return ""
    spreads = float(image.std()), float(feature_map.std())
    change = "lost" if spreads[1] < 0.995 * spreads[0] else "gained" if spreads[1] > 1.005 * spreads[0] else ""
    said = f"the map has {change} contrast" if change else "the contrast is as it was"
    return (
        f"The mean is {image.mean():.1f} before and {feature_map.mean():.1f} after, the standard deviation "
        f"{spreads[0]:.1f} and {spreads[1]:.1f}: {said}."
    )


def _even(weights: np.ndarray) -> str:
    """What becomes of an even area; a filter over colours may treat a grey one otherwise than a coloured one."""
    sums = weights.astype(np.float64).sum(axis=(0, 1))
    nothing = 1e-6 * max(1.0, float(np.abs(weights).max()))  # what rounding leaves of a sum that is 0
    told = [round(float(one), 6) if abs(one) >= nothing else 0.0 for one in np.append(sums, sums.sum())]
    *channels, total = told
    cells = f"The {_kind(weights)}'s cells sum to {written_out.number(total)}"
    if weights.ndim == 3 and not any(channels):
        return f"{cells}, in each channel too: an even area becomes 0, whatever its colour."
    area = "an even area" if weights.ndim == 2 else "an even grey area"
    coloured = "" if weights.ndim == 2 else "; one of another colour counts each channel by that channel's own sum"
    became = (
        f"{area} becomes 0" if total == 0
        else f"{area} keeps its value" if total == 1
        else f"{area} of value v becomes {written_out.number(total)} · v"
    )  # fmt: skip
    return f"{cells}: {became}{coloured}."


def _answers(feature_map: np.ndarray) -> str:
    finite = feature_map[np.isfinite(feature_map)]
    if not finite.size:
        return "No value of the feature map is finite."
    most = float(np.abs(finite).max())
    row, column = strongest(feature_map)
    if most == 0:
        return "Every value of the feature map is 0: nothing here has what the kernel answers to."
    others = int((finite == finite.max()).sum()) - 1
    more = f" and at {words.count(others, 'other place')}" if others else ""
    top = f"The largest value, {written_out.number(float(finite.max()))}, is at row {row}, column {column}{more}"
    if feature_map.size == 1:
        return f"The feature map is one number, {written_out.number(float(finite[0]))}."
    near = float((np.abs(finite) < 0.05 * most).mean())
    if near == 0:
        return f"{top}; no value is nearer to zero than 5% of the largest magnitude, {written_out.number(most)}."
    return (
        f"{top}; {words.share(near)} of the feature map is nearer to zero than 5% of the largest magnitude, "
        f"{written_out.number(most)}; the rest is the answer."
    )


def _turned(weights: np.ndarray, feature_map: np.ndarray, *, flip: bool) -> str:
    turned = weights[::-1, ::-1]
    what = (
        f"the {_kind(weights)} looks the same turned by 180°, so that nothing changes"
        if np.array_equal(turned, weights)
        else "every value changes its sign"
        if np.array_equal(turned, -weights)
        else "the weights meet other cells of the picture"
        if feature_map.shape[:2] == (1, 1)
        else "the picture answers elsewhere"
    )
    if flip:
        return f"The {_kind(weights)} is turned by 180° first, the mathematician's convolution: {what}."
    return (
        f"The {_kind(weights)} is not turned: this is cross-correlation, which is what convolutional networks "
        f"compute. With the flip of true convolution, {what}."
    )


def _kind(weights: np.ndarray) -> str:
    return "filter" if weights.ndim == 3 else "kernel"
