"""Widgets whose value is in the address bar and outlives a change of page.

Every choice a visitor makes goes through here, so that a copied link shows the same thing. Streamlit can bind a widget
to the address by itself, but then puts the label that people read there, and resets the widgets of a page that is
reached by the browser's Back. Here the option itself stands in the address, and the address is read when somebody
arrives: by a link, from another page, or by Back. At all other times the widget is right and the address follows,
written once for each run. What a link asks for and cannot have is told, until the visitor chooses that thing anew.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import words

LONGEST_TEXT = 400  # letters that are taken from the address
HIDE = "hide"  # in the address: the keys of controls that a lesson hides, with commas between them
_PENDING = "_pending_choices"  # set in one run, for the next
_PAGE = "_page"  # where the visitor was in the last run
_ASKED = "_asked"  # key -> what the address asked for on arrival, until its widget has been drawn
_BACK_HERE = "_back_here"  # whether this run came by Back or Forward within the page
_ADDRESS = "_address"  # key -> what the address shall say
_HIDDEN = "_hidden"  # keys of the controls that are hidden
_NOTES = "_notes"  # key -> what a link asked for in vain
_TOLD = "_told"  # keys drawn in this run, in order
_CHOSEN = "_chosen"  # keys that the visitor or a link has chosen
_DEFAULTS = "_defaults"  # key -> its default in the last run
_LABELS = "_labels"  # key -> what its options were called in the last run
_BELONGS = "_belongs"  # key -> to what it belonged in the last run
_SET = "_set"  # keys that the run before has set for this one
_DEFAULT = object()  # in the place of a value: what the widget has where nobody has chosen
_KEPT = {"persist_state": "session"}


@dataclass(frozen=True)
class _Note:
    """A choice that a link asked for in vain: its label, what was asked, why it is not here, and what is shown."""

    label: str
    asked: str
    reason: str
    value: Any
    title: str


@contextlib.contextmanager
def visit(page: str) -> Iterator[None]:
    """Around all that is drawn: what was set for this run holds, an arrival heeds the address, which follows."""
    _arrive(page)
    try:
        yield
    finally:
        _write()


def _arrive(page: str) -> None:
    context, state = get_script_run_ctx(), st.session_state
    by_back = bool(getattr(context, "is_history_navigation", False))
    arriving = by_back or state.get(_PAGE) != page
    state[_BACK_HERE] = by_back and state.get(_PAGE) == page
    state[_PAGE], state[_TOLD] = page, []
    state[_ADDRESS] = st.query_params.to_dict()
    if arriving:
        state[_ASKED] = dict(state[_ADDRESS])
        if HIDE in state[_ASKED]:
            names = re.findall(r"[a-z][a-z_]*", state[_ASKED][HIDE][:LONGEST_TEXT])
            state[_HIDDEN] = list(dict.fromkeys(names))
    if hidden := state.setdefault(_HIDDEN, []):
        state[_ADDRESS][HIDE] = ",".join(hidden)
    pending = state.pop(_PENDING, {})
    state[_SET] = set(pending)
    for key, value in pending.items():
        state[_ASKED].pop(key, None)
        if value is _DEFAULT:
            state.pop(key, None)
            _chosen().discard(key)
        else:
            state[key] = value
            _chosen().add(key)


def arrived() -> None:
    """After a page was drawn to its end: the address has been heard, and keeps what plays a part on the page."""
    st.session_state[_ASKED] = {}
    st.session_state[_ADDRESS] = address()


def _write() -> None:
    """Let the address say what is chosen, all at once: each time it is set is an entry in the browser's history."""
    if st.session_state[_ADDRESS] != st.query_params.to_dict():
        st.query_params.from_dict(st.session_state[_ADDRESS])


def set_later(key: str, value: Any) -> None:
    """Set a choice from the next run on; a widget that is drawn already cannot be changed in this one."""
    st.session_state.setdefault(_PENDING, {})[key] = value


def wait() -> bool:
    """Whether a part of a page that is drawn alone has set choices, which only a run of the whole page heeds."""
    return bool(_in_part() and st.session_state.get(_PENDING))


def _in_part() -> bool:
    """Whether a part of the page is drawn alone."""
    return bool(getattr(get_script_run_ctx(), "fragment_ids_this_run", None))


def forget_later(key: str) -> None:
    """From the next run on a choice has its default, whatever that is then, as if nobody had chosen."""
    set_later(key, _DEFAULT)


def belong(whose: Any, *keys: str) -> None:
    """These choices belong to something, such as a network, and begin anew when it is another."""
    known = st.session_state.setdefault(_BELONGS, {})
    for key in keys:
        kept = key in st.session_state[_ASKED] or key in st.session_state[_SET]
        if known.get(key, whose) != whose and not kept:
            st.session_state.pop(key, None)
            _chosen().discard(key)
        known[key] = whose


def address() -> dict[str, str]:
    """What the address says of the choices that are drawn by now."""
    drawn = {HIDE, *st.session_state[_TOLD]}
    return {key: value for key, value in st.session_state[_ADDRESS].items() if key in drawn}


def is_hidden(key: str) -> bool:
    """Whether a lesson hides this control; it keeps the value that the address gives it."""
    return key in st.session_state[_HIDDEN]


def told() -> list[str]:
    """What the link asked for in vain and what is shown instead, as Markdown sentences."""
    notes = st.session_state.get(_NOTES, {})
    known = [notes[key] for key in dict.fromkeys(st.session_state[_TOLD]) if key in notes]
    sentences = [f"{one.reason}; {one.title} is shown." for one in known if one.reason]
    vain = ", ".join(f"{one.label} “{one.asked}” (shown: {one.title})" for one in known if not one.reason)
    return [*sentences, *([f"This link asks for what cannot be had here: {vain}."] if vain else [])]


def select(
    label: str,
    options: Sequence[Any],
    *,
    key: str,
    default: Any = None,
    missing: Callable[[str], str] = lambda asked: "",
    **looks: Any,
) -> Any:
    """One of several options; a value that is no option any more gives way to the default.

    Args:
        label: for people.
        options: their `str` stands in the address.
        key: in the address.
        default: one of the options, the first if it is none. It may differ from page to page: what nobody has chosen
            follows it.
        missing: why an option that a link asks for is not here, one sentence without a full stop, or "".
        looks: of `st.selectbox`.
    """
    default = _begin_option(label, key, list(options), default, looks.get("format_func"), missing)
    return _end(key, default, lambda: st.selectbox(label, list(options), key=key, **_KEPT, **looks))


def segments(label: str, options: Sequence[Any], *, key: str, default: Any = None, **looks: Any) -> Any:
    """One of a few options, side by side."""
    default = _begin_option(label, key, list(options), default, looks.get("format_func"))
    return _end(
        key,
        default,
        lambda: st.segmented_control(label, list(options), key=key, required=True, **_KEPT, **looks),
    )


def several(label: str, options: Sequence[str], *, key: str, default: Sequence[str], **looks: Any) -> list[str]:
    """Any number of options, at least one; in the address they stand apart by commas."""
    known, default = set(options), list(default)
    asked = _begin(key, default, lambda asked: [one for one in dict.fromkeys(asked.split(",")) if one in known] or None)
    most = looks.get("max_selections") or len(options)
    st.session_state[key] = ([one for one in st.session_state[key] if one in known] or default)[:most]
    if asked is not None and asked != _said(st.session_state[key]):
        _note(key, label, asked, "", ", ".join(map(looks.get("format_func", str), st.session_state[key])))
    return _end(key, default, lambda: list(st.multiselect(label, list(options), key=key, **_KEPT, **looks)))


def slider(label: str, low: Any, high: Any, default: Any, *, key: str, step: Any = None, **looks: Any) -> Any:
    """A number between two bounds; a value outside them moves to the nearer bound."""
    _begin_number(label, key, low, high, default)
    if low == high:  # there is nothing to slide
        return _end(key, low, lambda: st.number_input(label, low, high, key=key, disabled=True, **_KEPT, **looks))
    return _end(key, default, lambda: st.slider(label, low, high, step=step, key=key, **_KEPT, **looks))


def steps(label: str, options: Sequence[Any], *, key: str, default: Any, **looks: Any) -> Any:
    """One of many options in an order, on a slider; a single one is simply said."""
    default = _begin_option(label, key, list(options), default, looks.get("format_func"))
    return _end(key, default, lambda: st.select_slider(label, list(options), key=key, **_KEPT, **looks))


def number(label: str, low: Any, high: Any, default: Any, *, key: str, step: Any = None, **looks: Any) -> Any:
    """A number to type, between two bounds; a value outside them moves to the nearer bound."""
    _begin_number(label, key, low, high, default)
    return _end(key, default, lambda: st.number_input(label, low, high, step=step, key=key, **_KEPT, **looks))


def toggle(label: str, default: bool = False, *, key: str, **looks: Any) -> bool:
    """On or off."""
    asked = _begin(key, default, {"true": True, "false": False}.get)
    if asked is not None and asked not in ("true", "false"):
        _note(key, label, asked, "", "on" if st.session_state[key] else "off")
    return _end(key, default, lambda: st.toggle(label, key=key, **_KEPT, **looks))


def text(label: str, default: str, *, key: str, **looks: Any) -> str:
    """A line of text."""
    _begin(key, default, lambda asked: asked[:LONGEST_TEXT])
    return _end(key, default, lambda: st.text_input(label, key=key, **_KEPT, **looks))


def area(label: str, default: str, *, key: str, longest: int, **looks: Any) -> str:
    """Several lines of text, up to so many letters."""
    _begin(key, default, lambda asked: asked[:longest])
    return _end(key, default, lambda: st.text_area(label, key=key, max_chars=longest, **_KEPT, **looks))


def _begin(key: str, default: Any, parse: Callable[[str], Any]) -> str | None:
    """Before a widget is drawn: its value is the address's where somebody arrives with one, or the one it had.

    Returns:
        what the address asked for on arrival, if it did.
    """
    state = st.session_state
    asked = state[_ASKED].pop(key, None)
    if asked is not None and parse(asked) is not None:
        state[key] = parse(asked)
        _chosen().add(key)
        state.get(_NOTES, {}).pop(key, None)
    elif state[_BACK_HERE] and asked is None:
        state[key] = default
    state.setdefault(key, default)
    state[_TOLD].append(key)
    return asked


def _begin_option(
    label: str,
    key: str,
    options: list[Any],
    default: Any,
    label_of: Callable | None = None,
    missing: Callable[[str], str] = lambda asked: "",
) -> Any:
    """The same for one of several options; the default that holds."""
    state = st.session_state
    default = default if default in options else options[0]
    _follow(key, default)
    asked = _begin(key, default, functools.partial(_option, options))
    if state[key] not in options:
        state[key] = default
    if asked is not None and asked.casefold() != str(state[key]).casefold():
        _note(key, label, asked, missing(asked), str((label_of or str)(state[key])))
    labels = state.setdefault(_LABELS, {})
    titles = tuple(map(label_of or str, options))
    if labels.get(key, titles) != titles:
        state[key] = state[key]  # said again, or the browser keeps the old label
    labels[key] = titles
    return default


def _option(options: list[Any], asked: str) -> Any:
    """The option that an address asks for, in whatever letters, or None."""
    known = {str(option).casefold(): option for option in options} | {str(option): option for option in options}
    return known.get(asked, known.get(asked.casefold()))


def _follow(key: str, default: Any) -> None:
    """What nobody has chosen goes with its default, which may depend on other choices."""
    defaults = st.session_state.setdefault(_DEFAULTS, {})
    if defaults.get(key, default) != default and key not in _chosen():
        st.session_state[key] = default
    defaults[key] = default


def _begin_number(label: str, key: str, low: Any, high: Any, default: Any) -> None:
    """The same for a number, moved between its bounds."""
    _follow(key, default)
    asked = _begin(key, default, lambda asked: _number(asked, type(default)))
    wanted = st.session_state[key]
    st.session_state[key] = type(default)(min(max(wanted, low), high))
    if asked is not None and (_number(asked, type(default)) is None or wanted != st.session_state[key]):
        _note(key, label, asked, "", str(st.session_state[key]))


def _number(asked: str, kind: type) -> Any:
    try:
        value = float(asked)
    except ValueError:
        return None
    return kind(value) if math.isfinite(value) and abs(value) < 1e15 else None


def _note(key: str, label: str, asked: str, reason: str, title: str) -> None:
    """Remember that a link asked in vain."""
    name = label.partition(" (")[0].lower()
    note = _Note(name, words.safe(asked, 40), reason, st.session_state[key], words.safe(title))
    st.session_state.setdefault(_NOTES, {})[key] = note


def _said(value: Any) -> str:
    """A value as it stands in the address."""
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _chosen() -> set[str]:
    return st.session_state.setdefault(_CHOSEN, set())


def _end(key: str, default: Any, draw: Callable[[], Any]) -> Any:
    """Draw the widget, unless a lesson hides it; the address says its value, and nothing for the default."""
    state = st.session_state
    if is_hidden(key):
        state[key] = value = state[key]  # kept as ours, since Streamlit drops what belongs to no widget
    else:
        value = draw()
    if value != default:
        _chosen().add(key)
        state[_ADDRESS][key] = _said(value)
    else:
        state[_ADDRESS].pop(key, None)
    note = state.get(_NOTES, {}).get(key)
    if note is not None and note.value != value:
        del state[_NOTES][key]
    if _in_part():
        _write()
    return value
