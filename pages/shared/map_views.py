"""The looks of the page Feature maps: all channels, one, a place, two pictures, the pictures that excite one most."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from convviz import activations, checking, contrasts, filters, images, recipes, rendering, zoo
from pages.shared import choices, engine, foot, learned, pickers, tiles, top_pictures, ui, words

TITLES = {
    "all": "All channels", "one": "One channel", "place": "A place", "two": "Two pictures", "top": "Top pictures",
    "depth": "Sparsity",
}  # fmt: skip
KEYS = ("maps_layer", "from_layer")  # of the choices that belong to a network
AT_ONCE = 8  # layers that one screenful shows
CELLWISE = ("Activation", "BatchNormalization", "Dropout", "ELU", "LeakyReLU", "PReLU", "ReLU", "SpatialDropout2D")
ORDERS = {"number": "By number", "response": "By response"}
BLANKS = {"crossed": "Crossed out", "hidden": "Left out", "shown": "As they are"}
RANKED = {"value": "Value", "surprise": "Above its own mean"}
_BOOK = "Chollet, Deep Learning with Python, section 5.4.1"
_BOARD = 480  # pixels of the longer side of a picture whose cells are clicked
_PLAIN = (1, 3)  # channels of an input that is a picture
_FILLED = ("red", "green", "blue")  # what fills the channels of other inputs, in turn
_MOST_INPUTS = 16  # channels of an input that are shown
_NAMED = 12  # blank channels that are named


@dataclass(frozen=True)
class Looked:
    """What is looked at: picture and network, and where choices and results are drawn."""

    picture: pickers.Picture
    network: zoo.Reference
    card: zoo.Card
    names: list[str]
    controls: Any
    result: Any

    @property
    def array(self) -> np.ndarray:
        """The picture's pixels."""
        return self.picture.array


@dataclass(frozen=True)
class Shown:
    """What a look leaves for the page's end."""

    noticed: list[str]
    source: str
    code: str
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    check: Callable[[], str] | None = None
    private: str = ""


# --- choices that several looks share ------------------------------------------------------------------------------


def layer_of(looked: Looked, *, default: str | None = None) -> str:
    """One of the layers with maps."""
    return choices.select("Layer", looked.names, key="maps_layer", default=default)


def channel_of(looked: Looked, layer: str, best: Callable[[], int]) -> int:
    """One of a layer's channels; the one that is offered first is asked for."""
    choices.belong((looked.network, layer), "channel")
    count = looked.card.layer(layer).output_shape[-1]
    if count == 1:
        return 0
    return choices.number(f"Channel (0 to {count - 1})", 0, count - 1, best(), key="channel")


def open_channel(layer: str, channel: int) -> None:
    """From the next run on: this channel, large."""
    for key, value in (("maps_view", "one"), ("maps_layer", layer), ("channel", channel)):
        choices.set_later(key, value)


def _mosaic(one: Any, name: str, key: str, caption: str, *, does: str, picked: Callable[[int], None]) -> None:
    """A mosaic whose tiles can be chosen."""
    means = one.means or (None,) * len(one.order)
    named = [
        f"Channel {channel}" + ("" if mean is None else f", mean size {words.number(mean)}")
        for channel, mean in zip(one.order, means, strict=True)
    ]
    tiles.tiles(
        one.png, one.tile, one.columns, len(one.order), key=key, names=named, caption=caption, does=does,
        alt=f"Feature maps of {name[:80]}: {caption}", picked=lambda place: picked(one.order[place]),
    )  # fmt: skip


# --- all channels --------------------------------------------------------------------------------------------------


def every(looked: Looked) -> Shown:
    """Every channel of every layer, as mosaics in the order of the network."""
    names, card = looked.names, looked.card
    with looked.controls:
        first = choices.slider("First layer shown", 1, len(names), 1, key="from_layer") if len(names) > AT_ONCE else 1
        scale = choices.select(
            "Colours of a map", list(words.SCALES), key="scale", default="lecture", format_func=words.SCALES.get,
            help=words.SCALES_HELP,
        )  # fmt: skip
        order = choices.segments("Channels", list(ORDERS), key="maps_order", format_func=ORDERS.get, width="stretch")
        with st.expander("More"):
            blank = choices.select("Blank channels", list(BLANKS), key="maps_blank", format_func=BLANKS.get)
            columns = choices.slider("Maps in a row", 4, 32, 16, key="maps_in_row")
        picture = looked.picture
        ui.picture(picture.array, f"{picture.caption}, {words.shape(picture.array)}", picture.alt, at_least=300)
    shown = names[first - 1 : first - 1 + AT_ONCE]
    looks = {"columns": columns, "scale": scale, "order": order, "blank": blank, "coloured": scale != "lecture"}
    blanks, files, broken = {}, {}, 0
    with looked.result:
        if card.input_shape[-1] not in _PLAIN:
            files["input.png"] = _input(looked)
        for begin, end in ((0, 1), (1, 3), (3, AT_ONCE)):
            part = tuple(shown[begin:end])
            if not part:
                break
            asked = words.through("layer", first + begin, first + begin + len(part) - 1)
            with st.spinner(words.sentence(f"{asked} of {len(names)}").rstrip(".")):
                found = engine.compute(activations.mosaics, looked.network, looked.array, part, widest=1200, **looks)
            for place, (name, one) in enumerate(found.items(), begin):
                _layer(name, one, card, place, scale)
                files[f"{name.replace('/', '_')}.png"] = functools.partial(bytes, one.png)
                blanks[name] = len(one.blank), one.shape[-1]
                broken += len(one.broken)
        silent = engine.compute(activations.sparsity, looked.network, looked.array)
    said = [words.blank({name: count for name, count in blanks.items() if name in silent}), words.sparsity(silent)]
    if broken:
        said = [words.safe(words.sentence(engine.compute(zoo.no_number, looked.network)), 400)]
    return Shown(
        [
            *said,
            f"Blank ones are {BLANKS[blank].lower()}; a click on a map opens that channel.",
        ],
        f"{_BOOK}; Zeiler & Fergus 2014, arXiv:1311.2901.",
        recipes.looks.mosaics(looked.picture.name, looked.network, card, layers=shown, **looks),
        files,
        foot.checked(checking.feature_maps, looked.network, looked.array, tuple(shown)),
    )


def _input(looked: Looked) -> Callable[[], bytes]:
    """What a network gets that takes neither grey nor RGB pictures, channel by channel; as a file."""
    taken = engine.compute(activations.taken, looked.network, looked.array)
    count = taken.shape[-1]
    shown = taken[..., :_MOST_INPUTS]
    ui.section(f"What the network takes · {words.shape(taken)}")
    rows = [f"{n} {colour}" for n, colour in zip(range(shown.shape[-1]), itertools.cycle(_FILLED), strict=False)]
    if count == 4:
        rows = [f"{n} {colour}" for n, colour in enumerate((*_FILLED, "alpha, every pixel opaque"))]
        if looked.card.colours == "bgr":
            rows[0], rows[2] = "0 blue", "2 red"
    more = f", and {count - len(rows)} more" if count > len(rows) else ""
    told = f"Channel {', '.join(rows)}{more}; {words.spread(taken)}, from black to white"
    columns = min(len(rows), 8)
    factor = max(1, -(-110 // taken.shape[0]))
    tiles_ = rendering.tiled(rendering.enlarge(rendering.levels(shown, "layer"), factor), columns=columns, ground=255)
    ui.picture(tiles_, told, f"The input's channels, {told}")
    return functools.partial(rendering.png, tiles_)


def _layer(name: str, one: Any, card: zoo.Card, place: int, scale: str) -> None:
    """One layer's heading, mosaic and colours."""
    ui.section(f"{words.safe(name)} · {words.safe(card.layer(name).kind)} · {' × '.join(map(str, one.shape))}")
    caption = f"{one.shape[-1]} channels of {one.shape[0]} × {one.shape[1]}, values "
    caption += f"{words.numbers(one.minimum, one.maximum)}, {_blanks(one.blank)}"
    if one.broken:
        caption += f"; with NaN or infinite values, crossed twice: {_some(one.broken)}"
    if one.table != "grey" and one.limit is None:
        caption += "; colours: " + ("minus to plus" if one.table == "signed" else "0 to") + " each channel's largest"
    _mosaic(
        one, name, f"maps_{place}", caption, does="Click to open it.",
        picked=functools.partial(open_channel, name),
    )  # fmt: skip
    if one.limit is not None:
        with st.columns(3)[0]:
            ui.colour_bar(one.table, one.limit)


def _blanks(blank: tuple[int, ...]) -> str:
    """How many channels are blank, and which."""
    return f"{len(blank)} blank: {_some(blank)}" if blank else "none blank"


def _some(channels: tuple[int, ...]) -> str:
    """The first of some channels, and how many more."""
    more = f" and {len(channels) - _NAMED} more" if len(channels) > _NAMED else ""
    return f"{', '.join(map(str, channels[:_NAMED]))}{more}"


# --- one channel ---------------------------------------------------------------------------------------------------


def one(looked: Looked) -> Shown:
    """One channel, large, over the picture, beside its kernels."""
    picture, card, array = looked.picture, looked.card, looked.array
    with looked.controls:
        layer = layer_of(looked)
        channel = channel_of(looked, layer, lambda: engine.compute(activations.strongest, looked.network, array, layer))
        alpha = choices.slider("Strength over the picture", 0.0, 1.0, 0.5, key="maps_alpha")
    chosen = engine.compute(activations.channel, looked.network, array, layer, channel)
    alt = words.map_alt(chosen, f"Feature map {channel} of {layer}")
    with looked.result:
        input_side, large, over = st.columns(3)
        with input_side:
            ui.picture(array, f"{picture.caption}, {words.shape(array)}", picture.alt, at_least=300)
        with large:
            caption = f"Channel {channel} of {words.safe(layer)}, {words.shape(chosen)}, {words.spread(chosen)}"
            ui.picture(ui.map_picture(chosen), caption, alt, at_least=300)
            ui.map_bar(chosen)
        with over:
            blended = ui.over_picture(chosen, array, alpha)
            ui.picture(blended, "The same over the picture", f"{alt}, drawn over {picture.alt}", at_least=300)
        source = kernels_of(card, layer)
        told = _kernels(looked, source, layer, channel) if source else []
        ways(looked, layer, channel, source)
    return Shown(
        [f"{words.sentence(alt)}", *told],
        f"{_BOOK}; Krizhevsky, Sutskever & Hinton 2012, figure 3.",
        recipes.maps.feature_maps(
            picture.name, looked.network, card, layers=[layer], layer=layer, channel=channel, alpha=alpha
        ),
        foot.pngs({"channel": ui.map_picture(chosen), "over_the_picture": blended}),
        foot.checked(checking.feature_maps, looked.network, array, (layer,)),
    )


def kernels_of(card: zoo.Card, layer: str) -> str | None:
    """The convolution whose filters make the channels of a layer: the layer itself, or one that it only passes on."""
    names = [entry.name for entry in card.layers]
    for entry in reversed(card.layers[: names.index(layer) + 1]):
        if entry.kind in filters.KINDS:
            return entry.name
        if entry.kind not in CELLWISE:
            return None
    return None


def _kernels(looked: Looked, source: str, layer: str, channel: int) -> list[str]:
    """The filter that made the channel: its stack, and its largest kernel in numbers."""
    found = engine.compute(filters.one, looked.network, source, channel)
    kernels = found.kernels
    limit = filters.largest(kernels)
    longest = int(np.linalg.norm(kernels.reshape(-1, kernels.shape[-1]), axis=0).argmax())
    ui.section("The filter that makes it: a stack of kernels")
    learned.stack(found, limit, f"Filter {channel} of {words.safe(source)}")
    learned.one_kernel(kernels[..., longest], limit, f"Kernel {longest}, the longest of filter {channel}")
    height, width, count = kernels.shape
    after = "" if source == layer else f"; {words.safe(layer)} passes it on, cell by cell"
    return [
        f"A kernel is {height} × {width}; this filter is a stack of {count}, one for each input channel: {height} · "
        f"{width} · {count} = {kernels.size:,} weights. What they give is added up to one map{after}."
    ]


def ways(looked: Looked, layer: str, channel: int, source: str | None, cell: tuple[int, int] | None = None) -> None:
    """Up to the network and down to one cell, the strongest where none is given, with all that is chosen."""
    found = [("inside/network", "Up: the network", {"node": layer}, ":material/account_tree:")]
    if source:
        more = {"kernel_layer": source, "kernel_filter": str(channel)}
        found.append(("inside/kernels", "Its kernels", more, ":material/grid_on:"))
    more = {"cell_layer": layer, "cell_channel": str(channel)}
    if cell is not None:
        more |= {"cell_row": str(cell[0]), "cell_col": str(cell[1])}
    title = "Down: its strongest cell" if cell is None else f"Down: this cell of channel {channel}"
    found.append(("inside/microscope", title, more, ":material/biotech:"))
    carried = {key: str(st.session_state[key]) for key in ("picture", "network")}
    for column, (page, title, query, icon) in zip(st.columns(len(found)), found, strict=True):
        if column.button(title, icon=icon, key=f"way_{page.rpartition('/')[2]}", width="stretch"):
            st.switch_page(f"pages/{page}.py", query_params={**carried, **query})


# --- a place -------------------------------------------------------------------------------------------------------


def place(looked: Looked) -> Shown:
    """Which channels answer most to a place of the picture."""
    card, array = looked.card, looked.array
    with looked.controls:
        layer = layer_of(looked)
        height, width, count = card.layer(layer).output_shape
        choices.belong((looked.network, layer), "place_row", "place_col")
        rows, cols = st.columns(2)
        with rows:
            row = (
                choices.number(f"Row (0 to {height - 1})", 0, height - 1, height // 2, key="place_row")
                if height > 1 else 0
            )  # fmt: skip
        with cols:
            col = (
                choices.number(f"Column (0 to {width - 1})", 0, width - 1, width // 2, key="place_col")
                if width > 1 else 0
            )  # fmt: skip
        by = choices.segments("Ranked by", list(RANKED), key="place_by", format_func=RANKED.get, width="stretch")
    found = engine.compute(contrasts.place, looked.network, array, layer, row, col, by=by)
    with looked.result:
        board, ranked = st.columns([5, 6])
        with board:
            _board(looked, (height, width), (row, col))
        with ranked:
            _ranked(looked, found, layer, row, col)
        if found.order:
            st.table(
                [_place_row(*one) for one in zip(found.order, found.values, found.means, found.surprises, strict=True)]
            )
        ways(looked, layer, found.order[0] if found.order else 0, kernels_of(card, layer), (row, col))
    return Shown(
        _place_noticed(looked, found, count),
        "Olah et al. 2018, The building blocks of interpretability, Distill, doi:10.23915/distill.00010.",
        recipes.looks.place(looked.picture.name, looked.network, card, layer=layer, row=row, col=col, by=by),
        {"ranked.png": functools.partial(bytes, found.png)} if found.order else {},
        foot.checked(checking.feature_maps, looked.network, array, (layer,)),
    )


def _ranked(looked: Looked, found: contrasts.Place, layer: str, row: int, col: int) -> None:
    """The maps of the channels that answer most."""
    if not found.order:
        st.markdown(f"No channel of **{words.safe(layer)}** is a number at row {row}, column {col}.")
        return
    st.markdown(f"Strongest at row {row}, column {col} of **{words.safe(layer)}**, a click opens one:")
    named = [
        f"Channel {channel}: {words.number(value)}" for channel, value in zip(found.order, found.values, strict=True)
    ]
    count = looked.card.layer(layer).output_shape[-1]
    tiles.tiles(
        found.png, found.tile, found.columns, len(found.order), key="place_maps", names=named,
        alt=f"Maps of the {len(found.order)} channels that answer most to this place",
        caption=f"{len(found.order)} of {count} channels, the strongest first, each from black to white alone",
        does="Click to open it.", picked=lambda n: open_channel(layer, found.order[n]),
    )  # fmt: skip


def _place_row(channel: int, value: float, mean: float, above: float) -> dict[str, str]:
    return {
        "Channel": str(channel),
        "Here": words.number(value),
        "On average": words.number(mean),
        "Standard deviations above its mean": words.number(above),
    }


def _place_noticed(looked: Looked, found: contrasts.Place, count: int) -> list[str]:
    said = [f"{found.above_zero} of {count} channels are above zero at this place."]
    if found.order:
        said.append(
            f"First is channel {found.order[0]} with {words.number(found.values[0])}; over its whole map it has "
            f"{words.number(found.means[0])} on average."
        )
    said.append(
        "The framed part is the cell's share of the picture; what the cell can see reaches farther, as the "
        "Microscope shows."
    )
    return [*said, *broken(looked, found.broken, "at this place")]


def broken(looked: Looked, channels: tuple[int, ...], where: str) -> list[str]:
    """Which channels are not ranked because they are no numbers, and why they are not."""
    if not channels:
        return []
    named = f"Channel {channels[0]} is" if len(channels) == 1 else f"Channels {_some(channels)} are"
    cause = words.safe(words.sentence(engine.compute(zoo.no_number, looked.network)), 400)
    return [f"{named} NaN or infinite {where} and not ranked. {cause}"]


def _board(looked: Looked, cells: tuple[int, int], chosen: tuple[int, int]) -> None:
    """The picture, as the network takes it, with the cells of a map to click."""
    height, width, channels = looked.card.input_shape
    sized = images.resize(images.with_channels(looked.array, 1 if channels == 1 else 3), (height, width))
    sized = images.with_channels(np.asarray(sized).reshape(height, width, -1), 3)
    side = max(1, _BOARD // max(cells))
    drawn = images.resize(sized, (cells[0] * side, cells[1] * side))

    def picked(place_: int) -> None:
        for key, value in zip(("place_row", "place_col"), divmod(place_, cells[1]), strict=True):
            choices.set_later(key, value)

    tiles.tiles(
        rendering.png(drawn), (side, side), cells[1], cells[0] * cells[1], key="place_board", gap=0, most=640,
        alt=f"{looked.picture.alt}, in {cells[0]} by {cells[1]} cells", chosen=chosen[0] * cells[1] + chosen[1],
        caption=f"{looked.picture.title}, {height} × {width}, in {cells[0]} × {cells[1]} cells: click a place",
        does="Click to ask about it.", picked=picked,
    )  # fmt: skip


# --- two pictures --------------------------------------------------------------------------------------------------


def two(looked: Looked) -> Shown:
    """A layer on two pictures, and the difference."""
    card, array = looked.card, looked.array
    with looked.controls:
        other = pickers.second(looked.picture)
        layer = layer_of(looked)
        found = engine.compute(contrasts.difference, looked.network, array, other.array, layer, columns=4)
        channel = channel_of(looked, layer, lambda: (found.order or found.broken)[0])
    maps = [engine.compute(activations.channel, looked.network, one, layer, channel) for one in (array, other.array)]
    with np.errstate(invalid="ignore"):  # infinity minus itself
        apart = maps[1] - maps[0]
    limit = max(map(ui.largest, maps)) or 1.0
    signed = any(map(ui.is_signed, maps))
    titles = (looked.picture.caption, other.caption, "Second minus first")
    drawn = {}
    with looked.result:
        for column, source in zip(st.columns(3), (looked.picture, other), strict=False):
            with column:
                ui.picture(source.array, f"{source.caption}, {words.shape(source.array)}", source.alt, at_least=300)
        parts = zip(st.columns(3), (*maps, apart), titles, (signed, signed, True), strict=True)
        for column, values, title, around in parts:
            with column:
                shown = rendering.signed(values, limit) if around else rendering.magnitude(values, limit)
                shown = rendering.marked(shown, values)
                told = f"channel {channel} of {words.safe(layer)}, {words.shape(values)}, {words.spread(values)}"
                ui.picture(
                    shown, f"{title}: {told}", words.map_alt(values, f"{title}, channel {channel}"), at_least=300
                )
                if np.isfinite(values).any():
                    ui.colour_bar("signed" if around else "viridis", limit, beyond=limit < ui.largest(values))
                drawn[title] = shown
        if found.order:
            _apart(found, layer, (looked.picture.title, other.title, "second minus first"), channel)
    return Shown(
        [*_two_noticed(found, layer, channel, maps), *broken(looked, found.broken, "on one of the pictures")],
        f"{_BOOK}.",
        recipes.looks.difference(looked.picture.name, other.name, looked.network, card, layer=layer, channel=channel),
        foot.pngs({"first": drawn[titles[0]], "second": drawn[titles[1]], "difference": drawn[titles[2]]}),
        foot.checked(checking.feature_maps, looked.network, other.array, (layer,)),
        "the second picture is your own and not in the link" if other.name == pickers.OWN else "",
    )


def _apart(found: contrasts.Difference, layer: str, plain: tuple[str, str, str], channel: int) -> None:
    """The channels that differ most on the first picture, on the second, and their difference."""
    ui.section(f"The {len(found.order)} channels that differ most")
    at = found.order.index(channel) if channel in found.order else None
    for number, (column, png) in enumerate(zip(st.columns(3), found.pngs, strict=True)):
        named = [
            f"Channel {one}, apart by {words.number(by)} on average"
            for one, by in zip(found.order, found.apart, strict=True)
        ]
        with column:
            tiles.tiles(
                png, found.tile, found.columns, len(found.order), key=f"two_{number}", names=named, most=900,
                alt=f"Maps of {layer[:80]}: {plain[number]}", caption=words.sentence(plain[number]).rstrip("."),
                does="Click to see it large.", chosen=at,
                picked=lambda n: choices.set_later("channel", found.order[n]),
            )  # fmt: skip


def _two_noticed(found: contrasts.Difference, layer: str, channel: int, maps: list[np.ndarray]) -> list[str]:
    """Which channel differs most, the means of the one that is large, and how alike all are."""
    if not found.order:
        return []
    said = [f"Channel {found.order[0]} differs most, by {words.number(found.apart[0])} on average over its map."]
    if channel not in found.broken:
        means = [words.number(float(one.mean())) for one in maps]
        said.append(f"The mean of channel {channel} is {means[0]} on the first picture and {means[1]} on the second.")
    if np.isnan(found.similarity):
        return [*said, "An even map has no likeness to another."]
    what = f"All {'finite channels' if found.broken else 'values'} of {words.safe(layer)}"
    likeness = f"{found.similarity:.2f}".replace("-", "−")
    return [*said, f"{what} on one picture correlate with those on the other by {likeness}."]


# --- top pictures --------------------------------------------------------------------------------------------------


def top(looked: Looked) -> Shown:
    """The pictures of a data set that a channel answers to most."""
    with looked.controls:
        layer = layer_of(looked)
        channel = channel_of(
            looked, layer, lambda: engine.compute(activations.strongest, looked.network, looked.array, layer)
        )
        name, count = top_pictures.data("top_data", looked.network)
    top_pictures.begin((looked.network, name, layer, (channel,)), count=count)
    named = f"channel {channel} of {layer}"
    with looked.result:
        ui.section(f"What {words.safe(named)} answers to most")
        top_pictures.live(lambda now: top_pictures.row(now, channel, named, key="top"))
        ways(looked, layer, channel, kernels_of(looked.card, layer))
    now = top_pictures.found()
    files = {}
    if now is not None and now.best.get(channel):
        files["top_pictures.png"] = functools.partial(rendering.png, top_pictures.sheet(now.best[channel]))
    return Shown(
        top_pictures.noticed(now, channel, layer, looked.network),
        "Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, arXiv:1311.2901, figure 2.",
        recipes.looks.exemplars(looked.network, looked.card, layer=layer, channel=channel, data=name, count=count),
        files,
    )
