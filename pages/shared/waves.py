"""The parts of the page on Fourier: the theorem, strides as folding, and what both ways to convolve cost."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from convviz import (
    activations,
    checking,
    convolution,
    costs,
    downsampling,
    fourier,
    images,
    kernels,
    recipes,
    rendering,
)
from pages.shared import charts, choices, engine, pickers, responses, ui, words

PARTS = {  # of the page -> where it is from
    "Theorem": "Gonzalez & Woods, Digital Image Processing, 4th ed., section 4.6: the 2-D convolution theorem.",
    "Strides": "Oppenheim & Schafer, Discrete-time signal processing, 3rd ed., section 4.6; Zhang 2019, "
    "arXiv:1904.11486.",
    "Cost": "Cooley & Tukey 1965, An algorithm for the machine calculation of complex Fourier series; Mathieu, Henaff "
    "& LeCun 2014, Fast training of convolutional networks through FFTs, arXiv:1312.5851.",
}
SIDES = (64, 128, 256, 512)  # of the picture that is timed
RINGS = 256  # pixels of a side
SLOT = "fourier_cost"
_FILES = ("whole.png", "kept.png", "kept_after_blur.png"), ("spectrum.png", "folded.png", "folded_after_blur.png")
_WANTED = "_fourier_cost_wanted"
LAYOUT = "the middle is the mean, further out are finer waves, at the border they are two pixels long"


@dataclass(frozen=True)
class Shown:
    """What stands under a part: what to notice, its program, its files, and a check where Keras has the means."""

    notice: list[str]
    code: str
    files: dict[str, Callable[[], bytes]]
    check: Callable[[], str] | None = None


# --- the theorem --------------------------------------------------------------------------------------------------


def learned(page: str) -> tuple[str, np.ndarray]:
    """A kernel that a network has learned, of its first convolution."""
    network, _ = pickers.network(page)
    choices.belong(network, "fourier_filter")
    layer, learned_kernels = engine.compute(activations.first_kernels, network)
    last = learned_kernels.shape[-1] - 1
    index = choices.number(f"Filter (0 to {last})", 0, last, 0, key="fourier_filter") if last else 0
    st.caption(
        f"Filter {index} of {words.safe(layer)}, the network's first convolution; its kernels for red, green and blue "
        "are added up, since they meet the same grey values."
    )
    return f"filter {index} of {layer}", learned_kernels[..., index]


def theorem(array: np.ndarray, weights: np.ndarray, name: str, picture: pickers.Picture) -> Shown:
    """Above, picture and kernel are convolved; below, their spectra are multiplied."""
    circular = {"padding": "same", "padding_mode": "circular"}
    direct = ui.cached(convolution.convolve)(array, weights, **circular)
    product = ui.cached(fourier.convolve)(array, weights)
    response = ui.cached(fourier.frequency_response)(weights, array.shape)
    limit = ui.limit_of(direct)
    ui.section("In the picture: a convolution")
    before, middle, after = st.columns([9, 3, 9], gap="medium")
    with before:
        ui.picture(array, f"{picture.caption}, {words.shape(array)}", picture.alt, at_least=300)
    with middle, st.container(key="kernel_picture"):
        responses.kernel_picture(weights, name, sign="∗ ")
    with after:
        ui.picture(
            _signed(direct, limit), f"= direct convolution, {_range(direct)}", f"The picture under {name}", at_least=300
        )
    ui.section("In its waves: a product")
    columns = st.columns(4, gap="medium")
    spectra = [_spectrum(array), response, ui.cached(fourier.product)(array, weights)]
    titles = [
        "Spectrum of the picture, log(1 + magnitude)",
        "× response of the kernel",
        "= product, log(1 + magnitude)",
    ]
    for column, values, title in zip(columns, spectra, titles, strict=False):
        with column:
            up_to = f"up to {float(values.max()):.3g}"
            ui.picture(rendering.magnitude(values), f"{title}, {up_to}", f"{title}: {up_to}", at_least=300)
            ui.colour_bar("viridis", float(values.max()))
    with columns[3]:
        ui.picture(
            _signed(product, limit), f"Back from the waves, {_range(product)}", "The product's picture", at_least=300
        )
        if direct.min() < 0:
            ui.colour_bar("signed", limit, beyond=limit < float(np.abs(direct).max()))
    apart = float(np.abs(direct.astype(np.float64) - product).max())
    told = f"{apart:.2g}" if apart else "0 in numbers of 32 bits"
    st.info(
        f"Largest difference between the direct convolution and the way through the waves: **{told}**, "
        f"for values up to {float(np.abs(direct).max()):.4g}.",
        icon=":material/compare_arrows:",
    )
    between = float(np.abs(spectra[2] - _spectrum(direct)).max())
    mean, finest = (_plain(response[place]) for place in ((array.shape[0] // 2, array.shape[1] // 2), (0, 0)))
    notice = [
        f"In a spectrum {LAYOUT}.",
        f"The kernel multiplies the mean by {mean} and the finest wave by {finest}; its strongest response "
        f"is {float(response.max()):.3g}.",
        f"The product is the spectrum of the direct convolution, {_to_within(between, ' on this scale')}. Both take "
        "the picture as going on at its other side.",
    ]
    colours = dict(zip(("spectrum.png", "response.png", "product.png"), spectra, strict=True))
    files = {file: lambda values=values: rendering.png(rendering.magnitude(values)) for file, values in colours.items()}
    files["feature_map.png"] = lambda: rendering.png(_signed(product, limit))
    code = recipes.fourier.theorem(picture.name, weights, limit=None if _is_light(direct) else limit)
    return Shown(notice, code, files, lambda: str(engine.compute(checking.by_waves, array, weights)))


def _spectrum(values: np.ndarray) -> np.ndarray:
    return ui.cached(fourier.spectrum)(values)


def _plain(value: float) -> str:
    """A number, and 0 for what is left of one by rounding."""
    return f"{value:.3g}" if abs(value) > 1e-6 else "0"


def _to_within(apart: float, more: str = "") -> str:
    """How far apart two results are at most, which is 0 only where they are the same."""
    return f"to within {apart:.1g}{more}" if apart else "the same in numbers of 32 bits"


def _range(values: np.ndarray) -> str:
    return f"values {words.numbers(float(values.min()), float(values.max()))}"


def _signed(values: np.ndarray, limit: float) -> np.ndarray:
    """Grey levels where nothing is negative and all fits a byte, as in a blur; else colours of the sign."""
    if _is_light(values):
        return _levels(values)
    return rendering.signed(values, limit)


def _is_light(values: np.ndarray) -> bool:
    return bool(values.min() > -0.5 and values.max() < 255.5)


# --- strides ------------------------------------------------------------------------------------------------------


def folding(picture: pickers.Picture | None, stride: int, taps: int) -> Shown:
    """A picture (the rings where None), every s-th pixel of it, and the same after a blur, each with its spectrum."""
    array = fourier.rings(RINGS) if picture is None else images.grey(picture.array)
    title = "Rings" if picture is None else picture.caption
    whole = downsampling.whole_strides(array, stride)
    blurred = ui.cached(fourier.convolve)(whole, kernels.binomial(taps))
    height, width = (side // stride for side in whole.shape)
    top, left = whole.shape[0] // 2 - height // 2, whole.shape[1] // 2 - width // 2
    beyond, after = (ui.cached(fourier.share_beyond)(one, stride) for one in (whole, blurred))
    top_level = float(_spectrum(whole).max())
    rows = [
        (whole, _spectrum(whole), title, "its spectrum; the frame holds the waves that the stride can keep"),
        (whole[::stride, ::stride], ui.cached(fourier.fold)(whole, stride), f"Every {_nth(stride)} pixel",
         "the spectrum, folded: what was outside the frame lies on what was inside"),
        (blurred[::stride, ::stride], ui.cached(fourier.fold)(blurred, stride),
         f"Blurred with {taps} × {taps}, then every {_nth(stride)} pixel",
         f"its spectrum; {words.share(after, fine=True)} of its power folded"),
    ]  # fmt: skip
    for number, (pixels, spectrum, said, about) in enumerate(rows):
        left_column, right_column = st.columns(2, gap="medium")
        with left_column:
            shape = words.shape(pixels)
            ui.picture(_levels(pixels), f"{said}, {shape}", f"{said}: {shape}", at_least=420)
        with right_column:
            drawn = rendering.magnitude(spectrum, top_level)
            if number == 0:
                drawn = rendering.framed(drawn, (top, left, top + height, left + width))
            ui.picture(drawn, f"{about}, {words.shape(spectrum)}".capitalize(), f"{said}: {about}", at_least=420)
    with right_column:
        ui.colour_bar("viridis", top_level)
        st.caption("log(1 + magnitude), one scale for the three spectra")
    apart = float(np.abs(rows[1][1] - _spectrum(rows[1][0])).max())
    notice = [
        f"{words.share(beyond, fine=True)} of the picture's power, without its mean, lies in waves shorter than "
        f"{2 * stride} pixels. A stride of {stride} cannot hold them; they come back as coarse waves that never "
        "were (aliases).",
        f"After the blur they are {words.share(after, fine=True)} of what is left, "
        f"{'so that less folds' if after < beyond else 'no less than before'}.",
        f"The folded spectrum is that of the kept pixels, {_to_within(apart)}.",
    ]
    files = {}
    for of_picture, of_spectrum, row in zip(_FILES[0], _FILES[1], rows, strict=True):
        files[of_picture] = lambda values=row[0]: rendering.png(_levels(values))
        files[of_spectrum] = lambda values=row[1]: rendering.png(rendering.magnitude(values, top_level))
    code = recipes.fourier.folding(picture and picture.name, stride=stride, taps=taps, size=RINGS)
    return Shown(notice, code, files, lambda: str(engine.compute(checking.folded, whole, stride)))


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _nth(stride: int) -> str:
    return {2: "second", 3: "third"}.get(stride, f"{stride}th")


# --- cost ---------------------------------------------------------------------------------------------------------


def cost(picture: pickers.Picture, side: int, *, again: bool) -> Shown:
    """Both ways timed in the worker, kernel by kernel."""
    array = images.limit(images.grey(picture.array), side)
    wanted = (array.shape, hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest())
    if again or st.session_state.get(_WANTED) != wanted or engine.job(SLOT) is None:
        engine.start(SLOT, costs.measure, array)
        st.session_state[_WANTED] = wanted
    engine.live(lambda: _course(array.shape), SLOT)
    code = recipes.fourier.cost(picture.name, side=side, sides=costs.SIDES)
    return Shown(_noticed_costs(), code, {"costs.csv": functools.partial(_table, engine.job(SLOT).history)})


def _table(history: list[costs.Cost]) -> bytes:
    """The measured times, to save."""
    lines = [f"{one.side},{one.direct:.9f},{one.transform:.9f}" for one in history]
    return "\n".join(["side,direct_seconds,fourier_seconds", *lines, ""]).encode()


def _course(shape: tuple[int, ...]) -> None:
    """How far the measurement is, and its curve so far."""
    job = engine.job(SLOT)
    if job is None:
        return
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    now, history = job.latest, job.history
    done, total = (now.done, now.total) if now is not None else (0, len(costs.SIDES))
    state, stop = st.columns([4, 1], vertical_alignment="bottom")
    ended = {"stopped": ". Stopped", "done": ". Done"}.get(job.state, "")
    state.progress(
        done / total, f"{done} of {total} kernels timed on a picture of {words.shape(np.empty(shape))}{ended}"
    )
    stop.button(
        "Stop", icon=":material/stop:", on_click=job.stop, disabled=job.ended, key="stop_costs", width="stretch"
    )
    if history:
        lines = {
            "direct": ([1e3 * one.direct for one in history], charts.TRAINING),
            "Fourier": ([1e3 * one.transform for one in history], charts.VALIDATION),
        }
        charts.curves(
            "Time of one convolution (ms)", [one.side for one in history], lines,
            x_title="side of the kernel (pixels)", key="cost_curve", logarithmic=True, marked=True,
        )  # fmt: skip


def _noticed_costs() -> list[str]:
    """Where the curves cross, measured now, and how far apart they end."""
    job = engine.job(SLOT)
    history = job.history if job is not None and job.ended else []
    if not history:
        return ["The direct sum takes one product for every cell of the kernel; the transform takes any kernel alike."]
    cross, last = costs.crossing(history), history[-1]
    ratio = last.direct / last.transform
    return [
        f"On this machine, on this picture, the two ways cross at kernels of about {cross:.0f} × {cross:.0f}: smaller "
        "ones are quicker directly, larger ones by Fourier."
        if cross is not None
        else "Among the kernels that were timed the two ways do not cross.",
        f"At {last.side} × {last.side} the direct sum takes {1e3 * last.direct:.3g} ms, the transform "
        f"{1e3 * last.transform:.3g} ms: {max(ratio, 1 / ratio):.1f} times {'more' if ratio > 1 else 'less'}.",
        f"Both give the same, {_to_within(max(one.difference for one in history))}.",
    ]
