"""What a run is called: its network, and what sets it apart from others that begin with the same one."""

from __future__ import annotations

from typing import Any

from convviz import architectures, training, zoo
from pages.shared import layer_editor, pickers, words

HEADS = {  # name in the address -> title, layers
    "average": ("Average of each map", "global_average"),
    "lecture": ("The lecture's: flatten, 256 units", architectures.LECTURE_HEAD),
    "dropout": ("Average, 128 units, dropout", "global_average; dense 128; dropout 0.5"),
}


def title(network: Any) -> str:
    """A network's name in a sentence."""
    if isinstance(network, zoo.Reference):
        return f"{pickers.card(network).title}, going on"
    if isinstance(network, architectures.Transfer):
        return f"{zoo.title(network.base)} with a new head"
    return layer_editor.title(network)


def network(begun: Any, settings: training.Settings) -> str:
    """What a run trains, as Markdown: its name, and which head, which size and which layers where that can be chosen.

    Args:
        begun: what the run begins with.
        settings: of the run.
    """
    details = ""
    if isinstance(begun, architectures.Transfer):
        details = f" ({_on_base(begun)})"
    elif settings.train_from:
        details = f" (learns from “{words.safe(settings.train_from, 200)}” on)"
    return f"“{words.safe(title(begun))}”{details}"


def _on_base(begun: architectures.Transfer) -> str:
    """Head and base of a network."""
    written = architectures.text(begun.head)
    head = next((name for name, layers in HEADS.values() if layers == written), written)
    size = " × ".join(map(str, begun.entering()[:2]))
    begins = "" if begun.trained else "begins at random, "
    learns = f"learns from “{words.safe(begun.train_from, 200)}” on" if begun.train_from else "stays as it is"
    return f"head “{words.safe(head, 400)}”, its base {begins}sees {size} pixels and {learns}"
