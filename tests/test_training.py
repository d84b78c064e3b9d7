"""Training against Keras' own numbers, and the promises of the generator."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from convviz import ConvvizError, datasets, training, zoo

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def stripes() -> datasets.Dataset:
    """Upright against lying stripes, 12 × 12, easily told apart."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 240)
    ground = (np.indices((12, 12))[1] % 4 < 2) * 200
    images = np.stack([ground if label else ground.T for label in labels]) + rng.integers(0, 55, (240, 12, 12))
    images = images[..., None].astype(np.uint8)
    parts = [(images[a:b], labels[a:b].astype(np.int64)) for a, b in ((0, 160), (160, 200), (200, 240))]
    return datasets.Dataset(*parts[0], *parts[1], *parts[2], class_names=("lying", "upright"), source="drawn here")


def network(units: int = 2, activation: str = "softmax", seed: int = 3) -> keras.Model:
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(units, activation=activation),
        ]
    )


SETTINGS = training.Settings(epochs=3, batch_size=16, learning_rate=0.05, optimizer="adam", seed=1)


def test_the_loss_falls_and_the_stripes_are_told_apart(stripes):
    records = list(training.train(network(), stripes, replace(SETTINGS, epochs=12)))
    assert records[-1].loss < 0.5 * records[0].loss
    assert records[-1].validation_accuracy > 0.9
    assert records[-1].test_accuracy > 0.9
    assert records[-1].epoch == 12
    assert records[-1].step == records[-1].steps == 120


def test_a_single_sigmoid_is_trained_too(stripes):
    records = list(training.train(network(1, "sigmoid"), stripes, replace(SETTINGS, epochs=12)))
    assert records[-1].validation_accuracy > 0.9


def test_the_told_validation_numbers_are_those_of_keras(stripes):
    model = network()
    last = list(training.train(model, stripes, SETTINGS))[-1]
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    loss, accuracy = model.evaluate(stripes.validation_images / 255.0, stripes.validation_labels, verbose=0)
    assert last.validation_count == 40
    assert last.validation_loss == pytest.approx(loss, rel=1e-4)
    assert last.validation_accuracy == pytest.approx(accuracy)


def test_one_step_is_the_step_that_keras_makes(stripes):
    ours, theirs = network(), network()
    next(training.train(ours, stripes, replace(SETTINGS, optimizer="sgd")))
    rows = np.random.default_rng([1, 0]).permutation(160)[:16]
    theirs.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    theirs.optimizer.learning_rate = 0.05
    theirs.train_on_batch(stripes.train_images[rows] / 255.0, stripes.train_labels[rows])
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_same_seed_gives_the_same_run(stripes):
    runs = [
        [record.loss for record in training.train(network(), stripes, replace(SETTINGS, epochs=1))] for _ in range(2)
    ]
    assert runs[0][0] == pytest.approx(runs[1][0], rel=1e-6)
    other = next(training.train(network(), stripes, replace(SETTINGS, seed=2)))
    assert other.loss != pytest.approx(runs[0][0], rel=1e-6)


def test_a_run_that_goes_on_from_a_snapshot_ends_where_the_whole_run_ends(stripes):
    whole, begun, resumed = network(), network(), network(seed=9)
    list(training.train(whole, stripes, SETTINGS))
    for record in training.train(begun, stripes, replace(SETTINGS, snapshot_every=1)):
        if record.step > 12:
            break
    rest = list(training.train(resumed, stripes, SETTINGS, resume=record.snapshot))
    assert rest[0].step > record.step
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_settings_change_while_it_runs(stripes):
    run = training.train(network(), stripes, replace(SETTINGS, epochs=50))
    next(run)
    changed = run.send({"epochs": 2, "batch_size": 40, "steps": 1})
    assert changed.steps < 20
    assert run.send({"steps": 2}).step == changed.step + 2


def test_it_stops_with_a_last_record_and_its_snapshot(stripes):
    run = training.train(network(), stripes, replace(SETTINGS, epochs=50))
    next(run)
    last = run.send({"stop": True, "steps": 1})
    assert last.snapshot
    assert last.test_accuracy is not None
    with pytest.raises(StopIteration):
        next(run)


def test_a_snapshot_becomes_a_keras_file_with_the_same_weights(stripes):
    model = network()
    last = list(training.train(model, stripes, SETTINGS))[-1]
    kept = zoo.from_bytes(training.trained(network(seed=5), last.snapshot, class_names=stripes.class_names))
    assert kept.card.class_names == ("lying", "upright")
    for one, other in zip(model.get_weights(), kept.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_validation_pictures_are_measured_at_the_end_of_an_epoch_when_asked_and_at_the_stop(stripes, monkeypatch):
    monkeypatch.setattr(training.pace, "_GLANCE", 8)
    model = network()
    run = training.train(model, stripes, replace(SETTINGS, epochs=50))
    records = [next(run), *(run.send({"steps": 1}) for _ in range(9))]
    assert [one.whole for one in records] == [False] * 9 + [True], "ten steps are an epoch"
    assert [one.validation_count for one in records] == [8] * 9 + [40]
    assert not run.send({"steps": 1}).whole
    asked = run.send({"steps": 1, "whole": True})
    answers = model(stripes.validation_images / 255.0).numpy().argmax(axis=1)
    assert asked.whole
    assert asked.validation_accuracy == pytest.approx((answers == stripes.validation_labels).mean())
    assert not run.send({"steps": 1}).whole
    last = run.send({"stop": True, "steps": 1})
    assert last.whole
    assert last.validation_count == 40


def test_what_is_looked_at_in_passing_is_of_all_classes_where_the_pictures_are_sorted_by_class(stripes, monkeypatch):
    one, other = (stripes.train_images[stripes.train_labels == label][:60] for label in (0, 1))
    pictures, labels = np.concatenate([one, other]), np.repeat([0, 1], 60)
    rows = replace(stripes, validation_images=pictures, validation_labels=labels)
    model = network()
    model.layers[-1].set_weights([np.zeros((4, 2), np.float32), np.array([9.0, 0.0], np.float32)])  # always lying
    monkeypatch.setattr(training.pace, "_GLANCE", 40)
    run = training.running.Run(zoo.wrap(model), rows, SETTINGS)
    run._pace.glance = 40
    run._glance()
    assert run._looked[2] == 40
    assert 0.3 < run._looked[1] < 0.7
    monkeypatch.setattr(training.moments, "asked_about", lambda card, pictures: 40)
    then = training.moment(zoo.wrap(model, rows.class_names), run.weights(), rows, 0)
    assert then.matrix[:, 1].tolist() == [0, 0]
    assert then.matrix.sum() == 40
    assert 12 < then.matrix[0, 0] < 28


def test_the_same_seed_gives_the_same_numbers_to_the_last_bit_however_the_steps_are_cut(stripes):
    ends = []
    for steps in (1, 7):
        model = network()
        run = training.train(model, stripes, replace(SETTINGS, epochs=2))
        record = next(run)
        while record.step < 20:
            record = run.send({"steps": steps})
        ends.append(model.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_ends_early_when_the_validation_loss_has_not_fallen_for_so_many_epochs(stripes):
    wrong = replace(stripes, validation_labels=1 - stripes.validation_labels)  # the more it learns, the worse it gets
    records = list(training.train(network(), wrong, replace(SETTINGS, epochs=90, patience=2)))
    losses = {one.epoch: one.validation_loss for one in records if one.whole}
    best = min(losses, key=losses.get)
    assert records[-1].epoch == best + 2 < 90
    assert "has not fallen for 2 epochs" in records[-1].note
    assert records[-1].snapshot
    assert records[-1].test_accuracy is not None


def test_a_servers_limits_cut_what_is_asked_for_and_refuse_what_is_too_large(stripes, monkeypatch):
    monkeypatch.setenv("CONVVIZ_LIMITS", "epochs=2 batch_size=20, nonsense seconds=900")
    assert training.limits() == training.Limits(epochs=2, batch_size=20, seconds=900)
    run = training.bounded(network(), stripes, replace(SETTINGS, epochs=50))
    first = next(run)
    assert (first.steps, first.note) == (20, "cut to what this server allows: epochs: 2 and not 50")
    changed = run.send({"epochs": 99, "batch_size": 99, "steps": 1})
    assert changed.batch_size == 20
    assert changed.steps <= 20
    for allowed, sentence in (("parameters=10", "50 trainable parameters"), ("side=8", "12 pixels long")):
        monkeypatch.setenv("CONVVIZ_LIMITS", allowed)
        with pytest.raises(ConvvizError, match=sentence):
            next(training.bounded(network(), stripes, SETTINGS))
    monkeypatch.setenv("CONVVIZ_LIMITS", "")
    ended = list(training.train(network(), stripes, SETTINGS, limits=training.Limits(seconds=0)))
    assert len(ended) == 1
    assert "at most 0 seconds" in ended[0].note
    assert ended[0].snapshot


def test_a_training_that_does_not_fit_into_the_memory_is_refused_also_when_its_batch_grows(stripes):
    narrow = training.Limits(memory=0.2)
    least = 16 * 10 * 10 * 4 * 4 / 1e6  # the maps of the convolution for a batch, in MB
    assert least < narrow.memory < 160 / 16 * least
    run = training.train(network(), stripes, SETTINGS, limits=narrow)
    assert next(run).batch_size == 16
    with pytest.raises(ConvvizError, match=r"takes about 1 MB and a worker of this server has 0 MB"):
        run.send({"batch_size": 160})
    with pytest.raises(ConvvizError, match="choose a smaller batch"):
        next(training.train(network(), stripes, replace(SETTINGS, batch_size=160), limits=narrow))
    frozen = network()
    frozen.layers[0].trainable = False
    assert next(training.train(frozen, stripes, replace(SETTINGS, batch_size=160), limits=narrow))


@pytest.mark.parametrize(
    ("written", "memory"),
    [("", 1200), ("2200MB", 1200), ("4 GB", 3000), ("4GiB", 3295), ("auto", np.inf), ("0", np.inf)],
)
def test_what_a_training_may_take_follows_the_workers_memory(written, memory, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("CONVVIZ_WORKER_MEMORY", written)
    assert training.limits("").memory == pytest.approx(memory, abs=1)
    assert training.limits("memory=700").memory == 700


def test_a_run_of_a_shared_network_leaves_it_as_it_is(stripes):
    shared = zoo.wrap(network())
    before = shared.model.get_weights()
    list(training.bounded(shared, stripes, SETTINGS))
    for one, other in zip(before, shared.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_inside_is_shown_to_who_watches_and_its_numbers_are_the_networks(stripes):
    model = network()
    run = training.train(model, stripes, replace(SETTINGS, epochs=50))
    assert next(run).display is None
    watch = training.Watch(stripes.test_images[5], layer="")
    shown = run.send({"watch": watch, "steps": 1}).display
    assert shown.step == 2
    first = model.layers[0]
    assert shown.kernels.shape == (3, 3, 1, 4)
    assert shown.kernels.limit == pytest.approx(float(np.abs(first.kernel.numpy()).max()))
    maps = keras.Model(model.inputs[0], first.output)(stripes.test_images[5:6] / 255.0).numpy()
    assert shown.maps.maximum == pytest.approx(maps.max(), rel=1e-4)
    rows = np.linspace(0, 39, 12).astype(int)
    chances = model(stripes.test_images[rows] / 255.0).numpy()
    assert [one.guess for one in shown.guesses] == chances.argmax(axis=1).tolist()
    assert [one.label for one in shown.guesses] == stripes.test_labels[rows].tolist()
    np.testing.assert_allclose([one.probability for one in shown.guesses], chances.max(axis=1), rtol=1e-4)
    weights = np.concatenate([one.numpy().ravel() for one in first.trainable_variables])
    assert shown.sizes[0].weights == pytest.approx(np.sqrt((weights**2).mean()), rel=1e-5)
    assert [one.layer for one in shown.sizes] == [model.layers[0].name, model.layers[2].name]
    assert run.send({"watch": replace(watch, seconds=0.0), "steps": 1}).display is None, "nobody watches any more"


def test_the_told_gradient_is_that_of_the_last_batch(stripes):
    model = network()
    before = keras.models.clone_model(model)
    before.set_weights(model.get_weights())
    run = training.running.Run(zoo.wrap(model), stripes, replace(SETTINGS, optimizer="sgd"))
    run.advance(1)
    import tensorflow as tf

    rows = np.random.default_rng([1, 0]).permutation(160)[:16]
    with tf.GradientTape() as tape:
        answers = before(stripes.train_images[rows] / 255.0)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(stripes.train_labels[rows], answers))
    expected = [float(tf.reduce_sum(one**2)) for one in tape.gradient(loss, before.trainable_variables)]
    np.testing.assert_allclose(run._gradients, expected, rtol=1e-3)


def test_the_weights_are_kept_from_before_the_first_step_on(stripes):
    model = network()
    untrained = model.get_weights()
    records = list(training.train(model, stripes, SETTINGS))
    moments = dict(pair for one in records for pair in one.moments)
    assert min(moments) == 0
    assert max(moments) == 30
    for step, weights in ((0, untrained), (30, model.get_weights())):
        kept = zoo.from_bytes(training.trained(network(seed=5), moments[step])).model.get_weights()
        for one, other in zip(kept, weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_moment_is_what_the_network_was_then(stripes):
    model = network()
    records = list(training.train(model, stripes, replace(SETTINGS, epochs=12)))
    moments = dict(pair for one in records for pair in one.moments)
    canvas = zoo.wrap(network(seed=8), stripes.class_names)
    last = training.moment(canvas, moments[120], stripes, stripes.test_images[0])
    assert last.accuracy == pytest.approx(records[-1].validation_accuracy)
    answers = model(stripes.validation_images / 255.0).numpy().argmax(axis=1)
    truth = stripes.validation_labels
    assert last.matrix.tolist() == [[int(((truth == r) & (answers == c)).sum()) for c in (0, 1)] for r in (0, 1)]
    chances = model(stripes.test_images[:1] / 255.0).numpy()[0]
    np.testing.assert_allclose(last.chances, chances, rtol=1e-4)
    assert last.target == chances.argmax()
    first = training.moment(canvas, moments[0], stripes, stripes.test_images[0], target=1)
    assert first.accuracy < last.accuracy
    assert first.target == 1
    assert first.kernels.limit != last.kernels.limit


def test_many_validation_pictures_are_looked_at_bit_by_bit_and_a_stop_does_not_wait_for_them(stripes, monkeypatch):
    monkeypatch.setattr(training.running, "RECORD_SECONDS", -1.0)
    monkeypatch.setattr(training.running, "pictures_at_once", lambda card: 10)
    run = training.train(network(), stripes, replace(SETTINGS, epochs=2, batch_size=160))
    records = [next(run) for _ in range(4)]
    assert [one.measured for one in records] == [0.25, 0.5, 0.75, 1.0]
    assert [one.whole for one in records] == [False, False, False, True]
    assert [one.epoch for one in records] == [0, 0, 0, 1]
    assert [len(one.moments) for one in records] == [2, 0, 0, 0], "what is carried is carried once"
    assert [one.beginning is None for one in records] == [False, True, True, True]
    assert next(run).measured == 0.25
    asked = run.send({"steps": 1})
    assert asked.whole, "who asks for a step gets the whole measure at once"
    run = training.train(network(), stripes, replace(SETTINGS, epochs=2, batch_size=160))
    next(run)
    monkeypatch.setattr(training.running.Run, "looks_long", lambda self: True)
    last = run.send({"stop": True, "steps": 1})
    assert (last.whole, last.test_accuracy, last.measured) == (False, None, 1.0)
    assert last.snapshot


def test_the_time_left_is_that_of_the_steps_and_of_all_looks_at_other_pictures(stripes, monkeypatch):
    clock, told = [0.0], []

    class Slow(training.running.Run):
        """Every step takes half a second, every picture that is looked at a hundredth; nothing is computed."""

        def __init__(self, *given, **more):
            super().__init__(*given, **more)
            self._measure = self.looking

        def _steps(self, count):
            clock[0] += 0.5 * count
            return 1.0, 0, count

        def looking(self, images, labels):
            clock[0] += 0.01 * len(images)
            return 1.0, 0.0

    for module in (training.running, training.pace):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(training.running, "pictures_at_once", lambda card: 50)
    monkeypatch.setattr(training.course, "Run", Slow)
    many = {f"{part}_{what}": np.concatenate(10 * [getattr(stripes, f"{part}_{what}")])
            for part in ("validation", "test") for what in ("images", "labels")}  # fmt: skip
    for record in training.train(network(), replace(stripes, **many), SETTINGS):
        told.append((record.seconds_left, clock[0]))
    end = clock[0]
    assert end > 3 * (10 * 0.5 + 400 * 0.01) + 400 * 0.01
    for left, now in told[1:]:  # the first record knows of no picture yet
        assert left == pytest.approx(end - now, rel=0.05, abs=0.01)
    assert told[-1][0] == 0


def test_of_pictures_that_are_remembered_the_first_look_tells_what_new_ones_take():
    kept, looked = training.pace.Pace(100, 50, remembers=True), training.pace.Pace(100, 50)
    for pace in (kept, looked):
        pace.looked(10.0)
        pace.looked(1.0)
    assert kept.left(0, 2, 1) == pytest.approx(2 * 1.0 + 50 * 0.1)
    assert looked.left(0, 2, 1) == pytest.approx(2 * 1.0 + 50 * 0.01)


@pytest.mark.parametrize("slow", range(1, 6))
@pytest.mark.parametrize("what", ["step", "glance", "drawing"])
def test_one_slow_moment_among_steps_that_are_made_alone_does_not_rule_the_time_left(what, slow):
    pace = training.pace.Pace(10_000, 10_000)
    pace.trained(1, 3.0)  # traced, as the glance after it
    pace.glanced(16, 2.0)
    pace.worked(5.0)
    for number in range(6):
        took = {"step": 0.03, "glance": 0.004, "drawing": 0.02} | ({what: 4.0} if number == slow else {})
        pace.trained(1, took["step"])
        pace.glanced(16, took["glance"])
        pace.worked(sum(took.values()))
    assert pace.left(524, 1, 1) == pytest.approx(524 * 0.03 + 20_000 * 0.004 / 16, rel=0.2)


def test_what_is_looked_at_and_drawn_for_each_step_that_is_made_alone_is_not_expected_of_the_rest():
    pace = training.pace.Pace(0)
    for _ in range(20):
        pace.trained(1, 0.03)
        pace.worked(0.03 + 0.3)
    assert pace.left(500, 0, 0) == pytest.approx(500 * 0.03)


def test_one_slow_look_at_all_validation_pictures_is_not_expected_of_each_epoch_to_come():
    pace = training.pace.Pace(100, 50)
    for seconds in (1.0, 1.0, 60.0):
        pace.looked(seconds)
    assert pace.left(0, 10, 1) == pytest.approx(10 * 1.0 + 50 * 0.01)


def test_the_time_left_follows_steps_that_have_become_slower_for_good():
    pace = training.pace.Pace(0)
    for seconds in 9 * [0.25] + 3 * [2.5]:
        pace.trained(10, seconds)
        pace.worked(seconds)
    assert pace.left(100, 0, 0) == pytest.approx(100 * 0.25)
    assert pace.fitting() == 1, "the very next record heeds it"


def test_a_snapshot_tells_after_which_step_it_was_taken(stripes):
    records = list(training.train(network(), stripes, replace(SETTINGS, snapshot_every=4)))
    told = [(training.step_of(one.snapshot), one.step) for one in records if one.snapshot]
    assert len(told) >= 3, "at each epoch's end"
    assert all(step == reached for step, reached in told)


def test_only_the_newest_record_keeps_its_snapshot(stripes):
    last = list(training.train(network(), stripes, replace(SETTINGS, epochs=1)))[-1]
    assert last.light().snapshot is None
    assert last.light().loss == last.loss


def test_augmented_pictures_are_trained_on(stripes):
    settings = replace(SETTINGS, epochs=1, augmentation={"horizontal_flip": True, "width_shift": 0.1})
    assert list(training.train(network(), stripes, settings))[-1].step == 10


def test_a_diverging_run_ends_with_a_sentence(stripes):
    model = network()
    model.layers[-1].bias.assign([np.nan, 0.0])
    with pytest.raises(ConvvizError, match=r"diverged: after 1 steps .* below 0.05"):
        next(training.train(model, stripes, SETTINGS))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, "at least 1"),
        ({"learning_rate": 0.0}, "cannot be used"),
        ({"optimizer": "magic"}, "no optimizer 'magic'"),
    ],
)
def test_impossible_settings_are_refused(stripes, changes, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        next(training.train(network(), stripes, replace(SETTINGS, **changes)))


def test_data_that_does_not_fit_is_refused_with_both_sizes(stripes):
    with pytest.raises(ConvvizError, match="12 × 12 × 1 and the network takes 28 × 28 × 1"):
        next(training.train("mnist", stripes, SETTINGS))
