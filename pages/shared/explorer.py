"""The explorer: grids of numbers that explain themselves under the pointer, answered in the browser alone.

Streamlit takes a component's script as one text, so the modules under ``assets/`` are joined here: the arithmetic,
which is tested by itself, the drawing, and the explorer proper. What crosses to the browser is one block of bytes: the
length of a header, the header in JSON, and the arrays after it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from convviz import convolution, images, pooling, rendering
from convviz.convolution import geometry
from pages.shared import components, ui

KINDS = ("convolution", "pooling", "transposed", "padding")
SENT = 256  # cells of a side that are sent at most; of a larger picture a crop, another where the visitor goes
OVERVIEW = 96  # pixels of the small picture that shows where the crop is
LABELS = {"source": "Input", "weights": "Kernel", "result": "Output"}


def _joined(*names: str) -> str:
    """Modules that import one another as one: without imports, and without exports but the last module's."""
    *inner, last = (_IMPORT.sub("", (ui.ASSETS / name).read_text()) for name in names)
    return "\n".join([*(text.replace("\nexport ", "\n") for text in inner), last])


_IMPORT = re.compile(r'^import {[^}]*} from "\./explorer_\w+\.js";\n', re.MULTILINE)
SCRIPT = _joined("explorer_logic.js", "explorer_drawing.js", "explorer.js")
_component = components.declared("explorer", SCRIPT)


def explorer(
    kind: str,
    source: np.ndarray,
    weights: np.ndarray | None = None,
    result: np.ndarray | None = None,
    *,
    key: str,
    settings: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    looks: Mapping[str, str] | None = None,
    limit: float | None = None,
    bias: float = 0.0,
    cells: int = 12,
    at: tuple[int, int] | None = None,
    pins: bool = False,
) -> tuple[int, int] | None:
    """Input, kernel and output as grids; the pointer, the arrow keys or a scan show how each number comes about.

    Args:
        kind: one of ``KINDS``.
        source: (H, W) or (H, W, C), the whole picture, uint8 or any real dtype; of more than 256 cells a crop is sent.
        weights: (kh, kw), every channel alike, or (kh, kw, C), one filter over the channels; None for pooling and
            padding.
        result: what the package computed for these settings, (H', W') or (H', W', C) where every channel stays by
            itself; computed here where None.
        key: names the explorer, unique on the page.
        settings: the keyword choices as given to ``convolution.convolve`` (stride, padding, dilation, padding_mode,
            flip), ``pooling.pool`` (size, stride, padding, mode), ``convolution.transpose`` (stride, padding), or for
            padding alone: padding and padding_mode.
        labels: captions of "source", "weights" and "result" in place of ``LABELS``; plain text.
        looks: how "source" and "result" are coloured: "picture" (0 to 255 as grey or RGB), "signed" or "magnitude";
            by default a uint8 array, or one with three channels, is a picture, negative numbers make it signed, and
            pooling and padding keep the colours of the source.
        limit: where the colours of the result end; by default as ``ui.limit_of`` says.
        bias: added to the sum of products; the result has to hold it.
        cells: of a side in view at first.
        at: the cell of the output, row and column, that stands in the middle at first; another value moves there.
        pins: tell the page which cell of the output is pinned; each click then makes a run of the page.

    Returns:
        Row and column of the pinned cell of the output where ``pins`` asks for it, else None.

    Raises:
        ConvvizError: the kernel does not fit, or the choices do not go together.

    Example, on a page::

        explorer.explorer("convolution", array, kernel.weights, feature_map, key="cells", settings=settings)
    """
    said = st.session_state.get(key) or {}
    data = pack(
        kind, source, weights, result, settings=settings, labels=labels, looks=looks, limit=limit, bias=bias,
        cells=cells, at=at, pins=pins, place=said.get("place"),
    )  # fmt: skip
    _component(key=key, data=data, on_place_change=_nothing, on_pinned_change=_nothing)
    pinned = said.get("pinned")
    return tuple(pinned) if pins and _is_place(pinned) else None


def _nothing() -> None:
    """A moved crop needs no more than the run that it causes."""


def _result(kind: str, source: np.ndarray, weights: np.ndarray | None, settings: Mapping[str, Any]) -> np.ndarray:
    """What the package computes."""
    if kind == "padding":
        way = _walk(source, (1, 1), settings)
        return geometry.pad(source, way.pads, way.mode)
    if kind == "pooling":
        return ui.cached(pooling.pool)(source, **settings)
    return ui.cached(convolution.transpose if kind == "transposed" else convolution.convolve)(
        source, weights, **settings
    )


def _applied(weights: np.ndarray | None, settings: Mapping[str, Any]) -> np.ndarray | None:
    """The weights as they lie on the picture, float32 (kh, kw, 1 or C)."""
    if weights is None:
        return None
    weights = np.asarray(weights, np.float32)
    weights = weights[::-1, ::-1] if settings.get("flip") else weights
    return weights[..., None] if weights.ndim == 2 else weights


def _walk(source: np.ndarray, kernel: tuple[int, int], settings: Mapping[str, Any]) -> geometry.Walk:
    known = ("stride", "padding", "dilation", "padding_mode")
    return geometry.walk(source.shape, kernel, **{name: settings[name] for name in known if name in settings})


def _axes(
    kind: str, source: np.ndarray, weights: np.ndarray | None, result: np.ndarray, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What the browser has to know of each axis, the vertical one first."""
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, not one of {KINDS}")
    if kind == "transposed":
        stride, padding = geometry.pair(settings.get("stride", 1), "stride"), settings.get("padding", "valid")
        return [
            {"kind": kind, "size": size, "kernel": kernel, "stride": step, "dilation": 1, "before": 0, "after": 0,
             "mode": "zero", "cut": max(kernel - step, 0) // 2 if padding == "same" else 0, "outs": outs}
            for size, kernel, step, outs in zip(source.shape, weights.shape, stride, result.shape, strict=False)
        ][:2]  # fmt: skip
    if kind == "pooling":
        size = geometry.pair(settings.get("size", 2), "window")
        stride = settings.get("stride")
        settings = {"padding": settings.get("padding", "valid"), "stride": size if stride is None else stride}
    else:
        size = (1, 1) if kind == "padding" else weights.shape[:2]
    way = _walk(source, size, settings)
    if way.shape != result.shape[:2]:
        raise ValueError(f"the result has shape {result.shape} where these settings give {way.shape}")
    return [
        {"kind": kind, "size": way.size[n], "kernel": way.kernel[n], "stride": way.stride[n],
         "dilation": way.dilation[n], "before": way.pads[n][0], "after": way.pads[n][1], "mode": way.mode, "cut": 0,
         "outs": way.shape[n]}
        for n in (0, 1)
    ]  # fmt: skip


def pack(
    kind: str,
    source: np.ndarray,
    weights: np.ndarray | None = None,
    result: np.ndarray | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    looks: Mapping[str, str] | None = None,
    limit: float | None = None,
    bias: float = 0.0,
    cells: int = 12,
    at: tuple[int, int] | None = None,
    pins: bool = False,
    place: Sequence[int] | None = None,
) -> bytes:
    """Everything that the browser needs, in one block.

    The choices are those of ``explorer``; ``place`` is the row and column of the picture that the crop is about, as the
    browser asked for it, otherwise it is about ``at`` or the middle.

    Returns:
        uint32 (little-endian) length of the header, the header in JSON, the arrays it lists: "u1" or "f4".
    """
    source, settings, looks = np.asarray(source), dict(settings or {}), dict(looks or {})
    if result is None:
        result = _result(kind, source, weights, settings) + (np.float32(bias) if bias else 0)
    result = np.asarray(result)
    axes = _axes(kind, source, weights, result, settings)
    centre = place if _is_place(place) else [_under(axis, at and at[n]) for n, axis in enumerate(axes)]
    crops = [_crop(axis, middle) for axis, middle in zip(axes, centre, strict=True)]
    turned = {"weights": "Kernel, turned round"} if settings.get("flip") else {}
    arrays = {
        "source": geometry.patch(source, *(np.arange(*places) for places, _ in crops), axes[0]["mode"]),
        "result": result[tuple(slice(*outs) for _, outs in crops)],
        "overview": _overview(source, looks.get("source")),
        "tables": np.stack([rendering.TABLES[name] for name in ("signed", "viridis", "weights")]),
    }
    if weights is not None:
        arrays["weights"] = _applied(weights, settings)
    scaled = _look(source, looks.get("source"), None)
    alike = kind in ("pooling", "padding") and "result" not in looks and limit is None
    shown = scaled if alike else _look(result, looks.get("result"), limit)
    header = {
        "kind": kind, "axes": axes, "mode": settings.get("mode", "max"), "bias": float(np.float32(bias)),
        "cells": cells, "at": at, "pins": pins, "labels": LABELS | turned | dict(labels or {}),
        "source": {"origin": [first for (first, _), _ in crops], **scaled},
        "result": {"origin": [first for _, (first, _) in crops], **shown},
    }  # fmt: skip
    return _block(header, arrays)


def _block(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Header and arrays one after the other, each beginning at a multiple of four."""
    listed, blocks = [], []
    for name, array in arrays.items():
        kind = np.uint8 if array.dtype.kind == "b" or array.dtype == np.uint8 else np.dtype("<f4")
        array = np.ascontiguousarray(array if array.ndim > 2 else array[..., None], kind)
        kept = {"name": name, "type": "u1" if kind is np.uint8 else "f4", "shape": array.shape}
        listed.append(kept | {"offset": sum(map(len, blocks))})
        blocks.append(array.tobytes() + bytes(-array.nbytes % 4))
    text = json.dumps({**header, "arrays": listed}, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *blocks])


def _under(axis: Mapping[str, Any], out: int | None) -> int:
    """The pixel in the middle of what an output is made of."""
    if out is None:
        return axis["size"] // 2
    if axis["kind"] == "transposed":
        return (out + axis["cut"]) // axis["stride"]
    return out * axis["stride"] - axis["before"] + (axis["kernel"] - 1) * axis["dilation"] // 2


def _is_place(place: Any) -> bool:
    """What the browser says, believed only if it is two whole numbers."""
    return isinstance(place, list | tuple) and len(place) == 2 and all(type(number) is int for number in place)


def _crop(axis: Mapping[str, Any], centre: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Along one axis, the places that are sent and the outs that they feed: [first, last) each."""
    low, high = -axis["before"], axis["size"] + axis["after"]
    transposed, span = axis["kind"] == "transposed", (axis["kernel"] - 1) * axis["dilation"]
    side = min(high - low, max(SENT // axis["stride"], 8) if transposed else max(SENT, 64 + 2 * span))
    first = min(max(centre - side // 2, low), high - side)
    last = first + side
    if transposed:
        tail = max(axis["kernel"] - axis["stride"], 0)
        outs = (first * axis["stride"] - axis["cut"], last * axis["stride"] + tail - axis["cut"])
    else:
        outs = (
            -(-(first + axis["before"] - span) // axis["stride"]),
            (last - 1 + axis["before"]) // axis["stride"] + 1,
        )
    return (first, last), (max(outs[0], 0), min(outs[1], axis["outs"]))


def _look(values: np.ndarray, look: str | None, limit: float | None) -> dict[str, Any]:
    """How an array is coloured, and between which limits."""
    if look is None:
        negative = values.dtype != np.uint8 and bool((values < 0).any())
        look = "picture" if values.dtype == np.uint8 or values.ndim == 3 else "signed" if negative else "magnitude"
    if look == "picture":
        return {"look": look, "limits": [0.0, 255.0]}
    high = ui.limit_of(values) if limit is None else float(limit)
    return {"look": look, "limits": [-high if look == "signed" else 0.0, high]}


def _overview(source: np.ndarray, look: str | None) -> np.ndarray:
    """The whole picture, small: uint8 (h, w, 3)."""
    chosen = _look(source, look, None)
    if chosen["look"] == "picture":
        small = np.clip(np.nan_to_num(source), 0, 255).astype(np.uint8)
        small = small if small.ndim == 3 and small.shape[2] == 3 else small.reshape(*small.shape[:2], -1).mean(axis=2)
        small = small if small.ndim == 3 else np.repeat(small.astype(np.uint8)[..., None], 3, axis=2)
    else:
        flat = source if source.ndim == 2 else source.mean(axis=2)
        colours = rendering.signed if chosen["look"] == "signed" else rendering.magnitude
        small = colours(flat, chosen["limits"][1])
    return images.limit(small, OVERVIEW) if max(small.shape[:2]) > OVERVIEW else small
