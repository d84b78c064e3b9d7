"""A learned filter on a page: its stack of kernels, one kernel in numbers, what it lets through."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import streamlit as st

from convviz import filters, fourier, rendering
from pages.shared import charts, ui, words

STACK = 64  # kernels of a filter that are shown at most
_NAMED = 3  # kernels that are much larger than the others and told by number
RESPONSE = 64  # side of a frequency response, pixels


def scale(board: filters.Board) -> str:
    """Which weight has the full colour, of all kernels or of those that are much larger than the others."""
    said, own = f"full colour at ±{board.limit:.3g}", board.own
    if not own:
        return said
    if len(own) > _NAMED:
        return f"{said}, of {len(own)} much larger kernels at their own largest weight"
    which = f"kernel {next(iter(own))}, which is" if len(own) == 1 else f"kernels {_listed(own)}, which are"
    return f"{said}, of {which} much larger, at {_listed(f'±{one:.3g}' for one in own.values())}"


def _listed(some: Iterable[object]) -> str:
    *first, last = map(str, some)
    return f"{', '.join(first)} and {last}" if first else last


def one_kernel(kernel: np.ndarray, limit: float, named: str) -> None:
    """One kernel as a picture, as numbers, and its frequency response."""
    picture, response = st.columns(2)
    with picture:
        caption = f"{named}, {words.shape(kernel)}, {words.spread(kernel)}"
        ui.picture(_drawn(kernel, limit), caption, f"The weights of {named}", at_least=260)
        ui.colour_bar("weights", limit)
    with response:
        _response(kernel, named)
    if max(kernel.shape) <= 7:
        head = f"| {' | '.join(str(col) for col in range(kernel.shape[1]))} |\n|{'---:|' * kernel.shape[1]}\n"
        rows = [" | ".join(f"{one:.4f}".replace("-", "−").replace("nan", "NaN") for one in row) for row in kernel]
        st.markdown(head + "\n".join(f"| {row} |" for row in rows))


def _drawn(kernel: np.ndarray, limit: float) -> np.ndarray:
    """A kernel in colours, what is NaN or infinite in black."""
    return rendering.marked(rendering.heat(kernel / limit, "weights"), kernel)


def _response(kernel: np.ndarray, named: str) -> None:
    """Which frequencies a kernel lets through; one with NaN has no answer to that."""
    if not np.isfinite(kernel).all():
        st.caption("Which frequencies it lets through is not known: not all of its weights are numbers.")
        return
    passed = fourier.frequency_response(kernel, RESPONSE)
    caption = f"What it lets through: low frequencies in the middle, up to {float(passed.max()):.3g}"
    ui.picture(rendering.magnitude(passed), caption, f"Frequency response of {named}", at_least=260)
    ui.colour_bar("viridis", float(passed.max()) or 1.0)


def stack(found: filters.Filter, limit: float, named: str) -> None:
    """The kernels of one filter, one for each input channel."""
    count = found.kernels.shape[2]
    shown = found.kernels[..., :STACK]
    bias = "no bias" if found.bias is None else f"bias {found.bias:.4g}".replace("-", "−").replace("nan", "NaN")
    some = f"the first {STACK} of {count} kernels" if count > STACK else f"{count} kernels"
    if count == 1:
        some = "one kernel"
    caption = f"{named}: {some}, one for each input channel; {bias}"
    with st.container(key="mosaic_stack"):
        st.image(
            rendering.png(filters.tiled(shown, limit, min(16, shown.shape[2]))), caption=caption,
            alt=f"The stack of kernels of {named}", output_format="PNG",
        )  # fmt: skip


def figures(found: filters.Statistics, layer: str) -> None:
    """A layer's weights in figures, and how often each size occurs."""
    values = {
        "Weights": f"{found.count:,}", "Mean": words.number(found.mean), "Deviation": words.number(found.deviation),
        "Lowest": words.number(found.minimum), "Highest": words.number(found.maximum),
        "Near zero": words.share(found.small),
    }  # fmt: skip
    if lost := found.count - int(found.counts.sum()):
        values["NaN or infinite"] = f"{lost:,}, not counted in the rest"
    if found.biases is not None:
        low, mean, high = map(words.number, found.biases)
        values["Biases"] = f"{low} to {high}, mean {mean}"
    left, right = st.columns([2, 3])
    with left:
        st.table([{"Figure": name, "Value": value} for name, value in values.items()])
        st.caption("Near zero: below a hundredth of the largest magnitude.")
    with right:
        centres = ((found.edges[:-1] + found.edges[1:]) / 2).tolist()
        line = {"weights": (found.counts.tolist(), charts.TRAINING)}
        charts.curves(
            f"How often each weight occurs in {charts.plain(layer)}", centres, line, x_title="weight", key="weights"
        )


def compared(before: np.ndarray, after: np.ndarray, limit: float, named: str) -> None:
    """A kernel before and after it was edited, on one scale, and what each lets through."""
    limit = max(limit, filters.largest(after))
    passed = [fourier.frequency_response(one, RESPONSE) for one in (before, after)]
    highest = max(ui.largest(one) for one in passed) or 1.0
    for column, title, kernel, response in zip(
        st.columns(2), ("before", "after"), (before, after), passed, strict=True
    ):
        with column:
            caption = f"{named} {title}, {words.shape(kernel)}, {words.spread(kernel)}"
            ui.picture(_drawn(kernel, limit), caption, f"{named} {title}", at_least=200)
            ui.colour_bar("weights", limit)
            if not np.isfinite(kernel).all():
                continue
            caption = f"What it lets through {title}, up to {words.number(float(response.max()))}"
            ui.picture(rendering.magnitude(response, highest), caption, f"{named}, response {title}", at_least=200)
            ui.colour_bar("viridis", highest)


def noticed(
    found: filters.Filter, kernel: np.ndarray, norms: np.ndarray, index: int, statistics: filters.Statistics
) -> list[str]:
    """What to notice about the filter that is shown."""
    total, size = float(kernel.sum()), float(np.abs(kernel).sum())
    lines = []
    if size > 0 and kernel.size > 1:
        share = abs(total) / size
        kind = "an even area gives nearly nothing: it answers to change" if share < 0.1 else (
            "an even area goes through: it measures brightness more than change" if share > 0.8 else
            "an even area goes through in part"
        )  # fmt: skip
        lines.append(f"The weights of this kernel sum to {total:.3g}, {share:.0%} of their sizes' sum; {kind}.")
    known = norms[np.isfinite(norms)]
    if len(known) < len(norms):
        lost = np.flatnonzero(~np.isfinite(norms)).tolist()
        some = ", ".join(map(str, lost[:12])) + f" and {len(lost) - 12} more" * (len(lost) > 12)
        named = f"filter {some} has" if len(lost) == 1 else f"filters {some} have"
        said = f"{named} weights that are NaN or infinite, so what the network says means nothing"
        lines.append(words.sentence(said))
    if not len(known):
        return lines
    if np.isfinite(norms[index]):
        place = int((known > norms[index]).sum()) + 1
        longest = filters.longest(norms)
        lines.append(f"By length this is filter {place} of {len(known)}; the longest is number {longest}.")
    small = int((known < 0.1 * known.max()).sum())
    short = f"{small} of {len(known)} filters are shorter than a tenth of the longest and do little"
    alike = ""
    if statistics.alike is not None:
        one, other, cosine = statistics.alike
        alike = f"; the two most alike are {min(one, other)} and {max(one, other)}, cosine {cosine:.2f}"
    lines.append(f"{short}{alike}.")
    return [line.replace("-", "−") for line in lines]
