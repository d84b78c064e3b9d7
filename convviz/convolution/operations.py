"""The kinds of convolution: ordinary, transposed, depthwise, pointwise; and Sobel's gradient made of two."""

from __future__ import annotations

import numpy as np

from convviz import ConvvizError
from convviz.convolution.geometry import PADDINGS, Padding, Pair, check_shapes, pair, walk
from convviz.convolution.sliding import slide
from convviz.kernels import KERNELS

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601-7, section 2.5.1


def convolve(
    image: np.ndarray,
    weights: np.ndarray,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    padding_mode: str = "zero",
    flip: bool = False,
) -> np.ndarray:
    """The sum of products of a kernel and the picture under it, at every place.

    The kernel is not turned round, as in every convolutional network. NaN and infinity spread as IEEE 754 says, to
    every place whose window holds them and to no other; also 0 times NaN is NaN. The sums over a float32 picture are
    those of float32, which are infinite beyond 3.4e38.

    Args:
        image: (H, W) or (H, W, C), uint8 or any real dtype; the values are taken as they are.
        weights: (kh, kw), one kernel for every channel alike; (kh, kw, C), one filter; (kh, kw, C, F), a layer.
        stride: step between places, pixels: one number or (vertical, horizontal).
        padding: "valid" (none), "same" (TensorFlow's: ceil(H / stride) rows come out), pixels all round, or
            ((top, bottom), (left, right)).
        dilation: distance between taps, pixels: one number or (vertical, horizontal).
        padding_mode: what stands in the padding: "zero", "reflect" (without the border pixel), "replicate" (the border
            pixel) or "circular" (the other side).
        flip: turn the kernel round first, the mathematician's convolution.

    Returns:
        float32 (H', W') for one kernel on a grey picture or one filter; (H', W', C) for one kernel on C channels;
        (H', W', F) for a layer. H' = floor((H + padding - reach) / stride) + 1.

    Raises:
        ConvvizError: the kernel does not fit, or the choices do not go together.

    Source:
        Dumoulin & Visin 2016, A guide to convolution arithmetic for deep learning, arXiv:1603.07285.

    Example:
        >>> convolve(np.arange(25).reshape(5, 5), KERNELS["sobel_x"].weights).shape
        (3, 3)
    """
    image, weights = real(image, "picture"), real(weights, "weights")
    check_shapes(image.shape, weights.shape)
    way = walk(image.shape, weights.shape, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode)
    if flip:
        weights = weights[::-1, ::-1]
    response = slide(image.reshape(*image.shape[:2], -1), weights[..., None] if weights.ndim == 3 else weights, way)
    one_map = weights.ndim == 3 or (weights.ndim == 2 and image.ndim == 2)
    return response[..., 0] if one_map else response


def transpose(image: np.ndarray, weights: np.ndarray, *, stride: Pair = 1, padding: str = "valid") -> np.ndarray:
    """Transposed convolution: every pixel lays down the kernel, times its value, ``stride`` pixels apart.

    Args:
        image: (H, W) or (H, W, C).
        weights: (kh, kw), one kernel for every channel alike; (kh, kw, C), one filter; (kh, kw, F, C), a layer in the
            order in which Keras' Conv2DTranspose keeps its kernel, what comes out before what goes in.
        stride: distance between the kernels laid down, pixels: one number or (vertical, horizontal).
        padding: "valid" (all of it, H' = H * stride + max(kh - stride, 0)) or "same" (its middle, H' = H * stride).

    Returns:
        float32 (H', W'), (H', W', C) for one kernel on C channels, or (H', W', F) for a layer.

    Raises:
        ConvvizError: shapes that do not go together, or another padding.

    Source:
        Dumoulin & Visin 2016, arXiv:1603.07285, section 4; Keras, Conv2DTranspose.

    Example:
        >>> transpose(np.ones((2, 2)), np.ones((2, 2)), stride=2).shape
        (4, 4)
    """
    image, weights = real(image, "picture"), real(weights, "weights")
    check_shapes(image.shape, weights.swapaxes(2, 3).shape if weights.ndim == 4 else weights.shape)
    if padding not in PADDINGS:
        raise ConvvizError(f"a transposed convolution has no padding {padding!r:.40}; choose 'valid' or 'same'")
    steps = pair(stride, "stride")
    if min(steps) < 1:
        raise ConvvizError(f"the stride is {stride}; make it at least 1")
    whole = _lay_down(image.astype(np.float64), weights.astype(np.float64), steps)
    sizes = [_transposed_sizes(*axis, padding) for axis in zip(image.shape[:2], weights.shape[:2], steps, strict=True)]
    (top, height), (left, width) = sizes
    with np.errstate(over="ignore"):
        return whole[top : top + height, left : left + width].astype(np.float32)


def _lay_down(image: np.ndarray, weights: np.ndarray, steps: tuple[int, int]) -> np.ndarray:
    """All kernels laid down, with room for the last stride: float64 (H * stride + kh, W * stride + kw, ...)."""
    (height, width), (down, across), (kh, kw) = image.shape[:2], steps, weights.shape[:2]
    kept = image.shape[2:] if weights.ndim == 2 else weights.shape[2:-1]
    whole = np.zeros((height * down + kh, width * across + kw, *kept))
    if weights.ndim > 2:
        image = image.reshape(height, width, -1)
    with np.errstate(invalid="ignore", over="ignore"):
        for row, col in np.ndindex(kh, kw):
            places = whole[row : row + height * down : down, col : col + width * across : across]
            places += image * weights[row, col] if weights.ndim == 2 else image @ weights[row, col].T
    return whole


def _transposed_sizes(size: int, kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Along one axis, what is cut off before, and how much is kept."""
    overlap = max(kernel - stride, 0)
    return (0, size * stride + overlap) if padding == "valid" else (overlap // 2, size * stride)


def depthwise(
    image: np.ndarray,
    weights: np.ndarray,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    padding_mode: str = "zero",
    flip: bool = False,
) -> np.ndarray:
    """Every channel under a kernel of its own, nothing summed over channels.

    Args:
        image: (H, W, C).
        weights: (kh, kw, C).
        stride: step between places, pixels.
        padding: as for ``convolve``.
        dilation: distance between taps, pixels.
        padding_mode: as for ``convolve``.
        flip: turn the kernels round first.

    Returns:
        float32 (H', W', C).

    Raises:
        ConvvizError: the numbers of channels differ, or what ``convolve`` refuses.

    Source:
        Chollet 2017, Xception, arXiv:1610.02357; Keras, DepthwiseConv2D with depth_multiplier 1.
    """
    image, weights = real(image, "picture"), real(weights, "weights")
    if image.ndim != 3 or weights.ndim != 3:
        raise ConvvizError(
            f"depthwise convolution takes a picture (H, W, C) and weights (kh, kw, C), not {image.shape} and "
            f"{weights.shape}; give one kernel for each channel"
        )
    check_shapes(image.shape, weights.shape)
    way = walk(image.shape, weights.shape, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode)
    if flip:
        weights = weights[::-1, ::-1]
    return np.concatenate([slide(image[..., c, None], weights[..., c], way) for c in range(image.shape[2])], axis=-1)


def pointwise(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A 1x1 convolution: every pixel's channels mixed anew, neighbours not looked at.

    Args:
        image: (H, W, C).
        weights: (C, F).

    Returns:
        float32 (H, W, F).

    Raises:
        ConvvizError: the numbers of channels differ.

    Source:
        Lin, Chen & Yan 2014, Network in network, arXiv:1312.4400; Chollet 2017, arXiv:1610.02357.
    """
    image, weights = real(image, "picture"), real(weights, "weights")
    if image.ndim != 3 or weights.ndim != 2 or len(weights) != image.shape[2]:
        raise ConvvizError(
            f"pointwise convolution takes a picture (H, W, C) and weights (C, F), not {image.shape} and "
            f"{weights.shape}; give as many rows of weights as the picture has channels"
        )
    with np.errstate(invalid="ignore", over="ignore"):
        return (image.astype(np.float64) @ weights.astype(np.float64)).astype(np.float32)


def gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sobel's gradient of the brightness: how steep it is and which way is up.

    The two Sobel kernels are turned round, as in their definition by true convolution, so that the gradient points to
    where the picture is brighter. The border pixel is repeated outside.

    Args:
        image: (H, W), or (H, W, 3) RGB, of which the luminance is taken, not rounded.

    Returns:
        (magnitude, direction), float32 (H, W) each. Magnitude sqrt(Gx^2 + Gy^2) in eighths of brightness per pixel;
        direction atan2(Gy, Gx), radians in [-pi, pi]: 0 points right, pi / 2 points down, as rows are counted.

    Raises:
        ConvvizError: the picture is neither grey nor RGB.

    Source:
        Sobel & Feldman 1968, An isotropic 3x3 image gradient operator.

    Example:
        >>> ramp = np.tile(np.arange(5), (3, 1))
        >>> [float(part[1, 2]) for part in gradient(ramp)]
        [8.0, 0.0]
    """
    image = real(image, "picture")
    if image.ndim == 3 and image.shape[2] == 3:
        image = pointwise(image, np.array(LUMINANCE)[:, None])[..., 0]
    if image.ndim != 2:
        raise ConvvizError(
            f"a gradient needs a grey or an RGB picture, not shape {image.shape}; give (H, W) or (H, W, 3)"
        )
    across, down = (
        convolve(image, KERNELS[name].weights, padding="same", padding_mode="replicate", flip=True)
        for name in ("sobel_x", "sobel_y")
    )
    return np.hypot(across, down), np.arctan2(down, across)


def real(values: np.ndarray, what: str) -> np.ndarray:
    """An array of real numbers that OpenCV and NumPy both take."""
    values = np.asarray(values)
    if values.dtype.kind not in "buif":
        raise ConvvizError(f"the {what} holds values of type {values.dtype}; give real numbers")
    if values.dtype.kind == "f" and values.dtype not in (np.float32, np.float64):
        return values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    return values
