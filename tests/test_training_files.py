"""What a training leaves behind: files that Keras reads and goes on with, and that our own door takes back."""

import contextlib
import io
import warnings
from unittest import mock

import numpy as np
import pytest

from convviz import architectures, training, uploads, zoo

keras = pytest.importorskip("keras")


@pytest.mark.parametrize(("classes", "ending"), [(3, "softmax"), (2, "sigmoid")])
def test_the_h5_file_of_a_run_goes_on_learning_and_comes_back_through_the_door(classes, ending, tmp_path):
    settings = training.Settings(learning_rate=0.003, optimizer="adam")
    shown = architectures.Architecture((8, 8, 1), architectures.parse("conv 4 3; flatten"), classes, ending)
    network = zoo.wrap(shown.build(), input_range=(0.0, 1.0))
    data = training.whole_h5(network, settings)
    (tmp_path / "trained.h5").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.redirect_stderr(io.StringIO()), mock.patch("absl.logging.warning") as warned:
            found = keras.saving.load_model(tmp_path / "trained.h5")
    assert not any("not compiled" in str(call) for call in warned.call_args_list)
    assert type(found.optimizer).__name__ == "Adam"
    assert float(found.optimizer.learning_rate) == pytest.approx(0.003)
    pictures = np.random.default_rng(0).random((30, 8, 8, 1), np.float32)
    labels = np.arange(30) % classes
    seen = found.fit(pictures, labels, epochs=2, batch_size=10, verbose=0).history
    probabilities = np.clip(np.asarray(network.model(pictures)), 1e-7, 1 - 1e-7)
    given = probabilities[np.arange(30), labels] if classes == 3 else np.abs(1 - labels - probabilities[:, 0])
    assert seen["loss"][0] == pytest.approx(-np.log(given).mean(), rel=0.1), "the run's own loss"
    assert seen["loss"][1] < seen["loss"][0]
    assert not network.model.compiled, "the network that others look at stays as it is"
    again = uploads.open_model(data)
    np.testing.assert_allclose(again(pictures), network.model(pictures), atol=1e-6)
    assert not again.compiled
