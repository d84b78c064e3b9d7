"""Networks as plain records: layer by layer, on a trained base, and with a kernel of one's own in the first layer."""

from convviz.architectures.demand import MOST_AT_ONCE, Demand, demand
from convviz.architectures.layers import (
    ACTIVATIONS,
    HEAD_KINDS,
    KINDS,
    MOST_LAYERS,
    Layer,
    Layers,
    moved,
    parse,
    text,
    with_after,
    without,
)
from convviz.architectures.networks import (
    MAPS_KEPT,
    OPTIMIZER_SLOTS,
    PRESETS,
    Architecture,
    Preset,
    Row,
    fitting,
    memory,
)
from convviz.architectures.transfer import (
    LECTURE_HEAD,
    Survey,
    Transfer,
    base_is_here,
    base_size,
    bases,
    download_base,
    survey,
)
from convviz.architectures.transplant import Transplant

__all__ = [
    "ACTIVATIONS", "HEAD_KINDS", "KINDS", "LECTURE_HEAD", "MAPS_KEPT", "MOST_AT_ONCE", "MOST_LAYERS", "OPTIMIZER_SLOTS",
    "PRESETS", "Architecture", "Demand", "Layer", "Layers", "Preset", "Row", "Survey", "Transfer", "Transplant",
    "base_is_here", "base_size", "bases", "demand", "download_base", "fitting", "memory", "moved", "parse", "survey",
    "text", "with_after", "without",
]  # fmt: skip
