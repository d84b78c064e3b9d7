"""A seed gives the same network while other threads draw random numbers of their own."""

import random
import threading

import numpy as np
import pytest

from convviz import architectures, seeding, shortcuts, training

keras = pytest.importorskip("keras")
SMALL = architectures.Architecture((12, 12, 1), architectures.parse("conv 4 3; flatten; dense 5"), 3)


@pytest.fixture
def noise():
    """Another thread that draws all the time."""
    over = threading.Event()

    def draw():
        while not over.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    over.set()
    thread.join()


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_begins_as_in_a_program_whatever_other_threads_draw(noise):
    with seeding.seeded(4):
        built = SMALL.build().get_weights()
    first = training.opening.network_of(SMALL, 4).model.get_weights()
    same(first, built)
    same(shortcuts.convnet((12, 12, 1), seed=1).get_weights(), shortcuts.convnet((12, 12, 1), seed=1).get_weights())
    assert not np.array_equal(first[0], training.opening.network_of(SMALL, 5).model.get_weights()[0])


def test_the_beginning_is_that_of_kerass_own_seed():
    keras.utils.set_random_seed(4)
    plain = SMALL.build().get_weights()
    with seeding.seeded(4):
        same(plain, SMALL.build().get_weights())


def test_outside_of_the_block_python_draws_as_ever():
    with seeding.seeded(1):
        pass
    random.seed(9)
    first = keras.initializers.GlorotUniform()((2, 2))
    random.seed(9)
    np.testing.assert_array_equal(first, keras.initializers.GlorotUniform()((2, 2)))
