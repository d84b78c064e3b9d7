"""What each attribution method is, in one line for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """One method in words.

    Attributes:
        title: its name for people.
        idea: what it computes, one clause.
        source: where it was published.
        coarse: whether its map has a layer's resolution instead of the input's.
    """

    title: str
    idea: str
    source: str
    coarse: bool


ABOUT: Mapping[str, About] = {
    "grad_cam": About(
        "Grad-CAM",
        "feature maps of one layer, each weighted by the mean of its gradient",
        "Selvaraju et al. 2017, arXiv:1610.02391",
        True,
    ),
    "grad_cam_plus_plus": About(
        "Grad-CAM++",
        "as Grad-CAM, places with a positive gradient weighted so that several objects count alike",
        "Chattopadhay et al. 2018, arXiv:1710.11063",
        True,
    ),
    "hires_cam": About(
        "HiRes-CAM",
        "feature maps times their gradient, place by place, without averaging",
        "Draelos and Carin 2020, arXiv:2011.08891",
        True,
    ),
    "layer_cam": About(
        "Layer-CAM",
        "feature maps times the positive part of their gradient, place by place",
        "Jiang et al. 2021, LayerCAM, IEEE TIP 30",
        True,
    ),
    "xgrad_cam": About(
        "XGrad-CAM",
        "as Grad-CAM, the mean weighted by the feature map itself",
        "Fu et al. 2020, arXiv:2008.02312",
        True,
    ),
    "score_cam": About(
        "Score-CAM",
        "feature maps weighted by the answer to the picture seen through each of them; no gradient",
        "Wang et al. 2020, arXiv:1910.01279",
        True,
    ),
    "ablation_cam": About(
        "Ablation-CAM",
        "feature maps weighted by what the answer loses without each of them; no gradient",
        "Desai and Ramaswamy 2020, Ablation-CAM, WACV",
        True,
    ),
    "eigen_cam": About(
        "Eigen-CAM",
        "the first principal component of the feature maps; it never asks for a class",
        "Muhammad and Yeasin 2020, arXiv:2008.00299",
        True,
    ),
    "gradient": About(
        "Gradient",
        "how much the answer changes with each pixel",
        "Simonyan et al. 2013, arXiv:1312.6034",
        False,
    ),
    "smooth_gradient": About(
        "SmoothGrad",
        "the mean gradient over noisy copies of the picture",
        "Smilkov et al. 2017, arXiv:1706.03825",
        False,
    ),
    "gradient_times_input": About(
        "Gradient × input",
        "each pixel's gradient times its value",
        "Shrikumar et al. 2016, arXiv:1605.01713",
        False,
    ),
    "integrated_gradients": About(
        "Integrated gradients",
        "gradients summed on the way from a black picture to this one",
        "Sundararajan et al. 2017, arXiv:1703.01365",
        False,
    ),
    "guided_backpropagation": About(
        "Guided backpropagation",
        "the gradient, with negative parts cut at every ReLU",
        "Springenberg et al. 2014, arXiv:1412.6806",
        False,
    ),
    "occlusion": About(
        "Occlusion",
        "what the answer loses when a patch is painted over",
        "Zeiler and Fergus 2013, arXiv:1311.2901",
        False,
    ),
    "rise": About(
        "RISE",
        "the mean answer over many random masks that show a place",
        "Petsiuk et al. 2018, arXiv:1806.07421",
        False,
    ),
}
