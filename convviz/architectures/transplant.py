"""A kernel of one's own as the first filter of a network's first convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, matrices

keras = lazy.load("keras")


@dataclass(frozen=True)
class Transplant:
    """A kernel to be put into the first layer, as its filter 0.

    Attributes:
        kernel: the kernel's rows.
        frozen: whether training leaves it, and its bias of 0, as they are.
    """

    kernel: tuple[tuple[float, ...], ...]
    frozen: bool = True

    @classmethod
    def of(cls, weights: np.ndarray, *, frozen: bool = True) -> Transplant:
        """From a kernel (kh, kw), any real dtype."""
        rows = tuple(tuple(float(cell) for cell in row) for row in np.asarray(weights, np.float64))
        return cls(rows, frozen)

    @classmethod
    def parse(cls, written: str, *, frozen: bool = True) -> Transplant:
        """From text such as ``"0 1 0; 1 -4 1; 0 1 0"``; ConvvizError where it is no matrix."""
        return cls.of(matrices.parse(written, what="kernel", largest=15), frozen=frozen)

    @property
    def size(self) -> tuple[int, int]:
        """(kh, kw)."""
        return len(self.kernel), len(self.kernel[0])

    def __str__(self) -> str:
        """As text that ``parse`` reads."""
        return matrices.text(np.array(self.kernel))

    def weights(self, height: int, width: int, channels: int) -> np.ndarray:
        """The kernel in the middle of a window, the same for every channel.

        Args:
            height: of the window, pixels.
            width: of the window, pixels.
            channels: that come in; each gets the kernel divided by their number, so that the filter answers as the
                kernel does on the mean of the channels.

        Returns:
            float32 (height, width, channels).

        Raises:
            ConvvizError: the kernel is larger than the window.
        """
        rows, columns = self.size
        if rows > height or columns > width:
            raise ConvvizError(
                f"the kernel has {rows} × {columns} cells and the first convolution's window {height} × {width}; "
                f"give that layer the size {max(rows, columns)}"
            )
        top, left = (height - rows) // 2, (width - columns) // 2
        found = np.zeros((height, width, channels), np.float32)
        found[top : top + rows, left : left + columns] = np.array(self.kernel)[..., None] / channels
        return found

    def put_into(self, model: Any) -> None:
        """Make the kernel filter 0 of a built model's first convolution, with a bias of 0."""
        layer = first_convolution(model)
        weights = layer.kernel.numpy()
        weights[..., 0] = self.weights(*weights.shape[:3])
        layer.kernel.assign(weights)
        if layer.use_bias:
            layer.bias.assign(np.where(np.arange(weights.shape[-1]) == 0, 0, layer.bias.numpy()))

    def masks(self, model: Any) -> dict[str, np.ndarray]:
        """Where training may change what: variable's path -> float32 of 1 and 0, for those that are partly frozen."""
        if not self.frozen:
            return {}
        layer = first_convolution(model)
        found = {}
        for variable in (layer.kernel, layer.bias) if layer.use_bias else (layer.kernel,):
            found[variable.path] = np.ones(variable.shape, np.float32)
            found[variable.path][..., 0] = 0
        return found


def first_convolution(model: Any) -> Any:
    """The first Conv2D of a built model, inside nested ones too; ConvvizError if there is none."""
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.Conv2D:
            return layer
    raise ConvvizError("this network has no convolution to put the kernel into; give it one")
