"""The Trust page in a real browser: each of its tests runs to its verdict."""

import pytest


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("trust?network=shapes&picture=shapes", "maps find what matters better than random maps"),
        (
            "trust?network=shapes&picture=shapes&test=weights&trust_method=guided_backpropagation",
            "Guided backpropagation hardly changes",
        ),
        ("trust?test=truth&trust_pictures=10&trust_methods=grad_cam", "points at the explained shape in"),
    ],
)
def test_a_test_of_heat_maps_ends_in_a_verdict(server, page, address, verdict):
    page.goto(f"{server.address}/{address}")
    page.get_by_text(verdict).wait_for(timeout=120_000)
    assert page.get_by_text("went wrong").count() == 0
