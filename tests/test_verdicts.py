"""What may be said of maps by their curves: against curves whose areas are known by construction."""

import numpy as np
import pytest

from convviz import ConvvizError, images, trust, verdicts, zoo

SHARES = np.linspace(0, 1, 5)


def level(deletion, insertion, *, whole=0.9, painted=0.1, blurred=0.1):
    """Curves that are level between their ends."""
    ends = [whole, *[deletion] * 3, painted], [blurred, *[insertion] * 3, whole]
    return trust.Curves(SHARES, *map(np.array, ends))


def trials(maps, randoms, notes=(), **ends):
    """Trials of maps whose curves have those levels, and of random ones."""
    found = [
        trust.Trial(name, b"png", level(*levels, **ends), "blank" if name in notes else "")
        for name, levels in maps.items()
    ]
    chances = tuple(level(*levels, **ends) for levels in randoms)
    return (*found, trust.Trial(trust.RANDOM, b"", chances[0], "", chances))


RANDOMS = [(0.4, 0.5), (0.5, 0.6), (0.6, 0.4)]


def test_only_a_map_outside_the_range_of_all_random_maps_by_both_curves_is_better():
    maps = {
        "both": (0.39, 0.61),
        "within": (0.45, 0.55),  # better than the mean of the random maps by both
        "deletion alone": (0.2, 0.5),
        "insertion alone": (0.5, 0.9),
        "worse": (0.9, 0.2),
    }
    found = trials(maps, RANDOMS)
    deletion, insertion = (verdicts.read(found, curve) for curve in verdicts.CURVES)
    assert (deletion.hindrance, insertion.hindrance) == ("", "")
    assert deletion.better == ("both", "deletion alone")
    assert insertion.better == ("both", "insertion alone")
    assert verdicts.better([deletion, insertion]) == ("both",)
    assert (deletion.best, insertion.best) == ("deletion alone", "insertion alone")
    assert deletion.chance == pytest.approx([np.trapezoid(one.deletion, SHARES) for one in found[-1].chances])


def test_where_the_painted_over_picture_has_more_than_the_picture_deletion_is_not_read():
    found = trials({"one": (0.1, 0.9), "two": (0.1, 0.5)}, RANDOMS, whole=0.58, painted=0.91)
    deletion, insertion = (verdicts.read(found, curve) for curve in verdicts.CURVES)
    assert (deletion.hindrance, deletion.better) == (verdicts.TURNED, ())
    assert (deletion.whole, deletion.emptied) == (0.58, 0.91)
    assert verdicts.better([deletion, insertion]) == ("one",)


def test_where_both_curves_are_turned_no_map_is_better():
    found = trials({"one": (0.1, 0.9)}, RANDOMS, whole=0.58, painted=0.91, blurred=0.87)
    readings = [verdicts.read(found, curve) for curve in verdicts.CURVES]
    assert [one.hindrance for one in readings] == [verdicts.TURNED] * 2
    assert verdicts.better(readings) == ()


def test_an_answer_that_does_not_move_tells_nothing():
    found = trials({"one": (0.999, 1.0)}, [(1.0, 0.999), (1.0, 1.0)], whole=1.0, painted=0.998, blurred=0.999)
    readings = [verdicts.read(found, curve) for curve in verdicts.CURVES]
    assert [one.hindrance for one in readings] == [verdicts.STILL] * 2
    assert readings[0].span == (0.998, 1.0)
    assert verdicts.better(readings) == ()


def test_a_blank_map_has_no_order_that_could_be_better():
    found = trials({"blank": (0.1, 0.9)}, RANDOMS, notes=["blank"])
    reading = verdicts.read(found, "deletion")
    assert (reading.areas, reading.best, reading.better) == ({}, None, ())


def test_what_is_not_there_is_refused():
    with pytest.raises(ConvvizError, match="curve 'erosion'"):
        verdicts.read((), "erosion")
    with pytest.raises(ConvvizError, match="wait for the end"):
        verdicts.read((), "deletion")


def test_random_maps_of_a_comparison_are_kept_and_their_mean_is_the_last_trial():
    *_, last = trust.compare(zoo.load("shapes"), images.sample("shapes"), ["grad_cam"], target=3, randoms=3, seed=1)
    chance = last.trials[-1]
    assert len(chance.chances) == 3
    assert len({one.deletion_area for one in chance.chances}) == 3
    np.testing.assert_allclose(chance.curves.deletion, np.mean([one.deletion for one in chance.chances], axis=0))
    readings = [verdicts.read(last.trials, curve) for curve in verdicts.CURVES]
    assert verdicts.better(readings) == ("grad_cam",)


def test_a_saturated_network_is_told_in_words_and_with_the_reason():
    from types import SimpleNamespace

    from pages.shared import trials as page

    maps, chance = {"grad_cam": (0.999, 1.0)}, [(1.0, 0.999), (1.0, 1.0)]
    found = trials(maps, chance, whole=1.0, painted=0.9991, blurred=0.9992)
    said = page.places_verdict(SimpleNamespace(latest=trust.Comparison(found, trust.RANDOM, 1.0)))
    assert said[0] == (
        "Deletion cannot tell maps apart here: every area, also by chance, is 1.00, because the answer hardly moves "
        "(99.9% to 100% all along)."
    )
    assert said[1].startswith("Insertion cannot tell maps apart here")
    assert said[2].startswith("So this picture cannot show")
    blank = trials(maps, RANDOMS, notes=["grad_cam"])
    (only,) = page.places_verdict(SimpleNamespace(latest=trust.Comparison(blank, trust.RANDOM, 1.0)))
    assert only.startswith("Every map is blank or flat")
