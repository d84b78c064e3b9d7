"""How a window goes over a picture: stride, padding, dilation, and what size that gives."""

from __future__ import annotations

from typing import Any

import streamlit as st

from convviz import ConvvizError, convolution
from pages.shared import choices, ui, words

SIDES = ("top", "bottom", "left", "right")
MOST_STRIDE, MOST_PADDING, MOST_DILATION = 16, 32, 8
OUTSIDE = {
    "zero": "Zeros",
    "reflect": "The picture mirrored",
    "replicate": "Its border pixel again",
    "circular": "Its other side",
}


def settings(size: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[dict[str, Any], bool]:
    """The keyword choices of ``convolution.convolve``, and whether a kernel of that shape fits; if not, why is said."""
    down, across = st.columns(2)
    with down:
        stride_y = choices.number("Stride down (pixels)", 1, MOST_STRIDE, 1, key="stride_y")
    with across:
        stride_x = choices.number("Stride across (pixels)", 1, MOST_STRIDE, 1, key="stride_x")
    how = choices.segments("Padding", [*convolution.PADDINGS, "custom"], key="padding", format_func=str.capitalize)
    padding = _custom_padding() if how == "custom" else how
    here = st.container()
    with st.expander("More"):
        dilation = _dilation(size, kernel, padding)
        mode = choices.select(
            "Outside the picture", convolution.PADDING_MODES, key="outside", format_func=OUTSIDE.get,
            disabled=how == "valid",
        )  # fmt: skip
        flip = choices.toggle(
            "Flip the kernel", key="flip",
            help="The mathematician's convolution turns the kernel by 180° first. Convolutional networks do not; "
            "theirs is, strictly, a cross-correlation.",
        )  # fmt: skip
    chosen = {
        "stride": (stride_y, stride_x),
        "padding": padding,
        "dilation": dilation,
        "padding_mode": mode,
        "flip": flip,
    }
    try:
        convolution.output_shape(
            size[:2], kernel[:2], **{one: chosen[one] for one in ("stride", "padding", "dilation")}
        )
    except ConvvizError as refusal:
        with here:
            ui.error(str(refusal).replace("'valid'", "“Valid”").replace("'same'", "“Same”"))  # as the buttons read
        return chosen, False
    return chosen, True


def _custom_padding() -> tuple[tuple[int, int], tuple[int, int]]:
    """Pixels on each of the four sides."""
    amounts = []
    for side, column in zip(SIDES, st.columns(2) * 2, strict=True):
        with column:
            amounts.append(choices.number(f"{side.capitalize()} (pixels)", 0, MOST_PADDING, 1, key=f"pad_{side}"))
    top, bottom, left, right = amounts
    return (top, bottom), (left, right)


def _dilation(size: tuple[int, ...], kernel: tuple[int, ...], padding: Any) -> tuple[int, int]:
    """Distances between taps, no larger than fits."""
    chosen = []
    for axis, (column, way, key) in enumerate(zip(st.columns(2), ("down", "across"), "yx", strict=True)):
        room = size[axis] - 1 + (0 if isinstance(padding, str) else sum(padding[axis]))
        fits = MOST_DILATION if padding == "same" or kernel[axis] == 1 else room // (kernel[axis] - 1)
        with column:
            chosen.append(
                choices.number(
                    f"Dilation {way} (pixels)", 1, max(1, min(MOST_DILATION, fits)), 1, key=f"dilation_{key}"
                )
            )
    return chosen[0], chosen[1]


def sizes(size: tuple[int, ...], kernel: tuple[int, ...], chosen: dict[str, Any], output: tuple[int, ...]) -> None:
    """The size of the output with its numbers, and what "same" has added where."""
    ui.section("The size, with its numbers")
    lines = [words.size_formula(axis, size[n], kernel[n], n, chosen, output[n]) for n, axis in enumerate(_AXES)]
    st.markdown("  \n".join([*lines, f"{words.count(output[0] * output[1], 'place')} in all"]))
    if chosen["padding"] == "same":
        amounts = [
            convolution.padding_amounts(
                size[n], kernel[n], stride=chosen["stride"][n], padding="same", dilation=chosen["dilation"][n]
            )
            for n in (0, 1)
        ]
        st.markdown(same(amounts))


_AXES = ("height", "width")


def same(amounts: list[tuple[int, int]]) -> str:
    """What "same" has added, and on which side an odd row or column stands; amounts (before, after) by axis."""
    (top, bottom), (left, right) = amounts
    added = (
        f"“Same” adds {words.count(top, 'row')} above and {bottom} below, "
        f"{words.count(left, 'column')} on the left and {right} on the right."
    )
    if not any((top, bottom, left, right)):
        return "“Same” adds nothing here: the places fit as they are."
    odd = [name for name, (before, after) in zip(("row", "column"), amounts, strict=True) if after > before]
    if not odd:
        return added
    return (
        f"{added} The total is odd, and TensorFlow puts the odd {' and the odd '.join(odd)} after the picture. "
        "A framework that pads both sides alike, as PyTorch does, has its places one pixel earlier there."
    )
