"""Numbers and states in words, computed from what is shown."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from convviz import convolution, localization
from convviz.jobs import Status

SCALES = {  # of a mosaic's brightness -> how it is said
    "lecture": "Standardized",
    "channel": "By value, each alone",
    "layer": "By value, a layer alike",
    "network": "By value, all layers alike",
}
SCALES_HELP = (
    "Standardized, as in the lecture: each channel's mean is grey 128, its standard deviation 64 levels. By value: "
    "zero has one colour, and full colour is the largest value of each channel, of the layer, or of the whole network; "
    "layers with negative numbers run from blue to red around zero."
)


def safe(name: str, longest: int = 80) -> str:
    """A name from outside, as Markdown that shows it and does nothing else; one that is too long ends in dots.

    Streamlit looks for icons, arrows and addresses in the text as it is shown, where no backslash is left: signs that
    do not show stand in their way.
    """
    plain = "".join(letter for letter in name if letter.isprintable())
    if len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    return re.sub(r"([\\`*_\[\]():$<>!#|~{}+.&-])", r"\\\1", _DEEDS.sub(_JOINER, crossed(plain)))


_JOINER = "\u2060"  # has no width
_DEEDS = re.compile(  # within :smile:, :material/home:, https://, www.name, one@name, ->, <->, --, >=, ~=
    r"(?<=:)(?=[\w+/-])|(?<=www)(?=\.)|(?<=@)(?=[\w-])|(?<=[<>~-])(?=[<>=-])", re.IGNORECASE
)


def apart(title: str, ours: Iterable[str], theirs: Iterable[str] = ()) -> str:
    """A title that no other thing has, for a select tells its options apart by what they are called.

    Args:
        title: as it came.
        ours: titles of what the app itself offers.
        theirs: titles of what the visitor brought or made before.

    Example:
        >>> apart("Digits", ["Digits"]), apart("model", [], ["model", "model (2)"])
        ('Digits (uploaded)', 'model (3)')
    """
    taken, used = ({" ".join(one.split()).casefold() for one in titles} for titles in (ours, theirs))
    title = " ".join(title.split())
    title = f"{title} (uploaded)" if title.casefold() in taken else title
    numbered = (f"{title} ({number})" for number in itertools.count(2))
    return next(one for one in itertools.chain([title], numbered) if one.casefold() not in taken | used)


def cell(name: str) -> str:
    """A name from outside in a table, which can be saved: no spreadsheet may take it for a formula.

    Example:
        >>> cell("cat"), cell("-1"), cell("=1+1")
        ('cat', '-1', "'=1+1")
    """
    return f"'{name}" if re.match(r"[=+\-@\t\r]", name) and not re.fullmatch(r"[+-]\d+(\.\d+)?", name) else name


def crossed(text: str) -> str:
    """Sizes such as 15 x 15 with the sign that they are read with."""
    return re.sub(r"(?<=\d) x (?=\d)", " × ", text)


def sentence(words: str) -> str:
    """With a capital and a full stop; one that begins with a layer's or file's name keeps its small letter.

    Example:
        >>> sentence("conv2d has 32 channels"), sentence("there is no channel 40")
        ('conv2d has 32 channels.', 'There is no channel 40.')
    """
    first = words[:1] if re.match(_NAME, words) else words[:1].upper()
    return crossed(first + words[1:] + ("" if words.endswith(".") else "."))


_NAME = re.compile(r"[a-z]\w*\\?[_\d/]")  # letters with a figure, an underscore or a slash among them


def reason(given: str) -> str:
    """Why a layer was taken, as a sentence."""
    return sentence(safe(given, 300))


def shape(array: np.ndarray) -> str:
    """An array's shape, such as 300 × 451 × 3."""
    return " × ".join(str(side) for side in array.shape)


def numbers(low: float, high: float) -> str:
    """A range of values, short."""
    return f"{low + 0.0:.4g} to {high + 0.0:.4g}".replace("-", "−")  # a zero has no sign


def spread(array: np.ndarray) -> str:
    """From which to which value an array's cells go, and how many of them are not finite.

    Example:
        >>> spread(np.array([1.0, np.nan, 3.0]))
        'values 1 to 3; 1 of 3 is NaN or infinite, drawn black'
    """
    finite = array[np.isfinite(array)]
    lost = array.size - finite.size
    if not finite.size:
        return f"all {lost:,} values are NaN or infinite, drawn black"
    told = f"values {numbers(float(finite.min()), float(finite.max()))}"
    if lost:
        told += f"; {lost:,} of {array.size:,} {'is' if lost == 1 else 'are'} NaN or infinite, drawn black"
    return told


def number(value: float) -> str:
    """A number, short."""
    if value != value:
        return "NaN"
    return f"{value + 0.0:.3g}".replace("-", "−")


def share(part: float, *, digits: int = 0, fine: bool = False) -> str:
    """A share of a whole from 0 to 1 in percent, which is 0% or 100% only where it is exactly that.

    A fine one has a decimal where it is below 10% or above 90%.
    """
    if fine and not 0.1 <= part <= 0.9 and 0 < part < 1:
        digits = 1
    least = 1 if not digits else 10**-digits
    if 0 < part < least / 200:
        return f"less than {least}%"
    return f"more than {100 - least}%" if 1 - least / 200 < part < 1 else f"{part:.{digits}%}"


def percent(part: float) -> str:
    """A share with one decimal, as measured figures are told.

    Example:
        >>> percent(0.7), percent(0.9996)
        ('70.0%', 'more than 99.9%')
    """
    return share(part, digits=1)


def change(before: float, after: float) -> str:
    """How a share changes, with as many decimals as tell the two apart: "goes from 3% to 8%", "stays at 100%".

    Example:
        >>> change(0.996, 0.9999)
        'goes from 99.6% to more than 99.9%'
    """
    for digits in range(4):
        told = [share(one, digits=digits) for one in (before, after)]
        if told[0] != told[1]:
            return f"goes from {told[0]} to {told[1]}"
    return f"stays at {share(before)}"


def count(number: int, one: str, more: str = "") -> str:
    """So many things: 1 filter, 2 filters."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def through(thing: str, first: int, last: int) -> str:
    """From one to another, both counted: row 3, rows 3 to 5."""
    said = f"{thing} {first}" if first == last else f"{thing}s {first} to {last}"
    return said.replace("-", "−")


def a(name: str) -> str:
    """A name with the article that is spoken before it.

    Example:
        >>> a("star"), a("“8”")
        ('a star', 'an “8”')
    """
    first = re.match(r"\W*(\d+|[a-z]?)", name.lower())[1]
    is_vowel = first in ("11", "18") or first.startswith(("8", "a", "e", "i", "o", "u"))
    return f"{'an' if is_vowel else 'a'} {name}"


def of_them(some: int, number: int, one: str, what: str) -> str:
    """How many of its things are something: "none of its 9 products is 0", "its one product is 0".

    Example:
        >>> of_them(2, 9, "product", "0")
        '2 of its 9 products are 0'
    """
    if number == 1:
        return f"its one {one} is {'' if some else 'not '}{what}"
    if some in (0, number):
        return f"{'all' if some else 'none'} of its {number:,} {one}s {'are' if some else 'is'} {what}"
    return f"{some:,} of its {number:,} {one}s {'is' if some == 1 else 'are'} {what}"


def duration(seconds: float) -> str:
    """About how long something takes."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {seconds / 3600:.1f} h"


def wait(seconds: float) -> str:
    """About how long one waits, no finer than it can be foreseen.

    Example:
        >>> wait(4), wait(41.6), wait(100), wait(1000), wait(9000)
        ('a few seconds', 'about 40 s', 'about 2 min', 'about 15 min', 'about 2 h')
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds / 10) * 10} s"
    minutes = round(seconds / 60)
    if minutes > 12:
        minutes = round(minutes / 5) * 5
    return f"about {minutes} min" if minutes < 90 else f"about {round(seconds / 3600)} h"


def place(values: np.ndarray) -> str:
    """In which ninth of a map its largest value lies, such as "at the top left"; of several equal ones their middle."""
    rows, columns = values.shape
    row, column = localization.strongest(values)
    down = ("top", "middle", "bottom")[min(2, 3 * row // rows)]
    across = ("left", "centre", "right")[min(2, 3 * column // columns)]
    return "in the centre" if (down, across) == ("middle", "centre") else f"at the {down} {across}"


def compute_state(status: Status) -> str:
    """How the engine stands."""
    if status.phase in ("failed", "closed"):
        return status.error or "compute is closed"
    if status.phase == "restarting":
        return f"{status.device}, a new worker is starting"
    if status.phase != "ready":
        return "compute is starting"
    if not status.running and not status.waiting:
        return f"{status.device}, free"
    return f"{status.device}, {status.running} running, {status.waiting} waiting"


def size_formula(axis: str, size: int, kernel: int, index: int, settings: Mapping[str, Any], output: int) -> str:
    """The output size along one axis, with its numbers."""
    stride, dilation = settings["stride"][index], settings["dilation"][index]
    padding = settings["padding"] if isinstance(settings["padding"], str) else settings["padding"][index]
    before, after = convolution.padding_amounts(size, kernel, stride=stride, padding=padding, dilation=dilation)
    extent = dilation * (kernel - 1) + 1
    wide = f" (kernel {kernel} with dilation {dilation} spans {extent})" if dilation > 1 else ""
    return f"{axis}: ⌊({size} + {before} + {after} − {extent}) / {stride}⌋ + 1 = **{output}**{wide}"


def where(evidence: np.ndarray, named: str) -> str:
    """Where a map is strongest, and on how much of the picture; where it has both signs, also what is against.

    It takes the map unclipped: in the heat map of single pixels a hundredth of them share the largest value.
    """
    if not np.isfinite(evidence).all():
        return f"The map for {named} has values that are no numbers"
    if not evidence.any():
        return f"No place of the picture speaks for {named}"
    against = f"the evidence against {named} is strongest {place(-evidence)}" if evidence.min() < 0 else ""
    if evidence.max() <= 0:
        return f"No place of the picture speaks for {named}; {against}"
    if np.ptp(evidence) == 0:
        return f"The evidence for {named} is the same at every place of the picture"
    half = float((evidence >= evidence.max() / 2).mean())
    much = "every place" if half == 1 else f"{share(half)} of the picture"
    strongest = f"The evidence for {named} is strongest {place(evidence)}; {much} has at least half of that"
    return f"{strongest}; {against}" if against else strongest


def map_alt(values: np.ndarray, named: str) -> str:
    """What a feature map shows, for those who cannot see it."""
    finite = np.isfinite(values)
    if not finite.all():
        strongest = f", the largest {place(np.where(finite, values, values[finite].min()))}" if finite.any() else ""
        return f"{named}: {spread(values)}{strongest}"
    if np.ptp(values) == 0:
        return f"{named}: {float(values.flat[0]) + 0.0:.3g} at every place"
    zero = float((values == 0).mean())
    silent = f", {share(zero)} of its cells are zero" if zero else ""
    return f"{named}: values {numbers(values.min(), values.max())}, the largest {place(values)}{silent}"


def dead(filters: Sequence[int]) -> str:
    """Which filters no picture moves."""
    if len(filters) == 1:
        return f"No picture moves filter {filters[0]}: its gradient is zero, it is dead. Its tile stays grey."
    named = f"{', '.join(map(str, filters[:-1]))} and {filters[-1]}"
    return f"No picture moves filters {named}: their gradients are zero, they are dead. Their tiles stay grey."


def blank(channels: Mapping[str, tuple[int, int]]) -> str:
    """How many channels of rectified layers a picture leaves blank: layer -> (blank ones, all)."""
    if not channels:
        return "None of the layers shown ends in an activation function that cuts to zero."
    none, all_ = (sum(pair[place] for pair in channels.values()) for place in (0, 1))
    where_ = f"of {safe(next(iter(channels)))}" if len(channels) == 1 else f"of the {len(channels)} layers with a ReLU"
    if not none:
        return f"None of the {all_} channels {where_} shown here is blank: each answers to something in this picture."
    return f"{none} of the {all_} channels {where_} shown here {'is' if none == 1 else 'are'} blank: " + (
        "this picture has nothing that they answer to."
    )


def sparsity(shares: Mapping[str, float]) -> str:
    """How the share of silent cells changes with depth: layer -> part of the values that are zero."""
    if len(shares) < 2:
        return "A cell is silent where the activation function cut it to zero."
    first, *_, last = shares.items()
    trend = "as many" if last[1] == first[1] else "more" if last[1] > first[1] else "fewer"
    return (
        f"In {safe(first[0])} {share(first[1])} of the cells are silent, "
        f"in {safe(last[0])} {share(last[1])}: {trend} with depth."
    )
