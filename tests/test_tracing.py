"""Listening to layers: every kind of model, nothing left behind."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from convviz import tracing, zoo


class Written(keras.Model):
    """A model in plain Python, one layer used twice."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="first")
        self.again = keras.layers.Conv2D(3, 3, padding="same", name="again")
        self.top = keras.Sequential([keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(2, name="d")])

    def call(self, inputs):
        return self.top(self.again(self.again(self.first(inputs))))


@pytest.fixture
def written():
    model = Written()
    model(np.zeros((1, 8, 8, 1), np.float32))
    return model


@pytest.fixture
def nested():
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.BatchNormalization(name="norm")],
        name="base",
    )
    pixels = keras.Input((8, 8, 1))
    features = keras.layers.Flatten(name="flat")(base(keras.layers.Rescaling(2.0, name="scale")(pixels)))
    return keras.Model(pixels, keras.layers.Dense(3, activation="softmax", name="conv")(features))


def heard(model, body=None, side=8):
    """Paths and shapes in the order of the calls."""
    calls = []

    def body_of(batch):
        with tracing.listening(model, lambda path, _, output: calls.append((path, tuple(output.shape[1:])))):
            return model(batch, training=False)

    tf.function(body or body_of, autograph=False).get_concrete_function(tf.TensorSpec((None, side, side, 1)))
    return calls


def traces_on(model):
    return [layer.name for layer in model._flatten_layers() if "call" in vars(layer)]


def test_nested_models_are_opened_and_other_layers_keep_their_names(nested):
    assert heard(nested) == [
        ("scale", (8, 8, 1)), ("base/conv", (6, 6, 2)), ("base/norm", (6, 6, 2)), ("flat", (72,)), ("conv", (3,)),
    ]  # fmt: skip


def test_a_model_in_plain_python_is_heard_and_a_shared_layer_twice(written):
    paths = [path for path, _ in heard(written)]
    assert paths[:3] == ["first", "again", "again"]
    assert [path.split("/")[1] for path in paths[3:]] == ["pool", "d"]


def test_two_layers_of_one_name_get_two_paths():
    class Twice(keras.Model):
        def __init__(self):
            super().__init__()
            self.stages = [keras.layers.Conv2D(1, 1, name="same"), keras.layers.Conv2D(1, 1, name="same")]

        def call(self, inputs):
            return self.stages[1](self.stages[0](inputs))

    model = Twice()
    model(np.zeros((1, 8, 8, 1), np.float32))
    assert [path for path, _ in heard(model)] == ["same", "same:2"]


def test_a_hook_can_replace_an_output(nested):
    def body(batch):
        with tracing.listening(nested, lambda path, _, out: tf.zeros_like(out) if path == "flat" else None):
            return nested(batch, training=False)

    answer = tf.function(body, autograph=False)(tf.random.normal((2, 8, 8, 1)))
    bias = nested.get_layer("conv").bias
    np.testing.assert_allclose(answer, np.repeat(tf.nn.softmax(bias)[None], 2, axis=0), rtol=1e-6)


def test_nothing_stays_on_the_model_also_after_an_error(nested, written):
    for model in (nested, written):
        heard(model)
        assert not traces_on(model)

        def fail(*_):
            raise ArithmeticError("in the hook")

        def body(batch, model=model, fail=fail):
            with tracing.listening(model, fail):
                return model(batch)

        with pytest.raises(ArithmeticError, match="in the hook"):
            tf.function(body, autograph=False).get_concrete_function(tf.TensorSpec((None, 8, 8, 1)))
        assert not traces_on(model)
        assert len(heard(model)) == 5


def test_listening_inside_listening_gives_back_the_outer_one(nested):
    outer, inner = [], []

    def body(batch):
        with tracing.listening(nested, lambda path, *_: outer.append(path)):
            with tracing.listening(nested, lambda path, *_: inner.append(path)):
                nested(batch)
            return nested(batch)

    tf.function(body, autograph=False).get_concrete_function(tf.TensorSpec((None, 8, 8, 1)))
    assert len(inner) == 5
    assert outer == inner * 2
    assert not traces_on(nested)


def test_losses_of_a_trace_do_not_pile_up():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 1, activity_regularizer="l2"), keras.layers.Flatten()]
    )
    for _ in range(3):
        heard(model)
    assert model.losses == []


def test_until_works_at_sizes_that_the_model_itself_refuses(nested, written):
    for model, layer, pad in ((nested, "base/conv", 2), (written, "first", 0)):
        part = tf.function(
            lambda batch, model=model, layer=layer: tracing.until(model, layer, lambda: model(batch)), autograph=False
        ).get_concrete_function(tf.TensorSpec((None, None, None, 1)))
        for side in (8, 13):
            assert part(tf.zeros((2, side, side, 1))).shape[1] == side - pad
        assert not traces_on(model)
    batch = tf.random.normal((1, 8, 8, 1))
    layers = nested.get_layer("base")
    expected = layers.get_layer("conv")(2 * batch)
    got = tf.function(lambda b: tracing.until(nested, "base/conv", lambda: nested(b)), autograph=False)(batch)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_until_an_unknown_layer_is_a_key_error(nested):
    with pytest.raises(KeyError):
        tf.function(lambda b: tracing.until(nested, "none", lambda: nested(b)), autograph=False)(tf.zeros((1, 8, 8, 1)))
    assert not traces_on(nested)


def closing(ending):
    """The kind found for an ending, and whether the numbers before it were found."""
    pixels = keras.Input((4, 4, 1))
    logits = keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(pixels))
    model, before = keras.Model(pixels, ending(logits)), keras.Model(pixels, logits)
    kinds = []

    def body(batch):
        tensor, kind = tracing.before_activation(model(batch))
        kinds.append(kind)
        return tensor

    batch = tf.random.normal((2, 4, 4, 1))
    found = tf.function(body, autograph=False)(batch)
    return kinds[0], found.shape == model(batch).shape and np.allclose(
        np.ravel(found), np.ravel(before(batch)), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (keras.layers.Softmax(), "softmax"),
        (keras.layers.Activation("sigmoid"), "sigmoid"),
        (keras.layers.Activation("log_softmax"), "softmax"),
        (keras.layers.Activation("softmax", dtype="float64"), "softmax"),
        (lambda x: keras.layers.Reshape((3, 1))(keras.layers.Softmax()(x)), "softmax"),
        (lambda x: keras.layers.Dropout(0.5)(keras.layers.Softmax()(x)), "softmax"),
        (lambda x: keras.layers.Reshape((1, 3))(x), "logits"),
        (lambda x: x, "logits"),
    ],
)
def test_the_numbers_before_the_ending_are_found(ending, kind):
    assert closing(ending) == (kind, True)


def test_the_numbers_before_a_layers_own_relu_are_found():
    kernel = np.array([[[[1.0, -1.0]]]], np.float32)
    for activation in ("relu", "relu6", "leaky_relu", "elu", "linear", "tanh"):
        conv = keras.layers.Conv2D(2, 1, activation=activation, use_bias=False)
        conv.build((None, 2, 2, 1))
        conv.set_weights([kernel])
        batch = tf.constant([[[[8.0], [-2.0]], [[0.5], [0.0]]]])
        found = tf.function(lambda b, conv=conv: tracing.before_rectifier(conv(b)), autograph=False)(batch)
        plain = np.concatenate([batch, -batch], axis=-1)
        np.testing.assert_allclose(found, np.tanh(plain) if activation == "tanh" else plain, rtol=1e-6)


def test_before_rectifier_leaves_a_merge_or_a_pooling_alone():
    pixels = keras.Input((4, 4, 1))
    both = keras.layers.Maximum()([keras.layers.Conv2D(1, 1)(pixels), pixels])
    for model in (keras.Model(pixels, both), keras.Sequential([pixels, keras.layers.MaxPooling2D()])):
        batch = tf.random.normal((1, 4, 4, 1))
        found = tf.function(lambda b, model=model: tracing.before_rectifier(model(b)), autograph=False)(batch)
        np.testing.assert_array_equal(found, model(batch))


def test_a_traced_function_is_kept_and_follows_the_weights(nested):
    network = zoo.wrap(nested)
    bodies = []

    def body(batch):
        bodies.append(1)
        return nested(batch)

    spec = tf.TensorSpec((None, 8, 8, 1))
    batch = tf.random.normal((1, 8, 8, 1))
    first = tracing.traced(network, "answer", body, spec)(batch)
    nested.set_weights([weight + 1 for weight in nested.get_weights()])
    again = tracing.traced(network, "answer", body, spec)(batch)
    assert len(bodies) == 1
    assert not np.allclose(first, again)
    np.testing.assert_allclose(again, nested(batch), rtol=1e-5)


def test_inference_leaves_moving_averages_alone(nested):
    before = [weight.copy() for weight in nested.get_weights()]
    tf.function(lambda b: tracing.until(nested, "flat", lambda: nested(b, training=False)), autograph=False)(
        tf.random.normal((4, 8, 8, 1))
    )
    for old, new in zip(before, nested.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def normalized(padding="same", strides=1, depthwise=False, **choices):
    keras.utils.set_random_seed(1)
    pixels = keras.Input((9, 9, 3))
    kind = keras.layers.DepthwiseConv2D if depthwise else keras.layers.Conv2D
    size = (3,) if depthwise else (5, 3)
    x = kind(*size, padding=padding, strides=strides, use_bias=False, name="conv")(pixels)
    x = keras.layers.BatchNormalization(name="norm", **choices)(x)
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU(name="relu")(x)))
    rng = np.random.default_rng(0)
    model.set_weights([weight + rng.random(weight.shape).astype(np.float32) for weight in model.get_weights()])
    return model


def traced_with(model, hook=lambda *_: None, **choices):
    def body(batch):
        with tracing.listening(model, hook, **choices):
            return model(batch, training=False)

    return tf.function(body, autograph=False).get_concrete_function(tf.TensorSpec((None, 9, 9, 3)))


@pytest.mark.parametrize(
    "choices",
    [{}, {"padding": "valid", "strides": 2}, {"depthwise": True}, {"scale": False}, {"center": False, "epsilon": 0.1}],
)
def test_folding_a_normalization_changes_no_number(choices):
    model = normalized(**choices)
    batch = tf.random.normal((2, 9, 9, 3), seed=1)
    folded = traced_with(model, fold=True)
    np.testing.assert_allclose(folded(batch), model(batch, training=False), rtol=1e-4, atol=1e-6)
    relu = next(op for op in folded.graph.get_operations() if op.type == "Relu")
    assert relu.inputs[0].op.type == "BiasAdd"


def test_a_kept_layer_stays_on_the_way_and_a_training_model_is_not_folded():
    model = normalized()
    seen = {}
    with_zeros = traced_with(
        model, lambda path, _, out: tf.zeros_like(out) if path == "conv" else None, fold=True, kept=["conv"]
    )
    norm = model.get_layer("norm")
    empty = norm(np.zeros((1, 9, 9, 5), np.float32), training=False)
    expected = np.maximum(empty, 0).mean((1, 2))
    np.testing.assert_allclose(with_zeros(tf.random.normal((1, 9, 9, 3))), expected, rtol=1e-5)
    kept = traced_with(model, lambda path, _, out: seen.__setitem__(path, out.op.type), fold=True, kept=["conv"])
    assert seen["norm"] != "BiasAdd"
    assert kept.graph is not None

    def training(batch):
        with tracing.listening(model, lambda path, _, out: seen.__setitem__(path, out.op.type), fold=True):
            return model(batch, training=True)

    tf.function(training, autograph=False).get_concrete_function(tf.TensorSpec((None, 9, 9, 3)))
    assert seen["norm"] != "BiasAdd"
