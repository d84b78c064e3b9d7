"""What can be chosen when a pattern is drawn, each with a title, one line on what it does, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """One thing that can be chosen.

    Attributes:
        title: for people.
        idea: what it does, one sentence without a full stop.
        source: who published it, where.
    """

    title: str
    idea: str
    source: str


_OLAH = "Olah, Mordvintsev & Schubert 2017, Feature visualization, doi:10.23915/distill.00007"
_INCEPTIONISM = "Mordvintsev, Olah & Tyka 2015, Inceptionism: going deeper into neural networks"
_SIMONYAN = "Simonyan, Vedaldi & Zisserman 2013, arXiv:1312.6034"
_YOSINSKI = "Yosinski et al. 2015, Understanding neural networks through deep visualization, arXiv:1506.06579"

RECIPES: Mapping[str, About] = {
    "fast": About(
        "Fast",
        "few, ever shorter steps with some momentum; where the layer is fine enough most of them on a small tile that "
        "is then repeated and climbed on",
        "the lecture's loop, shortened here",
    ),
    "lecture": About(
        "The lecture's",
        "40 equal steps along the gradient, which is divided by its root mean square",
        "Erhan et al. 2009, Visualizing higher-layer features of a deep network; Chollet 2018, Deep Learning with "
        "Python, listings 5.32 to 5.36",
    ),
}

OBJECTIVES: Mapping[str, About] = {
    "channel": About(
        "Filter, everywhere", "raises the mean of one filter's feature map: a texture fills the picture", _OLAH
    ),
    "unit": About(
        "Filter, one cell", "raises the single cell in the middle of one filter's feature map: one object stands alone",
        _OLAH,
    ),
    "negative": About(
        "Filter, negative", "lowers one filter's mean before its ReLU: what silences it", f"{_OLAH}, section diversity"
    ),
    "mixed": About(
        "Two filters mixed", "raises a mixture of two filters, from only the one to only the other",
        f"{_OLAH}, section interaction between neurons",
    ),
    "direction": About(
        "Direction of a picture",
        "raises all filters at once, each as much as it answers more to a picture than to the noise", _OLAH,
    ),
    "class": About("Class", "raises one class's number before the softmax or sigmoid", _SIMONYAN),
    "dream": About(
        "The whole layer", "raises the mean square of everything the layer says: it gets more of what it sees",
        _INCEPTIONISM,
    ),
}  # fmt: skip

PARAMETERS: Mapping[str, About] = {
    "pixels": About("Pixels", "every pixel moves along its own gradient", "Erhan et al. 2009"),
    "fourier": About(
        "Waves, colours decorrelated",
        "the picture is a sum of waves, of which the long ones move more, in the colours that photographs vary along",
        f"{_OLAH}, section preconditioning; correlations of ImageNet's colours as in lucid",
    ),
}

TRANSFORMATIONS: Mapping[str, About] = {
    "jitter": About("Jitter", "each look shifts the picture by a few pixels, at random", _INCEPTIONISM),
    "scale": About("Scale", "each look enlarges or shrinks the picture a little, at random", _OLAH),
    "rotate": About("Rotate", "each look turns the picture by a few degrees, at random", _OLAH),
}

REGULARIZERS: Mapping[str, About] = {
    "total_variation": About(
        "Total variation", "each step also lowers the differences between neighbouring pixels",
        "Mahendran & Vedaldi 2014, arXiv:1412.0035",
    ),
    "l2": About("L2", "each step also pulls every pixel towards grey, the farther the more", _SIMONYAN),
    "blur": About("Blur", "after each step the picture is blurred, less and less", _YOSINSKI),
}  # fmt: skip

DIVERSITY = About(
    "Diversity",
    "several pictures of one filter are pushed apart: their channels must not go together in the same way (Gram "
    "matrices)",
    f"{_OLAH}, section diversity",
)
