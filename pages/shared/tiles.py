"""A picture whose tiles can be chosen: channels of a mosaic, cells of a map. The browser answers the pointer."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence

import streamlit as st

from pages.shared import components

_mount = components.declared("tiles")


def tiles(
    png: bytes,
    tile: tuple[int, int],
    columns: int,
    count: int,
    *,
    key: str,
    alt: str,
    caption: str,
    does: str,
    picked: Callable[[int], None],
    names: Sequence[str] | None = None,
    chosen: int | None = None,
    gap: int = 1,
    most: int = 0,
) -> None:
    """Show tiles in rows; the one that is clicked, or reached by keys and taken with Enter, is told.

    Args:
        png: the picture's file.
        tile: (height, width) of one, in the picture's pixels.
        columns: in a row.
        count: of the tiles.
        key: of this picture on the page.
        alt: what the picture shows.
        caption: plain text under it.
        does: what a click does, one sentence, said of the tile that is pointed at.
        picked: told of a tile's place, from 0 and row by row, before the page is drawn anew.
        names: of the tiles; rows and columns are counted where there are none.
        chosen: place of the tile that is framed.
        gap: pixels between two tiles.
        most: pixels of the width on the screen, at most; 0 for all there is.
    """
    rows = -(-count // columns)
    size = {"width": columns * (tile[1] + gap) - gap, "height": rows * (tile[0] + gap) - gap}
    head = {
        **size, "tile": tile, "columns": columns, "count": count, "gap": gap, "names": names, "chosen": chosen,
        "alt": alt, "caption": caption, "does": does, "most": most, "wide": not most,
    }  # fmt: skip

    def heard() -> None:
        place = st.session_state[key].picked
        if isinstance(place, int) and 0 <= place < count:
            picked(place)

    said = json.dumps(head).encode()
    _mount(key=key, data=struct.pack("<I", len(said)) + said + png, on_picked_change=heard)
