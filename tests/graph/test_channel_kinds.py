import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from benchmarks.masked_original import masked_original
from tests.graph.channel_kinds import KINDS, ONLY_KERAS
from tests.graph.channel_models import randomize
from tests.keras_compat.comparison import outputs_of, sample_inputs
from tfcompress.graph import find_groups, flatten_models, remove_channels
from tfcompress.keras_compat import build, read


@pytest.mark.parametrize("name", KINDS)
def test_model_without_channels_equals_the_masked_original(name):
    """Half the channels of every group, the middle ones, in both Kerases."""
    make, widths = KINDS[name]
    model = make()
    graph = flatten_models(read(model))
    free = [group for group in find_groups(graph) if not group.frozen]
    assert {group.name: group.width for group in free} == widths
    removed = {g: range(g.width // 4, g.width // 4 + g.width // 2) for g in free}
    small = remove_channels(graph, removed)
    inputs = sample_inputs(model)
    original = outputs_of(build(masked_original(graph, removed), keras="keras"), inputs)
    keras_model = build(small, keras="keras")
    check_equal(outputs_of(keras_model, inputs), original)
    assert str(read(keras_model)) == str(small)
    if name not in ONLY_KERAS:
        check_equal(outputs_of(build(small, keras="tf_keras"), inputs), original)
    keras.backend.clear_session()


def check_equal(found, wanted):
    assert max(np.abs(output).max() for output in wanted) > 1e-3
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max()


def test_functions_of_tensorflow_are_followed():
    x = tf_keras.Input((4, 4, 3))
    y = tf_keras.layers.Conv2D(8, 1, name="a")(x)
    gate = tf.nn.sigmoid(tf.reduce_mean(y, axis=[1, 2], keepdims=True))
    y = tf.transpose(y * gate, (0, 3, 2, 1))
    y = tf.transpose(tf.pad(y, [[0, 0], [0, 0], [1, 0], [0, 1]]), (0, 2, 3, 1))
    one, other = tf.split(y, 2, axis=-1)
    y = tf.concat([tf.nn.relu6(one), tf.abs(other)], axis=-1)
    y = tf.reshape(y, (-1, 25, 8))[..., :8]
    y = tf.squeeze(tf.expand_dims(tf.stack([y, -y], axis=1), 1), axis=1)
    y = tf.clip_by_value(y, -0.5, 0.5) + 1.0
    model = randomize(tf_keras.Model(x, tf_keras.layers.Dense(2, name="out")(y)))
    graph = read(model)
    free = [group for group in find_groups(graph) if not group.frozen]
    assert {group.name: group.width for group in free} == {"a": 4, "a:2": 4}
    removed = dict(zip(free, ([0], [1, 3]), strict=True))
    small = build(remove_channels(graph, removed), keras="tf_keras")
    original = build(masked_original(graph, removed), keras="tf_keras")
    inputs = sample_inputs(model)
    check_equal(outputs_of(small, inputs), outputs_of(original, inputs))


def test_hard_sigmoid_of_tf_keras_is_followed():
    """It is what ConvLSTM2D has without being asked."""
    layers = tf_keras.layers
    x = tf_keras.Input((3, 4, 4, 2))
    y = layers.ConvLSTM2D(4, 3, name="a")(x)
    y = layers.Conv2D(4, 1, activation="hard_sigmoid", name="b")(y)
    y = layers.Reshape((4, 4))(y)
    y = layers.LSTM(4, recurrent_activation="hard_sigmoid", name="c")(y)
    y = layers.Activation("hard_sigmoid")(layers.Dense(4, name="d")(y))
    model = randomize(tf_keras.Model(x, layers.Dense(2, name="out")(y)))
    graph = read(model)
    free = [group for group in find_groups(graph) if not group.frozen]
    assert {group.name: group.width for group in free} == dict.fromkeys("abcd", 4)
    removed = {group: [0, 2] for group in free}
    small = remove_channels(graph, removed)
    inputs = sample_inputs(model)
    original = build(masked_original(graph, removed), keras="tf_keras")
    for library in ("tf_keras", "keras"):
        found = outputs_of(build(small, keras=library), inputs)
        check_equal(found, outputs_of(original, inputs))


def test_normalization_of_each_step_in_tf_keras():
    """There its axis is counted from the front, without the axis of steps."""
    make, widths = KINDS["each_step_normalized"]
    graph = read(build(read(make()), keras="tf_keras"))
    free = [group for group in find_groups(graph) if not group.frozen]
    assert {group.name: group.width for group in free} == widths


def test_unit_normalization_is_computed_over_what_is_left():
    x = keras.Input((3,))
    y = keras.layers.UnitNormalization(name="unit")(keras.layers.Dense(4, name="a")(x))
    model = randomize(keras.Model(x, keras.layers.Dense(2, name="out")(y)))
    graph = read(model)
    group, _ = find_groups(graph)
    assert group.changes_statistics == ("unit",)
    inputs = sample_inputs(model)
    found = outputs_of(
        build(remove_channels(graph, {group: [1]}), keras="keras"), inputs
    )
    kernel, bias, last, offset = (w.numpy().astype("float64") for w in model.weights)
    made = (inputs @ kernel + bias)[:, [0, 2, 3]]
    made /= np.sqrt((made**2).sum(-1, keepdims=True))
    check_equal(found, [made @ last[[0, 2, 3]] + offset])


def test_masked_original_of_other_channels_is_another():
    """What the tests compare with does see which channels are gone."""
    model = KINDS["grouped_twice"][0]()
    graph = read(model)
    first, second, *_ = find_groups(graph)
    small = build(remove_channels(graph, {first: [0], second: [0]}), keras="keras")
    other = build(masked_original(graph, {first: [1], second: [0]}), keras="keras")
    inputs = sample_inputs(model)
    (one,), (two,) = outputs_of(small, inputs), outputs_of(other, inputs)
    assert np.abs(one - two).max() > 0.01 * np.abs(two).max()
