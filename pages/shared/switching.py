"""A visitor's wish for another page outlives the timers of the page that is left.

Streamlit 1.67 folds a message that waits and the next one into one, with the page of the later: where a part of a page
that draws itself anew asks for that in the moment after a click on another page, or after Back, the wish was lost.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

_FOLD = "_request_rerun_locked"  # of Streamlit's: folds a request into the one that waits; its caller holds the lock


def keep_wishes() -> None:
    """Let timers change nothing of the page that was asked for; without effect where Streamlit has another form."""
    fold = getattr(ScriptRequests, _FOLD, None)
    if fold is None or hasattr(fold, "__wrapped__"):
        return

    @functools.wraps(fold)
    def kept(self: ScriptRequests, new: RerunData) -> Any:
        waiting = getattr(self, "_rerun_data", None)
        if new.is_auto_rerun and _is_wish(self, waiting) and waiting.page_script_hash != new.page_script_hash:
            new = replace(
                new, page_script_hash=waiting.page_script_hash, page_name=waiting.page_name,
                query_string=waiting.query_string,
            )  # fmt: skip
        return fold(self, new)

    setattr(ScriptRequests, _FOLD, kept)


def _is_wish(requests: ScriptRequests, waiting: RerunData | None) -> bool:
    """Whether a run of a whole page waits."""
    state = getattr(getattr(requests, "_state", None), "name", "")
    return state == "RERUN" and waiting is not None and not waiting.fragment_id and not waiting.fragment_id_queue
