"""Networks by name or reference: what there is, what is here, and the few that a worker keeps at hand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace

from convviz import ConvvizError, downloads
from convviz.zoo import bundled, imagenet, keeping
from convviz.zoo.cards import Card, Reference
from convviz.zoo.correcting import corrected
from convviz.zoo.network import Network
from convviz.zoo.wrapping import wrap

MOST_KEPT = 6  # networks that a worker keeps at hand
MOST_UPLOADS_KEPT = 2  # of these, visitors' own models, which may be large; versions of one file count once

_kept: OrderedDict[Reference, Network] = OrderedDict()
_kept_lock = threading.Lock()
_building: dict[Reference, threading.Lock] = {}

OPENERS: dict[str, Callable[..., Network]] = {"run": keeping.from_bytes}  # kind -> how its bytes become a network


class NotHere(LookupError):  # noqa: N818 -- a message to the engine, not a fault
    """A network cannot be built here without its bytes.

    Attributes:
        reference: of the network.
    """

    def __init__(self, reference: Reference) -> None:
        super().__init__(f"the bytes of {reference.kind} {reference.name} are needed")
        self.reference = reference


def list_networks() -> tuple[str, ...]:
    """Names of the networks that can be had.

    Returns:
        The bundled ones first, then those of ``keras.applications``, MobileNetV2 first.

    Example:
        >>> "mobilenetv2" in list_networks()
        True
    """
    return (*bundled.names(), *imagenet.APPLICATIONS)


def reference(name: str) -> Reference:
    """Where the network of that name is to be found.

    Args:
        name: one of ``list_networks()``; upper and lower case are the same.

    Returns:
        The reference.

    Raises:
        ConvvizError: there is no such network.

    Example:
        >>> reference("MobileNetV2")
        Reference(kind='imagenet', name='mobilenetv2', version='')
    """
    lower = name.lower()
    if lower in imagenet.APPLICATIONS:
        return Reference("imagenet", lower)
    if lower in bundled.names():
        return Reference("bundled", lower)
    raise ConvvizError(f"there is no network {name[:80]!r}; choose one of {', '.join(list_networks())}")


def load(name: str) -> Network:
    """A trained network, downloaded first if it is not here.

    Args:
        name: one of ``list_networks()``.

    Returns:
        A network of the caller's own.

    Raises:
        ConvvizError: there is no such network, or it cannot be downloaded.
    """
    found = reference(name)
    if found.kind == "bundled":
        return Network(bundled.build(found.name), bundled.card(found.name))
    for _ in imagenet.download(found.name):
        pass
    entry = imagenet.APPLICATIONS[found.name]
    network = wrap(
        imagenet.build(found.name),
        imagenet.class_names(),
        prepare=imagenet.preparation(found.name),
        title=entry.title,
    )
    about = {
        "Data": "ImageNet (ILSVRC 2012), 1,000 classes",
        "Weights": f"Keras' own, {entry.file}, {entry.megabytes} MB",
        "Preparation": f"keras.applications.{entry.module}.preprocess_input at {entry.side} x {entry.side}",
    }
    network.card = replace(network.card, name=found.name, about=about)
    return network


def title(name: str) -> str:
    """A network's name for people.

    Args:
        name: one of ``list_networks()``.

    Returns:
        Such as ``"MobileNetV2"``.
    """
    found = reference(name)
    return bundled.card(found.name).title if found.kind == "bundled" else imagenet.APPLICATIONS[found.name].title


def card(name: str) -> Card:
    """What is known of a bundled network; TensorFlow is not needed for it.

    Args:
        name: a bundled network.

    Returns:
        The card.

    Raises:
        ConvvizError: no network of that name is bundled.
    """
    if name not in bundled.names():
        raise ConvvizError(f"no network {name[:80]!r} is bundled; choose one of {', '.join(bundled.names())}")
    return bundled.card(name)


def describe(network: Network) -> Card:
    """A network's card; through the engine, a reference's.

    Args:
        network: any.

    Returns:
        The card.
    """
    return network.card


def is_here(name: str) -> bool:
    """Whether a network can be loaded without a download.

    Args:
        name: one of ``list_networks()``.

    Returns:
        True for every bundled network.
    """
    found = reference(name)
    return found.kind == "bundled" or imagenet.is_here(found.name)


def download_size(name: str) -> int:
    """How much ``load`` would download.

    Args:
        name: one of ``list_networks()``.

    Returns:
        Megabytes as Keras states them, 0 if the network is here.
    """
    return 0 if is_here(name) else imagenet.APPLICATIONS[reference(name).name].megabytes


def download(name: str) -> Iterator[downloads.Fetched]:
    """Fetch what ``load`` would fetch, telling how far it is.

    Args:
        name: one of ``list_networks()``.

    Yields:
        downloads.Fetched: bytes so far and in all; nothing if the network is here.

    Raises:
        ConvvizError: the server cannot be reached, or the file came wrong.
    """
    if not is_here(name):
        yield from imagenet.download(reference(name).name)


def resolve(reference: Reference, data: bytes | None = None) -> Network:
    """The network of a reference, built once and kept with the last few.

    Args:
        reference: of any kind.
        data: the bytes of a ``"run"`` or an ``"upload"``, if the caller has them.

    Returns:
        A network that all callers in this process share.

    Raises:
        NotHere: its bytes are needed and were not given.
        ConvvizError: there is no such network, or it cannot be downloaded or built.
    """
    with _kept_lock:
        if reference in _kept:
            _kept.move_to_end(reference)
            return _kept[reference]
        building = _building.setdefault(reference, threading.Lock())
    with building:  # one builds, others who want the same wait; the rest goes on
        with _kept_lock:
            if reference in _kept:
                return _kept[reference]
        try:
            network = _built(reference, data)
        finally:
            with _kept_lock:
                _building.pop(reference, None)
        with _kept_lock:
            _kept[reference] = network
            _drop_oldest()
    return network


def _drop_oldest() -> None:
    """Let go of the networks that were not asked for lately."""
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    files = list(dict.fromkeys(one.file for one in reversed(_kept) if one.kind == "upload"))
    for reference in [one for one in _kept if one.file in files[MOST_UPLOADS_KEPT:]]:
        del _kept[reference]


def _built(reference: Reference, data: bytes | None) -> Network:
    if reference.kind in ("bundled", "imagenet"):
        return load(reference.name)
    options = corrected(reference.version) if reference.kind == "upload" else {}
    with _kept_lock:
        twin = next((kept for one, kept in _kept.items() if one.file == reference.file), None)
    if twin is not None:  # the same model under other corrections
        return wrap(twin.model, lock=twin.lock, **options)
    if data is None or reference.kind not in OPENERS:
        raise NotHere(reference)
    return OPENERS[reference.kind](data, **options)
