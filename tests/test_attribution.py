"""Attribution methods against closed forms, finite differences, independent code, and pictures with a planted cause."""

import inspect
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from convviz import ConvvizError, attribution, zoo

HAND = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)  # what each of two feature maps means to each of two classes


def set_weights(layer, *weights):
    layer.set_weights([np.asarray(weight, np.float32) for weight in weights])


def hand_set(activation="softmax", scale=1.0):
    """A colour picture; feature maps are its red and its green, averaged; HAND makes two logits of them."""
    model = keras.Sequential(
        [
            keras.Input((4, 6, 3)),
            keras.layers.Conv2D(2, 1, use_bias=False, activation="relu", name="colours"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(2, activation=activation, use_bias=False, name="classes"),
        ]
    )
    set_weights(model.get_layer("colours"), [[[[1, 0], [0, 1], [0, 0]]]])
    set_weights(model.get_layer("classes"), HAND * scale)
    return model


@pytest.fixture
def batch():
    return np.random.default_rng(0).random((1, 4, 6, 3), np.float32)


def closed_form(batch, index):
    """Grad-CAM of ``hand_set`` before the ReLU: every place has gradient HAND[k, index] / 24."""
    return (batch[0, ..., :2] @ HAND[:, index]) / 24


def test_grad_cam_of_a_hand_set_network_is_the_closed_form(batch):
    network = zoo.wrap(hand_set())
    for index in (0, 1):
        plain = attribution.grad_cam(network, batch, target=index)
        signed = attribution.grad_cam(network, batch, target=index, signed=True)
        expected = closed_form(batch, index)
        np.testing.assert_allclose(signed.raw, expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(plain.raw, np.maximum(expected, 0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(signed.heatmap, expected / np.abs(expected).max(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(plain.heatmap, np.maximum(expected, 0) / expected.max(), rtol=1e-4, atol=1e-6)
        assert (plain.target, plain.layer, plain.note, plain.method) == (index, "colours", "", "grad_cam")
        assert plain.layer_reason == network.card.layer_reason
        np.testing.assert_allclose(plain.score, network.predict(batch)[index], rtol=1e-5)


def test_other_maps_of_the_hand_set_network_are_their_closed_forms(batch):
    network = zoo.wrap(hand_set())
    maps, weights = batch[0, ..., :2].astype(float), HAND[:, 1].astype(float)
    slopes = weights / 24
    np.testing.assert_allclose(
        attribution.hires_cam(network, batch, target=1, signed=True).raw, maps @ slopes, rtol=1e-4
    )
    np.testing.assert_allclose(
        attribution.xgrad_cam(network, batch, target=1, signed=True).raw, maps @ slopes, rtol=1e-4
    )
    np.testing.assert_allclose(
        attribution.layer_cam(network, batch, target=1, signed=True).raw, maps @ np.maximum(slopes, 0), rtol=1e-4
    )
    alpha = slopes**2 / (2 * slopes**2 + slopes**3 * maps.sum((0, 1)))
    np.testing.assert_allclose(
        attribution.grad_cam_plus_plus(network, batch, target=1, signed=True).raw,
        maps @ (24 * alpha * np.maximum(slopes, 0)),
        rtol=1e-4,
    )
    lost = maps.mean((0, 1)) * weights  # what the logit loses without a map
    np.testing.assert_allclose(
        attribution.ablation_cam(network, batch, target=1, signed=True).raw, maps @ lost, rtol=1e-4
    )
    component = np.linalg.svd(maps.reshape(24, 2))[2][0]
    np.testing.assert_allclose(
        attribution.eigen_cam(network, batch, signed=True).raw, np.abs(maps @ component), rtol=1e-4
    )


def test_score_cam_is_algorithm_1_written_out(batch):
    network = zoo.wrap(hand_set())
    maps = batch[0, ..., :2]
    scores = []
    for k in range(2):
        mask = (maps[..., k] - maps[..., k].min()) / np.ptp(maps[..., k])
        scores.append((maps * mask[..., None]).mean((0, 1)) @ HAND[:, 1])  # the empty picture scores 0
    weights = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(
        attribution.score_cam(network, batch, target=1, signed=True).raw, maps @ weights, rtol=1e-4
    )
    best = int(np.argmax(maps.std((0, 1))))
    one = attribution.score_cam(network, batch, target=1, signed=True, channels=1)
    np.testing.assert_allclose(one.raw, maps[..., best], rtol=1e-5)


def small(activation="softmax", classes=3, channels=3, seed=0):
    """A small convolutional classifier of random weights, functional."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((12, 12, channels))
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same", name="early")(pixels)
    x = keras.layers.MaxPooling2D(name="halve")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="late")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(pixels, keras.layers.Dense(classes, activation=activation, name="classes")(x))


def textbook(model, layer, batch, index):
    """keras.io's Grad-CAM on a functional model, from the logits, before the ReLU."""
    classes = model.get_layer("classes")
    inside = keras.Model(model.input, [model.get_layer(layer).output, model.get_layer("flat").output])
    with tf.GradientTape() as tape:
        maps, flat = inside(batch)
        logit = (flat @ classes.kernel + classes.bias)[:, index]
    weights = tf.reduce_mean(tape.gradient(logit, maps), axis=(1, 2))
    return tf.einsum("nhwc,nc->nhw", maps, weights).numpy()


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).random((5, 12, 12, 3), np.float32)


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def network(model):
    return zoo.wrap(model, input_range=(0, 1))


@pytest.mark.parametrize("layer", ["early", "halve", "late"])
def test_grad_cam_agrees_with_the_textbook_on_every_layer(model, network, pictures, layer):
    expected = textbook(model, layer, pictures, 2)
    answers = attribution.grad_cam(network, pictures, target=2, layer=layer, signed=True)
    for answer, one in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.raw, one, rtol=1e-4, atol=1e-6)
        assert answer.layer == layer
        assert answer.layer_reason == "chosen by hand"


class Subclassed(keras.Model):
    """The layers of ``small`` in plain Python."""

    def __init__(self, layers):
        super().__init__()
        self.steps = layers

    def call(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return inputs


def twins(folder):
    """One set of weights as every kind of model."""
    source = small()

    def layers():
        return [type(layer).from_config(layer.get_config()) for layer in source.layers[1:]]

    def nested():
        first, second, *rest = layers()
        base = keras.Sequential([keras.Input((12, 12, 3)), first, second], name="base")
        return keras.Sequential([keras.Input((12, 12, 3)), base, *rest])

    def nested_functional():
        *body, last = layers()
        inner_input = keras.Input((12, 12, 3))
        inner = inner_input
        for layer in body:
            inner = layer(inner)
        pixels = keras.Input((12, 12, 3))
        return keras.Model(pixels, last(keras.Model(inner_input, inner, name="base")(pixels)))

    def two_outputs():
        pixels = x = keras.Input((12, 12, 3))
        *body, last = layers()
        for layer in body:
            x = layer(x)
        other = keras.layers.Dense(4, activation="softmax", name="other")(x)
        return keras.Model(pixels, [last(x), other])

    def plain_python():
        written = Subclassed(layers())
        written(np.zeros((1, 12, 12, 3), np.float32))
        return written

    def reloaded():
        path = folder / "model.keras"
        sequential = keras.Sequential([keras.Input((12, 12, 3)), *layers()])
        sequential.set_weights(source.get_weights())
        sequential.save(path)
        return keras.models.load_model(path)

    made = {
        "functional": source,
        "sequential": keras.Sequential([keras.Input((12, 12, 3)), *layers()]),
        "sequential without Input": keras.Sequential(layers()),
        "reloaded": reloaded(),
        "nested sequential": nested(),
        "nested functional": nested_functional(),
        "subclassed": plain_python(),
        "two outputs": two_outputs(),
    }
    made["sequential without Input"].build((None, 12, 12, 3))
    for twin in made.values():
        twin.set_weights(source.get_weights() + twin.get_weights()[len(source.get_weights()) :])
    return made


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    return twins(tmp_path_factory.mktemp("twins"))


@pytest.mark.parametrize("name", sorted(set(attribution.METHODS) - {"grad_cam", "rise"}))
def test_every_method_gives_the_same_map_on_a_nested_and_a_subclassed_model(name, kinds, pictures):
    expected = attribution.METHODS[name](kinds["functional"], pictures[:1], target=1, signed=True)
    for kind in ("nested functional", "subclassed", "two outputs"):
        network = zoo.wrap(kinds[kind], input_shape=(12, 12, 3))
        answer = attribution.METHODS[name](network, pictures[:1], target=1, signed=True)
        scale = np.abs(expected.raw).max()
        np.testing.assert_allclose(answer.raw, expected.raw, rtol=1e-3, atol=1e-4 * scale, err_msg=kind)


def test_every_kind_of_model_gives_the_same_map(kinds, pictures):
    for method in ("grad_cam", "ablation_cam"):
        expected = attribution.METHODS[method](kinds["functional"], pictures[:1], target=1, signed=True)
        assert expected.note == ""
        for kind, twin in kinds.items():
            if method == "ablation_cam" and kind not in ("nested functional", "subclassed"):
                continue  # replacing an output is the same work for the others
            answer = attribution.METHODS[method](
                zoo.wrap(twin, input_shape=(12, 12, 3)), pictures[:1], target=1, signed=True
            )
            scale = np.abs(expected.raw).max()
            np.testing.assert_allclose(
                answer.raw, expected.raw, rtol=1e-3, atol=1e-4 * scale, err_msg=f"{method} {kind}"
            )
            np.testing.assert_allclose(answer.score, expected.score, rtol=1e-4, err_msg=kind)


def test_another_output_can_be_explained_by_place_or_name(tmp_path, pictures):
    two = twins(tmp_path)["two outputs"]
    network = zoo.wrap(two)
    other = keras.Model(two.input, two.outputs[1])
    expected = attribution.grad_cam(zoo.wrap(other), pictures[:1], target=3)
    for name in (1, "other"):
        answer = attribution.grad_cam(network, pictures[:1], target=(name, 3))
        np.testing.assert_allclose(answer.raw, expected.raw, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(answer.score, expected.score, rtol=1e-4)
        assert answer.target == (name, 3)
    assert attribution.grad_cam(network, pictures[:1], target=("other", None)).target[1] in range(4)
    for wrong in ((5, 0), ("none", 0), (1, 4)):
        with pytest.raises(ConvvizError, match=r"there is no|has no output"):
            attribution.grad_cam(network, pictures[:1], target=wrong)


def test_named_outputs_are_found_by_name(pictures):
    source = small()
    named = keras.Model(
        source.inputs, {"kind": source.output, "size": keras.layers.Dense(2)(source.get_layer("flat").output)}
    )
    expected = attribution.grad_cam(source, pictures[:1], target=2).raw
    answer = attribution.grad_cam(zoo.wrap(named), pictures[:1], target=("kind", 2))
    np.testing.assert_allclose(answer.raw, expected, rtol=1e-4)


def test_a_saturated_softmax_does_not_blank_the_map(batch):
    scores = set()
    for target in (0, 1):
        mild = attribution.grad_cam(zoo.wrap(hand_set()), batch, target=target)
        saturated = attribution.grad_cam(zoo.wrap(hand_set(scale=1e5)), batch, target=target)
        assert saturated.note == ""
        np.testing.assert_allclose(saturated.heatmap, mild.heatmap, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(saturated.raw, mild.raw * 1e5, rtol=1e-4)
        scores.add(saturated.score)
    assert scores == {0.0, 1.0}


def test_the_two_sides_of_one_sigmoid_are_each_others_negative(pictures):
    network = zoo.wrap(small("sigmoid", classes=1), ["cat", "dog"])
    for name in ("grad_cam", "gradient_times_input", "ablation_cam", "occlusion"):
        method = attribution.METHODS[name]
        no, yes = (method(network, pictures[:1], target=side, signed=True) for side in (0, 1))
        np.testing.assert_allclose(no.raw, -yes.raw, atol=1e-5 * np.abs(yes.raw).max())
        assert no.score + yes.score == pytest.approx(1)
        likely = method(network, pictures[:1], signed=True)
        assert likely.target == int(network.predict(pictures[:1]).argmax())
        assert likely.score == pytest.approx(max(no.score, yes.score))
    with pytest.raises(ConvvizError, match="no class 2; choose one from 0 to 1"):
        attribution.grad_cam(network, pictures[:1], target=2)


def test_several_sigmoids_are_classes_of_their_own(pictures):
    network = zoo.wrap(small("sigmoid", classes=3))
    answer = attribution.grad_cam(network, pictures[:1], target=0)
    assert answer.score == pytest.approx(network.predict(pictures[:1])[0], rel=1e-5)


@pytest.mark.parametrize("flat", [False, True])
def test_grey_networks_with_and_without_a_channel_axis(flat):
    model = small(channels=1)
    if flat:
        pixels = keras.Input((12, 12))
        model = keras.Model(pixels, model(keras.layers.Reshape((12, 12, 1))(pixels)))
    network = zoo.wrap(model, input_range=(0, 1))
    picture = np.random.default_rng(3).integers(0, 256, (30, 20, 3), np.uint8)
    answer = attribution.grad_cam(network, picture)
    assert answer.heatmap.shape == (30, 20)
    expected = textbook(small(channels=1), "late", network.prepare(picture), answer.target)[0]
    np.testing.assert_allclose(answer.raw, np.maximum(expected, 0), rtol=1e-3, atol=1e-6)


def test_a_mixed_precision_network_is_explained_in_full_precision(pictures):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = small()
    finally:
        keras.config.set_dtype_policy("float32")
    whole = attribution.grad_cam(small(), pictures[:1], target=1)
    answer = attribution.grad_cam(half, pictures[:1], target=1)
    assert answer.raw.dtype == np.float32
    np.testing.assert_allclose(answer.heatmap, whole.heatmap, atol=0.05)


@pytest.mark.parametrize("name", ["grad_cam", "hires_cam", "layer_cam", "gradient"])
def test_a_model_with_preprocessing_inside_agrees_with_its_plain_twin(name, pictures):
    """Rescaling inside the model is the same as scaling before it."""
    plain = small()
    inner = keras.Input((12, 12, 3))
    inside = zoo.wrap(keras.Model(inner, plain(keras.layers.Rescaling(1 / 255)(inner))), input_range=(0, 255))
    picture = (pictures[0] * 255).astype(np.uint8)
    ours, theirs = (
        attribution.METHODS[name](one, picture, target=1, signed=True)
        for one in (inside, zoo.wrap(plain, input_range=(0, 1)))
    )
    np.testing.assert_allclose(ours.heatmap, theirs.heatmap, rtol=1e-3, atol=1e-4)


def test_an_explanation_tells_how_far_it_is_and_can_be_stopped(network, pictures):
    told = list(attribution.explain(network, [pictures[:1]] * 2, "occlusion", targets=[0, 1], every=0))
    shares = [one.done for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [len(one.answers) for one in told] == sorted(len(one.answers) for one in told)
    assert {len(one.answers) for one in told[:-1]} == {1, 2}
    assert all(not answer.heatmap.size for one in told[:-1] for answer in one.answers)
    assert [one.target for one in told[-1].answers] == [0, 1]
    alone = attribution.occlusion(network, pictures[:1], target=1)
    np.testing.assert_array_equal(told[-1].answers[1].heatmap, alone.heatmap)
    assert told[-1].light().answers == ()
    half = attribution.explain(network, [pictures[:1]] * 2, "occlusion", targets=[0, 1], every=0)
    assert 0 < next(half).done < 0.5
    with pytest.raises(StopIteration):
        half.send({"stop": True})
    with pytest.raises(ConvvizError, match="no method 'magic'; choose from grad_cam"):
        attribution.explained(network, [], "magic", targets=[])


def test_the_limit_is_what_became_one(network, pictures):
    for name in ("layer_cam", "gradient"):
        answer = attribution.METHODS[name](network, pictures[:1], target=1)
        strongest = answer.raw.max()
        assert 0 < answer.limit <= strongest
        if name == "gradient":
            np.testing.assert_allclose(np.minimum(answer.raw / answer.limit, 1), answer.heatmap, rtol=1e-5)
            assert answer.limit == pytest.approx(np.percentile(answer.raw, 99))


def test_classes_of_another_output_and_of_an_output_without_classes(tmp_path, pictures):
    two = twins(tmp_path)["two outputs"]
    top = attribution.top_classes(zoo.wrap(two), pictures[:1], output=1)
    expected = two.predict_on_batch(pictures[:1])[1][0]
    assert [one.index for one in top] == np.argsort(-expected).tolist()
    np.testing.assert_allclose([one.probability for one in top], np.sort(expected)[::-1], rtol=1e-4)
    maps = keras.Model(two.input, two.get_layer("late").output)
    numbers = attribution.top_classes(zoo.wrap(maps), pictures[:1], count=3)
    expected = maps.predict_on_batch(pictures[:1])[0].mean(axis=(0, 1))
    np.testing.assert_allclose([one.probability for one in numbers], np.sort(expected)[::-1][:3], rtol=1e-4)
    answer = attribution.grad_cam(zoo.wrap(maps), pictures[:1], target=2, layer="late")
    assert answer.score == pytest.approx(expected[2], rel=1e-4)


def test_maps_agree_with_those_of_tf_keras_vis_where_that_works(pictures):
    pytest.importorskip("tf_keras_vis", reason="tf-keras-vis is no requirement of ours; install it to compare")
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    model = small()
    score, linear = CategoricalScore([2]), ReplaceToLinear()
    theirs = {
        "grad_cam": Gradcam(model, linear)(
            score, pictures[:1], penultimate_layer="late", seek_penultimate_conv_layer=False, expand_cam=False
        ),
        "gradient": Saliency(model, linear)(score, pictures[:1]),
    }
    for name, one in theirs.items():
        ours = attribution.METHODS[name](model, pictures[:1], target=2).raw
        assert np.corrcoef(np.ravel(ours), np.ravel(one))[0, 1] > 0.999


def test_batches_and_lists_give_lists_and_one_picture_gives_one(network, pictures):
    alone = [attribution.grad_cam(network, pictures[i : i + 1]) for i in range(5)]
    for together in (attribution.grad_cam(network, pictures), attribution.grad_cam(network, list(pictures[:, None]))):
        assert [one.target for one in together] == [one.target for one in alone]
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one.heatmap, other.heatmap, rtol=1e-3, atol=1e-5)
    photos = [np.full((9, 30, 3), 200, np.uint8), np.zeros((40, 8, 3), np.uint8)]
    shapes = [one.heatmap.shape for one in attribution.occlusion(network, photos)]
    assert shapes == [(9, 30), (40, 8)]
    stacked = np.stack([photos[0], photos[0]])
    assert len(attribution.grad_cam(network, stacked)) == 2
    np.testing.assert_allclose(
        attribution.grad_cam(network, stacked)[1].heatmap, attribution.grad_cam(network, photos[0]).heatmap, atol=1e-5
    )
    assert not isinstance(attribution.grad_cam(network, photos[0]), list)
    with pytest.raises(ConvvizError, match="no picture"):
        attribution.grad_cam(network, [])


def test_the_gradient_is_the_slope_that_finite_differences_measure(network, pictures):
    signed = attribution.gradient(network, pictures[:1], target=1, signed=True)
    logits = tf.function(network.answer)
    rng = np.random.default_rng(4)
    for row, col in rng.integers(0, 12, (8, 2)):
        step = np.zeros_like(pictures[:1])
        step[0, row, col] = 1e-3
        rise = (logits(pictures[:1] + step) - logits(pictures[:1] - step)).numpy()[0, 1] / 2e-3
        assert signed.raw[row, col] == pytest.approx(rise, abs=2e-3)


def test_unsigned_saliency_is_the_largest_absolute_slope_of_the_colours(network, pictures):
    slopes = _slopes(network, pictures[:1], 2)
    answer = attribution.gradient(network, pictures[:1], target=2)
    np.testing.assert_allclose(answer.raw, np.abs(slopes).max(-1), rtol=1e-4)
    times = attribution.gradient_times_input(network, pictures[:1], target=2, signed=True)
    np.testing.assert_allclose(times.raw, (slopes * pictures[0]).sum(-1), rtol=1e-3, atol=1e-6)


def _slopes(network, batch, index):
    batch = tf.constant(batch)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        logit = tf.function(network.answer)(batch)[:, index]
    return tape.gradient(logit, batch).numpy()[0]


@pytest.mark.parametrize("black", [True, False])
def test_integrated_gradients_add_up_to_the_difference_of_the_logits(network, pictures, black):
    baseline = None if black else pictures[3]
    answer = attribution.integrated_gradients(
        network, pictures[:1], target=1, signed=True, steps=200, baseline=baseline
    )
    logits = tf.function(network.answer)
    start = np.zeros_like(pictures[:1]) if black else pictures[3:4]
    difference = (logits(pictures[:1]) - logits(start)).numpy()[0, 1]
    assert answer.raw.sum() == pytest.approx(difference, abs=5e-3)


@pytest.mark.parametrize("signed", [True, False])
def test_integrated_gradients_say_what_they_add_up_to_and_of_how_much(network, pictures, signed):
    both = attribution.integrated_gradients(network, pictures[:2], target=1, signed=signed, steps=3)
    logits = tf.function(network.answer)
    differences = (logits(pictures[:2]) - logits(np.zeros_like(pictures[:2]))).numpy()[:, 1]
    for place, answer in enumerate(both):
        whole = attribution.integrated_gradients(
            network, pictures[place : place + 1], target=1, signed=True, steps=3
        ).raw
        assert answer.adds_up == pytest.approx((whole.sum(), differences[place]), abs=1e-4)
    assert attribution.gradient(network, pictures[:1]).adds_up is None


def test_integrated_gradients_take_the_midpoint_rule(network, pictures):
    mean = np.mean([_slopes(network, share * pictures[:1], 1) for share in (0.125, 0.375, 0.625, 0.875)], axis=0)
    answer = attribution.integrated_gradients(network, pictures[:1], target=1, signed=True, steps=4)
    np.testing.assert_allclose(answer.raw, (mean * pictures[0]).sum(-1), rtol=1e-3, atol=1e-5)


def test_integrated_gradients_of_each_picture_in_a_batch_are_its_own(network, pictures):
    together = attribution.integrated_gradients(network, pictures[:3], target=0, steps=40, signed=True)
    for place, one in enumerate(together):
        alone = attribution.integrated_gradients(network, pictures[place : place + 1], target=0, steps=40, signed=True)
        np.testing.assert_allclose(one.raw, alone.raw, rtol=1e-3, atol=1e-6)


def test_smooth_gradient_is_the_mean_over_noisy_copies(network, pictures):
    picture = pictures[0]
    rng = np.random.default_rng(7)
    noise = rng.standard_normal((10, *picture.shape), dtype=np.float32)
    copies = picture + 0.2 * np.ptp(picture) * noise
    expected = np.mean([_slopes(network, copy[None], 1) for copy in copies], axis=0).sum(-1)
    answer = attribution.smooth_gradient(
        network, picture[None], target=1, signed=True, samples=10, noise=0.2, rng=np.random.default_rng(7)
    )
    np.testing.assert_allclose(answer.raw, expected, rtol=1e-3, atol=1e-5)
    silent = attribution.smooth_gradient(network, picture[None], target=1, samples=3, noise=0)
    np.testing.assert_allclose(silent.raw, attribution.gradient(network, picture[None], target=1).raw, rtol=1e-3)


def test_guided_backpropagation_is_the_rule_written_out():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Conv2D(4, 1, use_bias=False, activation="relu"),
            keras.layers.Conv2D(2, 1, use_bias=False, activation="relu6"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, use_bias=False),
        ]
    )
    model.set_weights([first[None, None], second[None, None], HAND])
    batch = rng.normal(size=(1, 2, 2, 3)).astype(np.float32) * 3
    inside = np.maximum(batch @ first, 0)
    outside = inside @ second
    back = np.broadcast_to(HAND[:, 1] / 4, outside.shape)
    back = np.where((outside > 0) & (outside < 6), np.maximum(back, 0), 0) @ second.T
    back = np.where(batch @ first > 0, np.maximum(back, 0), 0) @ first.T
    network = zoo.wrap(model)
    guided = attribution.guided_backpropagation(network, batch, target=1, signed=True)
    np.testing.assert_allclose(guided.raw, back[0].sum(-1), rtol=1e-4, atol=1e-6)
    plain = attribution.gradient(network, batch, target=1, signed=True)
    np.testing.assert_allclose(plain.raw, _slopes(network, batch, 1).sum(-1), rtol=1e-4, atol=1e-6)


def test_occlusion_is_the_loss_under_each_patch_averaged(network, pictures):
    picture = pictures[0]
    logits = tf.function(network.answer)
    whole = logits(picture[None]).numpy()[0, 1]
    total, cover = np.zeros((12, 12)), np.zeros((12, 12))
    for top in (0, 3, 6, 8):
        for left in (0, 3, 6, 8):
            hidden = picture.copy()
            hidden[top : top + 4, left : left + 4] = picture.mean((0, 1))
            total[top : top + 4, left : left + 4] += whole - logits(hidden[None]).numpy()[0, 1]
            cover[top : top + 4, left : left + 4] += 1
    answer = attribution.occlusion(network, picture[None], target=1, signed=True, patch=4, stride=3)
    np.testing.assert_allclose(answer.raw, total / cover, rtol=1e-3, atol=1e-5)
    for patch, stride in ((0, 1), (4, 0), (12, 1), (40, 1)):
        with pytest.raises(ConvvizError, match="does not fit an input of 12 × 12"):
            attribution.occlusion(network, picture[None], patch=patch, stride=stride)


def test_rise_repeats_with_its_seed_and_refuses_nonsense(network, pictures):
    one, two, three = (
        attribution.rise(network, pictures[:1], masks=40, rng=np.random.default_rng(seed), signed=True).raw
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, three)
    with pytest.raises(ConvvizError, match="cannot be drawn"):
        attribution.rise(network, pictures[:1], keep=1.0)


def planted():
    """A network for which a class is where its colour is strong: red for class 0, green for class 1."""
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="strong"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax", use_bias=False),
        ]
    )
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[..., 0, 0], kernel[..., 1, 1] = 1 / 9, 1 / 9
    model.set_weights([kernel, np.array([-0.4, -0.4], np.float32), np.eye(2, dtype=np.float32) * 40])
    picture = np.full((24, 24, 3), 0.1, np.float32)
    picture[3:10, 4:11, 0] = 1.0
    picture[13:20, 12:19, 1] = 1.0
    return zoo.wrap(model, input_range=(0, 1)), picture[None]


@pytest.mark.parametrize("name", sorted(set(attribution.METHODS) - {"eigen_cam"}))
def test_every_method_points_at_the_planted_cause_of_each_class(name):
    network, picture = planted()
    places = {0: (slice(2, 11), slice(3, 12)), 1: (slice(12, 21), slice(11, 20))}
    for target, place in places.items():
        answer = attribution.METHODS[name](network, picture, target=target)
        inside = answer.heatmap[place].sum() / answer.heatmap.sum()
        assert inside > (0.35 if name == "rise" else 0.6), f"{name}: {inside:.2f} of the heat on class {target}"
        assert np.unravel_index(answer.heatmap.argmax(), (24, 24))[0] in range(place[0].start, place[0].stop)


@pytest.mark.parametrize("name", attribution.METHODS)
def test_every_method_has_one_signature_a_source_and_a_whole_answer(name, network, pictures):
    method = attribution.METHODS[name]
    parameters = inspect.signature(method).parameters
    assert list(parameters)[:6] == ["network", "picture", "target", "layer", "signed", "progress"]
    assert all(one.kind is one.KEYWORD_ONLY for one in list(parameters.values())[2:])
    assert "Source:" in method.__doc__
    told = []
    picture = np.random.default_rng(6).integers(0, 256, (17, 23, 3), np.uint8)
    answer = method(network, picture, progress=lambda done, total: told.append((done, total)))
    assert answer.heatmap.shape == (17, 23)
    assert answer.heatmap.dtype == answer.raw.dtype == np.float32
    assert answer.heatmap.min() >= 0
    assert answer.heatmap.max() == pytest.approx(1)
    assert answer.raw.min() >= 0
    assert answer.target == network.predict(picture).argmax()
    assert answer.score == pytest.approx(network.predict(picture).max(), rel=1e-4)
    assert (answer.layer is None) == (answer.raw.shape == (12, 12))
    assert answer.layer_reason
    assert told[-1][0] == told[-1][1]
    signed = method(network, picture, signed=True)
    assert np.abs(signed.heatmap).max() == pytest.approx(1)
    assert signed.heatmap.min() >= -1


def test_a_blank_map_says_why(batch):
    network = zoo.wrap(hand_set())
    black = np.zeros_like(batch)
    assert "dead on this picture" in attribution.grad_cam(network, black).note
    assert not attribution.grad_cam(network, black).heatmap.any()
    green = black + np.array([0, 1, 0], np.float32)
    green[0, 0] = 0
    assert "flat" in attribution.grad_cam(network, black + np.array([0, 1, 0], np.float32), target=1).note
    against = black + np.array([1.0, 0, 0], np.float32)
    against[0, 0] = 0
    blank = attribution.grad_cam(network, against, target=1)
    assert "only evidence against this class" in blank.note
    assert not blank.heatmap.any()
    assert attribution.grad_cam(network, against, target=1, signed=True).note == ""
    assert attribution.grad_cam(network, green, target=1).note == ""


def test_a_map_behind_a_saturated_layer_says_so(batch):
    pixels = keras.Input((4, 6, 3))
    maps = keras.layers.Conv2D(2, 1, name="maps")(pixels)
    cut = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("relu")(maps))
    model = keras.Model(pixels, keras.layers.Dense(2, activation="softmax")(cut))
    set_weights(model.get_layer("maps"), np.zeros((1, 1, 3, 2)), [-5, -5])
    answer = attribution.grad_cam(zoo.wrap(model), batch, layer="maps")
    assert "saturated or dead" in answer.note
    assert "saturated or dead" in attribution.gradient(zoo.wrap(model), batch).note


def test_a_layer_without_a_path_to_the_class_says_so(batch):
    pixels = keras.Input((4, 6, 3))
    used = keras.layers.Conv2D(2, 1, name="used")(pixels)
    aside = keras.layers.Conv2D(2, 1, name="aside")(pixels)
    outputs = [keras.layers.Dense(2)(keras.layers.Flatten()(one)) for one in (used, aside)]
    answer = attribution.grad_cam(zoo.wrap(keras.Model(pixels, outputs)), batch, layer="aside")
    assert "no path" in answer.note
    assert not answer.heatmap.any()


@pytest.mark.parametrize(("weight", "cause"), [(np.nan, "weights of colours are NaN"), (3e38, "overflow")])
def test_numbers_that_are_none_have_a_cause_and_are_drawn_as_nothing(batch, weight, cause):
    model = hand_set()
    set_weights(model.get_layer("colours"), np.full((1, 1, 3, 2), weight))
    answer = attribution.grad_cam(zoo.wrap(model), batch)
    assert cause in answer.note
    assert ("overflow" in answer.note) != ("weights of" in answer.note)
    assert not answer.is_number
    assert np.isfinite(answer.heatmap).all()
    assert attribution.grad_cam(zoo.wrap(hand_set()), batch).is_number


def test_a_single_place_cannot_tell_places_apart(pictures):
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(2, 12, name="all"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    notes = [attribution.grad_cam(zoo.wrap(model), pictures[:1], layer="all", target=target).note for target in (0, 1)]
    assert any("single place" in note or "only evidence against" in note for note in notes)


def test_wrong_choices_are_refused_in_a_sentence(network, pictures):
    for target, said in ((3, "no class 3; choose one from 0 to 2"), (-1, "no class -1"), (-7, "no class -7")):
        with pytest.raises(ConvvizError, match=said):
            attribution.grad_cam(network, pictures[:1], target=target)
    for layer in ("nowhere", "classes"):
        with pytest.raises(ConvvizError, match=f"no layer '{layer}' with feature maps; choose another, such as early"):
            attribution.grad_cam(network, pictures[:1], layer=layer)
    dense = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(ConvvizError, match="no layer whose feature maps"):
        attribution.grad_cam(dense, np.zeros((1, 4, 4, 1), np.float32))
    assert attribution.gradient(dense, np.ones((1, 4, 4, 1), np.float32)).note == ""


def test_a_hundred_calls_trace_once_and_leave_nothing_on_the_model(pictures):
    model = small()
    network = zoo.as_network(model)
    before = [weight.copy() for weight in model.get_weights()]
    attribution.grad_cam(model, pictures[:1])
    kept = set(network.compiled)
    for number in range(100):
        attribution.grad_cam(model, pictures[: 1 + number % 3], target=number % 3, signed=bool(number % 2))
    assert set(network.compiled) == kept
    assert not [layer for layer in model._flatten_layers() if "call" in vars(layer)]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", attribution.METHODS)
def test_a_hundred_calls_do_not_grow(name, pictures):
    import gc

    short = {"smooth_gradient": {"samples": 2}, "integrated_gradients": {"steps": 2}, "rise": {"masks": 4}}
    method, network = attribution.METHODS[name], zoo.wrap(small())

    def calls(count):
        for number in range(count):
            method(network, pictures[:1], target=number % 3, **short.get(name, {}))
        gc.collect()
        return len(gc.get_objects()), len(network.compiled)

    objects, compiled = calls(3)
    later, kept = calls(97)
    assert kept == compiled, "nothing is traced anew"
    assert later - objects < 97, "less than one object for each call stays"


def test_many_threads_may_ask_at_once(pictures):
    model = small()
    network = zoo.wrap(model)
    expected = [textbook(model, "late", pictures[:1], index)[0] for index in range(3)]
    wrong = []

    def ask(index):
        for name in ("grad_cam", "hires_cam", "grad_cam"):
            answer = attribution.METHODS[name](network, pictures[:1], target=index, signed=True)
            if name == "grad_cam" and not np.allclose(answer.raw, expected[index], rtol=1e-3, atol=1e-6):
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(index % 3,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_top_classes_come_in_order_with_their_names(network, pictures):
    chances = network.predict(pictures[:1])
    top = attribution.top_classes(network, pictures[:1], count=2)
    assert [one.index for one in top] == np.argsort(-chances)[:2].tolist()
    assert [one.probability for one in top] == sorted(chances.tolist(), reverse=True)[:2]
    assert [one.name for one in top] == [f"class {one.index}" for one in top]
    both = attribution.top_classes(zoo.wrap(small("sigmoid", classes=1), ["cat", "dog"]), pictures[:1])
    assert {one.name for one in both} == {"cat", "dog"}
    assert sum(one.probability for one in both) == pytest.approx(1)


def test_a_real_network_sees_the_cat_and_the_dog_where_they_are(data):
    import cv2

    path = data / "photos" / "free" / "cat_and_dog_composite.jpg"
    if not path.is_file() or not zoo.is_here("mobilenetv2"):
        pytest.skip("no photographs or no MobileNetV2 here")
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    network = zoo.load("mobilenetv2")
    half = picture.shape[1] // 2
    cat = attribution.grad_cam(network, picture, target=281).heatmap
    dog = attribution.grad_cam(network, picture, target=162).heatmap
    assert cat[:, :half].sum() > 2 * cat[:, half:].sum()
    assert dog[:, half:].sum() > 2 * dog[:, :half].sum()
