"""Widgets whose value is in the address bar and outlives a change of page.

Every choice a visitor makes goes through here, so that a copied link shows the same thing. Streamlit can bind a widget
to the address by itself, but then puts the label that people read there, and resets the widgets of a page that is
reached by the browser's Back. Here the option itself stands in the address, and the address is read when somebody
arrives: by a link, from another page, or by Back. At all other times the widget is right and the address follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LONGEST_TEXT = 400  # letters that are taken from the address
_PENDING = "_pending_choices"  # set in one run, for the next
_PAGE = "_page"  # where the visitor was in the last run
_ARRIVING = "_arriving"  # whether this run reads the address
_BY_BACK = "_by_back"  # whether this run came by Back or Forward, and must not add to the history
_LABELS = "_labels"  # key -> what its options were called in the last run
_BELONGS = "_belongs"  # key -> to what it belonged in the last run
_KEPT = {"persist_state": "session"}


def arrive(page: str) -> None:
    """Before anything is drawn: what was set for this run holds, and the address counts if somebody arrives."""
    context = get_script_run_ctx()
    by_back = bool(getattr(context, "is_history_navigation", False))
    st.session_state[_BY_BACK] = by_back and st.session_state.get(_PAGE) == page
    st.session_state[_ARRIVING] = by_back or st.session_state.get(_PAGE) != page
    st.session_state[_PAGE] = page
    for key, value in st.session_state.pop(_PENDING, {}).items():
        st.session_state[key] = value
        if key in st.query_params:
            del st.query_params[key]


def set_later(key: str, value: Any) -> None:
    """Set a choice from the next run on; a widget that is drawn already cannot be changed in this one."""
    st.session_state.setdefault(_PENDING, {})[key] = value


def belong(whose: Any, *keys: str) -> None:
    """These choices belong to something, such as a network, and begin anew when it is another."""
    known = st.session_state.setdefault(_BELONGS, {})
    for key in keys:
        if known.get(key, whose) != whose and not (st.session_state[_ARRIVING] and key in st.query_params):
            st.session_state.pop(key, None)
        known[key] = whose


def select(label: str, options: Sequence[Any], *, key: str, default: Any = None, **looks: Any) -> Any:
    """One of several options; a value that is no option any more gives way to the default."""
    default = _begin_option(key, list(options), default, looks.get("format_func"))
    return _end(key, default, st.selectbox(label, list(options), key=key, **_KEPT, **looks))


def segments(label: str, options: Sequence[Any], *, key: str, default: Any = None, **looks: Any) -> Any:
    """One of a few options, side by side."""
    default = _begin_option(key, list(options), default)
    return _end(key, default, st.segmented_control(label, list(options), key=key, required=True, **_KEPT, **looks))


def several(label: str, options: Sequence[str], *, key: str, default: Sequence[str], **looks: Any) -> list[str]:
    """Any number of options; in the address they stand apart by commas."""
    known, default = set(options), list(default)
    _begin(key, default, lambda asked: [one for one in dict.fromkeys(asked.split(",")) if one in known] or None)
    st.session_state[key] = [one for one in st.session_state[key] if one in known]
    chosen = st.multiselect(label, list(options), key=key, **_KEPT, **looks)
    _end(key, ",".join(default), ",".join(chosen))
    return list(chosen)


def slider(label: str, low: Any, high: Any, default: Any, *, key: str, step: Any = None, **looks: Any) -> Any:
    """A number between two bounds; a value outside them moves to the nearer bound."""
    _begin_number(key, low, high, default)
    return _end(key, default, st.slider(label, low, high, step=step, key=key, **_KEPT, **looks))


def number(label: str, low: Any, high: Any, default: Any, *, key: str, step: Any = None, **looks: Any) -> Any:
    """A number to type, between two bounds; a value outside them moves to the nearer bound."""
    _begin_number(key, low, high, default)
    return _end(key, default, st.number_input(label, low, high, step=step, key=key, **_KEPT, **looks))


def toggle(label: str, default: bool = False, *, key: str, **looks: Any) -> bool:
    """On or off."""
    _begin(key, default, {"true": True, "false": False}.get)
    return _end(key, default, st.toggle(label, key=key, **_KEPT, **looks))


def text(label: str, default: str, *, key: str, **looks: Any) -> str:
    """A line of text."""
    _begin(key, default, lambda asked: asked[:LONGEST_TEXT])
    return _end(key, default, st.text_input(label, key=key, **_KEPT, **looks))


def _begin(key: str, default: Any, parse: Callable[[str], Any]) -> None:
    """Before a widget is drawn: its value is the address's where somebody arrives with one, or the one it had."""
    asked = st.query_params.get(key)
    if st.session_state[_ARRIVING] and asked is not None and parse(asked) is not None:
        st.session_state[key] = parse(asked)
    st.session_state.setdefault(key, default)


def _begin_option(key: str, options: list[Any], default: Any, label_of: Callable | None = None) -> Any:
    """The same for one of several options; the default that holds."""
    default = default if default in options else options[0]
    _begin(key, default, {str(option): option for option in options}.get)
    if st.session_state[key] not in options:
        st.session_state[key] = default
    labels = st.session_state.setdefault(_LABELS, {})
    told = tuple(map(label_of or str, options))
    if labels.get(key, told) != told:
        st.session_state[key] = st.session_state[key]  # said again, or the browser keeps the old label
    labels[key] = told
    return default


def _begin_number(key: str, low: Any, high: Any, default: Any) -> None:
    """The same for a number, moved between its bounds."""
    _begin(key, default, lambda asked: _number(asked, type(default)))
    st.session_state[key] = type(default)(min(max(st.session_state[key], low), high))


def _number(asked: str, kind: type) -> Any:
    try:
        value = float(asked)
    except ValueError:
        return None
    return kind(value) if math.isfinite(value) and abs(value) < 1e15 else None


def _end(key: str, default: Any, value: Any) -> Any:
    """After a widget is drawn: the address says what it says, and nothing where that is the default."""
    said = None if value == default else str(value).lower() if isinstance(value, bool) else str(value)
    if not st.session_state[_BY_BACK]:
        if said is None and key in st.query_params:
            del st.query_params[key]
        elif said is not None and st.query_params.get(key) != said:
            st.query_params[key] = said
    return value
