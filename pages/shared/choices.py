"""Widgets whose value is in the address bar and outlives a change of page.

Every choice a visitor makes goes through here, so that a copied link shows the same thing. Streamlit binds a widget to
the URL but loses the values of a page that is reached by the browser's Back; `remember` and `restore` keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

_BOUND = {"bind": "query-params", "persist_state": "session"}
_REMEMBERED = "_remembered_choices"  # page -> {key: value}
_PENDING = "_pending_choices"  # set in one run, for the next
_WRITTEN = "_written_to_the_address"  # key -> what we put there last
_SHOWN = "_shown_choices"  # keys drawn in this run


def select(label: str, options: Sequence[Any], *, key: str, default: Any = None, **looks: Any) -> Any:
    """One of several options; a value that is no option any more gives way to the default.

    Streamlit would put the label that people read into the address. A link must be short and stay the same when a label
    is reworded, so the option itself goes there.
    """
    options = list(options)
    default = default if default in options else options[0]
    _register(key)
    _adopt_address(key, {str(option): option for option in options})
    if st.session_state.get(key, default) not in options:
        del st.session_state[key]
    st.session_state.setdefault(key, default)
    value = st.selectbox(label, options, key=key, persist_state="session", **looks)
    _write_address(key, None if value == default else str(value))
    return value


def _adopt_address(key: str, options: dict[str, Any]) -> None:
    """Take a value from the address if it did not come there from us: from a link, or by Back."""
    asked = st.query_params.get(key)
    if asked != st.session_state.setdefault(_WRITTEN, {}).get(key) and asked in options:
        st.session_state[key] = options[asked]


def _write_address(key: str, value: str | None) -> None:
    if value is None and key in st.query_params:
        del st.query_params[key]
    elif value is not None and st.query_params.get(key) != value:
        st.query_params[key] = value
    st.session_state[_WRITTEN][key] = value


def segments(label: str, options: Sequence[Any], *, key: str, default: Any = None, **looks: Any) -> Any:
    """One of a few options, side by side."""
    _register(key)
    default = default if default is not None else next(iter(options))
    return st.segmented_control(label, options, key=key, default=default, required=True, **_BOUND, **looks)


def slider(label: str, low: Any, high: Any, default: Any, *, key: str, step: Any = None, **looks: Any) -> Any:
    """A number between two bounds; a kept value outside them moves to the nearer bound."""
    _register(key)
    _clamp(key, low, high)
    return st.slider(label, low, high, default, step, key=key, **_BOUND, **looks)


def number(label: str, low: Any, high: Any, default: Any, *, key: str, step: Any = None, **looks: Any) -> Any:
    """A number to type, between two bounds; a kept value outside them moves to the nearer bound."""
    _register(key)
    _clamp(key, low, high)
    return st.number_input(label, low, high, default, step, key=key, **_BOUND, **looks)


def toggle(label: str, default: bool = False, *, key: str, **looks: Any) -> bool:
    """On or off."""
    _register(key)
    return st.toggle(label, default, key=key, **_BOUND, **looks)


def text(label: str, default: str, *, key: str, **looks: Any) -> str:
    """A line of text."""
    _register(key)
    return st.text_input(label, default, key=key, **_BOUND, **looks)


def _clamp(key: str, low: Any, high: Any) -> None:
    kept = st.session_state.get(key)
    if isinstance(kept, int | float) and not low <= kept <= high:
        st.session_state[key] = min(max(kept, low), high)


def _register(key: str) -> None:
    st.session_state.setdefault(_SHOWN, set()).add(key)


def set_later(key: str, value: Any) -> None:
    """Set a choice from the next run on; a widget that is drawn already cannot be changed in this one."""
    st.session_state.setdefault(_PENDING, {})[key] = value


def settle() -> None:
    """Before anything is drawn: what was set for this run holds."""
    for key, value in st.session_state.pop(_PENDING, {}).items():
        st.session_state[key] = value


def restore(page: str) -> None:
    """Before a page is drawn: where the visitor comes back to it, give it its last choices, the URL's before all."""
    st.session_state[_SHOWN] = set()
    if st.session_state.get("_page") != page:
        for key, value in st.session_state.get(_REMEMBERED, {}).get(page, {}).items():
            if key not in st.query_params:
                st.session_state[key] = value
    st.session_state["_page"] = page


def remember(page: str) -> None:
    """After a page is drawn: keep its choices."""
    kept = {key: st.session_state[key] for key in st.session_state.get(_SHOWN, ()) if key in st.session_state}
    st.session_state.setdefault(_REMEMBERED, {})[page] = kept
