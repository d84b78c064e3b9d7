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
_SHOWN = "_shown_choices"  # keys drawn in this run


def select(label: str, options: Sequence[Any], *, key: str, default: Any = None, **looks: Any) -> Any:
    """One of several options; a value that is no option any more gives way to the default."""
    options = list(options)
    _register(key)
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]
    index = options.index(default) if default in options else 0
    return st.selectbox(label, options, index=index, key=key, **_BOUND, **looks)


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
