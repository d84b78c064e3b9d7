"""Networks, trained and untrained, ours and anybody's: by name, by reference, or wrapped around a Keras model."""

from convviz.zoo.cards import Card, LayerCard, Reference
from convviz.zoo.convnets import ARCHITECTURES, cats_and_dogs_convnet, mnist_convnet, shapes_convnet
from convviz.zoo.correcting import CORRECTIONS, corrected, corrections
from convviz.zoo.diagnosis import PROBES, Diagnosis, Port, diagnose, no_number
from convviz.zoo.entering import OTHER_INPUT, inputs
from convviz.zoo.finding import (
    OPENERS,
    NotHere,
    card,
    describe,
    download,
    download_size,
    is_here,
    list_networks,
    load,
    reference,
    resolve,
    title,
)
from convviz.zoo.keeping import NOTE, from_bytes, to_bytes
from convviz.zoo.network import Network
from convviz.zoo.wrapping import as_network, wrap

__all__ = [
    "ARCHITECTURES",
    "CORRECTIONS",
    "NOTE",
    "OPENERS",
    "OTHER_INPUT",
    "PROBES",
    "Card",
    "Diagnosis",
    "LayerCard",
    "Network",
    "NotHere",
    "Port",
    "Reference",
    "as_network",
    "card",
    "cats_and_dogs_convnet",
    "corrected",
    "corrections",
    "describe",
    "diagnose",
    "download",
    "download_size",
    "from_bytes",
    "inputs",
    "is_here",
    "list_networks",
    "load",
    "mnist_convnet",
    "no_number",
    "reference",
    "resolve",
    "shapes_convnet",
    "title",
    "to_bytes",
    "wrap",
]
