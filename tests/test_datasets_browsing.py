"""Looking at a data set: counts, examples, and the generator that never ends."""

import numpy as np
import pytest

from convviz import ConvvizError, datasets


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_the_overview_counts_what_numpy_counts(digits):
    shown = datasets.overview("digits", per_class=5)
    for part in datasets.PARTS:
        labels = getattr(digits, f"{part}_labels")
        assert shown.counts[part] == tuple((labels == label).sum() for label in range(10))
    assert sum(map(sum, shown.counts.values())) == 1797
    assert shown.examples.shape == (10, 5, 28, 28, 1)


def test_examples_are_training_pictures_of_their_class(digits):
    shown = datasets.overview("digits", per_class=3, seed=4)
    for label, row in enumerate(shown.examples):
        members = digits.train_images[digits.train_labels == label]
        for example in row:
            assert (members == example).all(axis=(1, 2, 3)).any()


def test_one_epoch_of_batches_holds_every_training_picture_once(digits):
    first = datasets.batch("digits", 0, batch_size=64)
    assert (first.steps_per_epoch, first.validation_steps) == (19, 5)
    batches = [datasets.batch("digits", number, batch_size=64) for number in range(19)]
    assert sum(len(one.images) for one in batches) == 1200
    seen = np.concatenate([one.images for one in batches]).reshape(1200, -1)
    everything = digits.train_images.reshape(1200, -1)
    assert np.array_equal(np.sort(seen.sum(axis=1)), np.sort(everything.sum(axis=1)))
    assert len(batches[-1].images) == 1200 - 18 * 64


def test_the_generator_begins_anew_in_another_order_and_never_ends():
    first, second = (datasets.batch("digits", number, batch_size=64) for number in (0, 19))
    assert (second.epoch, second.step) == (1, 0)
    assert not np.array_equal(first.images, second.images)
    again = datasets.batch("digits", 19, batch_size=64)
    assert np.array_equal(second.images, again.images)
    assert datasets.batch("digits", 10**6, batch_size=64).epoch == 10**6 // 19


@pytest.mark.parametrize(("number", "size"), [(-1, 20), (0, 0)])
def test_a_batch_that_does_not_exist_is_refused(number, size):
    with pytest.raises(ConvvizError, match="does not exist"):
        datasets.batch("digits", number, batch_size=size)
