"""A wish for another page and a timer of the page that is left, folded as Streamlit's server folds them."""

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from pages.shared import switching

switching.keep_wishes()
WISH = RerunData(query_string="kernel=sharpen", page_script_hash="convolution", is_history_navigation=True)


def folded(*wanted: RerunData) -> RerunData:
    requests = ScriptRequests()
    assert all(requests.request_rerun(one) for one in wanted)
    return requests.on_scriptrunner_ready().rerun_data


def test_a_timer_of_the_page_that_is_left_does_not_call_the_visitor_back():
    timer = RerunData(query_string="epochs=3", page_script_hash="training", fragment_id="poll", is_auto_rerun=True)
    found = folded(WISH, timer)
    assert (found.page_script_hash, found.query_string) == ("convolution", "kernel=sharpen")
    assert (found.fragment_id_queue, found.is_history_navigation) == ([], True)


@pytest.mark.parametrize("fragment", [None, "part"])
def test_what_the_visitor_does_next_counts(fragment):
    found = folded(WISH, RerunData(page_script_hash="training", fragment_id=fragment))
    assert found.page_script_hash == "training"


def test_a_timer_alone_is_as_it_was():
    timer = RerunData(page_script_hash="training", fragment_id="poll", is_auto_rerun=True)
    found = folded(timer, timer)
    assert (found.page_script_hash, found.fragment_id_queue) == ("training", ["poll"])


def test_it_is_wrapped_once():
    before = ScriptRequests._request_rerun_locked
    switching.keep_wishes()
    assert ScriptRequests._request_rerun_locked is before
