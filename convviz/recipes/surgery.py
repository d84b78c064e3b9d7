"""Programs for the page Knock-out: a network's channels and weights edited, and its answer before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz.recipes import networks
from convviz.recipes.openings import opening
from convviz.recipes.tables import SIGNED
from convviz.recipes.writing import literal, quoted, remark, script

_FIND = '''
def find(path):
    """A layer, also one inside a nested model."""
    layer = model
    for name in path.split("/"):
        layer = layer.get_layer(name)
    return layer
'''

_ASK = '''
def ask(path, channel):
    """The network's answer, and one channel of one layer on the way to it."""
    heard, layer = {{}}, find(path)
    call = layer.call

    def listening(*inputs, **options):
        heard["maps"] = call(*inputs, **options)
        return heard["maps"]

    layer.call = listening
    answer = model(prepare(picture), training=False)
    layer.call = call
    if isinstance(answer, dict):
        answer = next(iter(answer.values()))
    answer = answer[0] if isinstance(answer, (list, tuple)) else answer
    return keras.ops.convert_to_numpy(answer)[0], keras.ops.convert_to_numpy(heard["maps"]){picked}
'''

_CHANGE = '''
def change(path, edit):
    """From now on a layer's output goes through a function."""
    layer = find(path)
    call = layer.call

    def changed(*inputs, **options):
        maps = keras.ops.convert_to_numpy(call(*inputs, **options)).copy()
        edit(maps)
        return keras.ops.convert_to_tensor(maps)

    layer.call = changed
'''

_CHANNEL = """
def {name}(maps):
    maps[{channel}] {becomes}


change({path}, {name})
"""

_WEIGHT = """
weights = find({path}).{variable}  # {told}
numbers = keras.ops.convert_to_numpy(weights).copy()
numbers{order}[{place}] {becomes}
weights.assign(numbers)
"""

_ORDERS = {
    "DepthwiseConv2D": ".reshape(*numbers.shape[:2], 1, -1)",
    "SeparableConv2D": ".reshape(*numbers.shape[:2], 1, -1)",
    "Conv2DTranspose": ".transpose(0, 1, 3, 2)",
}

_RESULT = """
after, map_after = ask({view}, {channel})
result = {{"before": before, "after": after, "map_before": map_before, "map_after": map_after}}
print("before", before)
print("after", after)
"""

_PICTURE = """
from PIL import Image

difference = map_after - map_before
Image.fromarray(signed(difference, np.abs(difference).max() or 1)).save("map_difference.png")
"""


def knock_out(name: str, reference: Any, card: Any, *, edits: Sequence[Any], view: str, channel: int) -> str:
    """A program that edits its own copy of a network and asks it before and after.

    Args:
        name: of the picture, for ``opening``.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        edits: of ``surgery.Edit``, in order.
        view: path of the layer that is looked at.
        channel: of it.

    Returns:
        Python text; ``result`` has ``"before"`` and ``"after"``, the network's output as it gives it, and
        ``"map_before"`` and ``"map_after"``, the channel's map; it writes ``map_difference.png`` where that is a map.
    """
    has_maps = card.layer(view).has_maps
    return script(
        opening(name),
        networks.loading(reference),
        networks.preparing(reference, card),
        _FIND,
        _ASK.format(picked="[0, channel]" if card.layer(view).channels_first else "[0, ..., channel]"),
        _CHANGE if any(not edit.of_a_weight for edit in edits) else "",
        f"before, map_before = ask({quoted(view)}, {channel})",
        *(_edited(number, edit, card) for number, edit in enumerate(edits, 1)),
        _RESULT.format(view=quoted(view), channel=channel),
        SIGNED if has_maps else "",
        _PICTURE if has_maps else "",
        about="A network with some of its channels or weights edited, and its answer before and after.",
    )


def _edited(number: int, edit: Any, card: Any) -> str:
    """The lines of one edit."""
    value = "" if edit.value is None else literal(edit.value)
    becomes = {"mute": "= 0", "scale": f"*= {value}", "set": f"= {value}"}.get(edit.what)
    if not edit.of_a_weight:
        before = ":, " if card.layer(edit.layer).channels_first else "..., "
        becomes = becomes or f"= maps[{before}{int(edit.value)}]"
        channel = f"{before}{edit.place[0]}"
        return _CHANNEL.format(name=f"edit_{number}", channel=channel, becomes=becomes, path=quoted(edit.layer))
    kind = card.layer(edit.layer).kind
    bias = "beta" if kind == "BatchNormalization" else "bias"
    return _WEIGHT.format(
        path=quoted(edit.layer),
        variable=bias if edit.bias else "depthwise_kernel" if kind == "SeparableConv2D" else "kernel",
        told=remark(kind),
        order="" if edit.bias else _ORDERS.get(kind, ""),
        place=", ".join(map(str, edit.place)),
        becomes=becomes,
    )
