"""What each attribution method is, in one line for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """One method in words.

    In the formulas y is the explained number before softmax or sigmoid, A^k the feature map k of the layer, x the input
    with its colours c, and g the gradient of y with respect to whichever of both the formula is about. Of RISE's masks
    M_m each shows a share q of the picture, and p is the class's probability.

    Attributes:
        title: its name for people.
        idea: what it computes, one clause.
        formula: the map at a place (i, j) before it is brought to the picture's size, as LaTeX.
        source: where it was published.
        coarse: whether its map has a layer's resolution instead of the input's.
        signed: the formula where evidence against the class is kept: without the outer ReLU, or the sum over the
            colours in place of the largest size.
    """

    title: str
    idea: str
    formula: str
    source: str
    coarse: bool
    signed: str


def _about(title: str, idea: str, inside: str, where: str, source: str, coarse: bool, size: str = "") -> About:
    """A method whose map is the positive part of what is inside, or has another formula for its size."""
    formula = size or rf"\mathrm{{ReLU}}\big({inside}\big)"
    return About(title, idea, formula + where, source, coarse, inside + where)


ABOUT: Mapping[str, About] = {
    "grad_cam": _about(
        "Grad-CAM",
        "feature maps of one layer, each weighted by the mean of its gradient",
        r"\textstyle\sum_k w_k A^k_{ij}",
        r",\ w_k = \mathrm{mean}_{ab}\, g^k_{ab}",
        "Selvaraju et al. 2017, arXiv:1610.02391",
        True,
    ),
    "grad_cam_plus_plus": _about(
        "Grad-CAM++",
        "as Grad-CAM, places with a positive gradient weighted so that several objects count alike",
        r"\textstyle\sum_k w_k A^k_{ij}",
        r",\ w_k = \textstyle\sum_{ab} \mathrm{ReLU}(g^k_{ab})\, / \,(2 + g^k_{ab} \sum_{uv} A^k_{uv})",
        "Chattopadhay et al. 2018, arXiv:1710.11063",
        True,
    ),
    "hires_cam": _about(
        "HiRes-CAM",
        "feature maps times their gradient, place by place, without averaging",
        r"\textstyle\sum_k g^k_{ij} A^k_{ij}",
        "",
        "Draelos and Carin 2020, arXiv:2011.08891",
        True,
    ),
    "layer_cam": _about(
        "Layer-CAM",
        "feature maps times the positive part of their gradient, place by place",
        r"\textstyle\sum_k \mathrm{ReLU}(g^k_{ij}) A^k_{ij}",
        "",
        "Jiang et al. 2021, LayerCAM, IEEE TIP 30",
        True,
    ),
    "xgrad_cam": _about(
        "XGrad-CAM",
        "as Grad-CAM, the mean weighted by the feature map itself",
        r"\textstyle\sum_k w_k A^k_{ij}",
        r",\ w_k = \textstyle\sum_{ab} A^k_{ab} g^k_{ab} / \sum_{ab} A^k_{ab}",
        "Fu et al. 2020, arXiv:2008.02312",
        True,
    ),
    "score_cam": _about(
        "Score-CAM",
        "feature maps weighted by the answer to the picture seen through each of them; no gradient",
        r"\textstyle\sum_k w_k A^k_{ij}",
        r",\ w = \mathrm{softmax}_k\, y(x \cdot \bar A^k)",
        "Wang et al. 2020, arXiv:1910.01279",
        True,
    ),
    "ablation_cam": _about(
        "Ablation-CAM",
        "feature maps weighted by what the answer loses without each of them; no gradient",
        r"\textstyle\sum_k w_k A^k_{ij}",
        r",\ w_k = y - y(A^k = 0)",
        "Desai and Ramaswamy 2020, Ablation-CAM, WACV",
        True,
    ),
    "eigen_cam": _about(
        "Eigen-CAM",
        "the first principal component of the feature maps; it never asks for a class",
        r"\textstyle\sum_k v_k A^k_{ij}",
        r",\ v = \text{first right singular vector of } A",
        "Muhammad and Yeasin 2020, arXiv:2008.00299",
        True,
    ),
    "gradient": _about(
        "Gradient",
        "how much the answer changes with each pixel",
        r"\textstyle\sum_c g_{ijc}",
        "",
        "Simonyan et al. 2013, arXiv:1312.6034",
        False,
        size=r"\max_c |g_{ijc}|",
    ),
    "smooth_gradient": _about(
        "SmoothGrad",
        "the mean gradient over noisy copies of the picture",
        r"\textstyle\sum_c \mathrm{mean}_m\, g_{ijc}(x + \varepsilon_m)",
        r",\ \varepsilon_m \sim \mathcal{N}(0, \sigma^2)",
        "Smilkov et al. 2017, arXiv:1706.03825",
        False,
        size=r"\max_c \big|\mathrm{mean}_m\, g_{ijc}(x + \varepsilon_m)\big|",
    ),
    "gradient_times_input": _about(
        "Gradient × input",
        "each pixel's gradient times its value",
        r"\textstyle\sum_c g_{ijc}\, x_{ijc}",
        "",
        "Shrikumar et al. 2016, arXiv:1605.01713",
        False,
    ),
    "integrated_gradients": _about(
        "Integrated gradients",
        "gradients summed on the way from a black picture to this one",
        r"\textstyle\sum_c (x_{ijc} - b_{ijc}) \int_0^1 g_{ijc}(b + t (x - b))\, dt",
        r",\ b \text{ black}",
        "Sundararajan et al. 2017, arXiv:1703.01365",
        False,
    ),
    "guided_backpropagation": _about(
        "Guided backpropagation",
        "the gradient, with negative parts cut at every ReLU",
        r"\textstyle\sum_c g_{ijc}",
        r", \text{ every ReLU passing back } \mathrm{ReLU} \text{ of the gradient only}",
        "Springenberg et al. 2014, arXiv:1412.6806",
        False,
        size=r"\max_c |g_{ijc}|",
    ),
    "occlusion": _about(
        "Occlusion",
        "what the answer loses when a patch is painted over",
        r"\mathrm{mean}_{P \ni ij}\, (y(x) - y(x \text{ without patch } P))",
        "",
        "Zeiler and Fergus 2013, arXiv:1311.2901",
        False,
    ),
    "rise": _about(
        "RISE",
        "the mean answer over many random masks that show a place",
        r"\mathrm{mean}_m\, p(x \cdot M_m)\, (M_{m,ij} - \bar M_{ij}) / q",
        "",
        "Petsiuk et al. 2018, arXiv:1806.07421",
        False,
    ),
}
