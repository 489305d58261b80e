"""Pairs of layers and their equalization, by numbers worked out by hand."""

import keras
import numpy as np
import pytest

from tfcompress.graph import (
    Layer,
    Weight,
    absorb_biases,
    equalize_channels,
    find_pairs,
    fold_batch_normalization,
    replace_relu6,
)
from tfcompress.graph.equalization import equalizing_scale
from tfcompress.graph.grouped_kernel import read_grouped, write_grouped
from tfcompress.keras_compat import build, read

layers = keras.layers


def sequential(*parts, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *parts])


def pairs_of(model):
    return find_pairs(read(model))


def randomize(model, seed=0):
    random = np.random.default_rng(seed)
    for variable in model.weights:
        size = 10.0 ** random.uniform(-2, 2, variable.shape[-1:])
        variable.assign(random.normal(size=variable.shape) * size)
    return model


def greatest(values, channels_axis):
    values = np.moveaxis(np.abs(values), channels_axis, 0)
    return values.reshape(len(values), -1).max(axis=1)


def check_same(before, after, x):
    first, second = np.asarray(before(x)), np.asarray(after(x))
    np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-5 * abs(first).max())


def test_scale_is_the_root_of_the_quotient():
    scale = equalizing_scale(np.array([8.0, 1.0, 3.0]), np.array([2.0, 4.0, 3.0]))
    np.testing.assert_allclose(scale, [2.0, 0.5, 1.0])


@pytest.mark.parametrize("dead", [0.0, 1e-12])
def test_channels_without_weights_are_left_alone(dead):
    scale = equalizing_scale(np.array([dead, 4.0, 4.0]), np.array([1.0, dead, 1.0]))
    np.testing.assert_allclose(scale, [1.0, 1.0, 2.0])


def test_all_dead():
    scale = equalizing_scale(np.zeros(2), np.zeros(2))
    assert scale.tolist() == [1.0, 1.0]


def test_two_dense_layers_by_hand():
    model = sequential(
        layers.Dense(2, "relu", name="a"), layers.Dense(1, name="b"), shape=(1,)
    )
    model.set_weights(
        [
            np.array([[8.0, 1.0]]),
            np.array([4.0, -1.0]),
            np.array([[2.0], [-4.0]]),
            np.array([5.0]),
        ]
    )
    graph = read(model)
    pairs, reasons = find_pairs(graph)
    assert [(p.producer, p.consumer, p.copies) for p in pairs] == [("a", "b", 1)]
    assert list(reasons) == ["b"]
    equal = equalize_channels(graph, pairs)
    np.testing.assert_allclose(equal.layers["a"].weight("kernel"), [[4.0, 2.0]])
    np.testing.assert_allclose(equal.layers["a"].weight("bias"), [2.0, -2.0])
    np.testing.assert_allclose(equal.layers["b"].weight("kernel"), [[4.0], [-2.0]])
    np.testing.assert_allclose(equal.layers["b"].weight("bias"), [5.0])


GROUPED = [
    (layers.Dense(6), (4,), (1, 4, 1, 6)),
    (layers.Conv1D(6, 3), (8, 4), (3, 4, 1, 6)),
    (layers.Conv2D(6, (3, 2)), (8, 8, 4), (6, 4, 1, 6)),
    (layers.Conv2D(6, 3, groups=2), (8, 8, 4), (9, 2, 2, 3)),
    (layers.Conv3D(2, 2), (4, 4, 4, 3), (8, 3, 1, 2)),
    (layers.Conv2DTranspose(6, 3), (8, 8, 4), (9, 4, 1, 6)),
    (layers.Conv1DTranspose(6, 3), (8, 4), (3, 4, 1, 6)),
    (layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 4), (9, 1, 4, 2)),
    (layers.DepthwiseConv1D(3), (8, 4), (3, 1, 4, 1)),
]
NAMES = [
    type(layer).__name__ + f"-{number}" for number, (layer, *_) in enumerate(GROUPED)
]


@pytest.mark.parametrize(("layer", "shape", "form"), GROUPED, ids=NAMES)
def test_kernels_in_one_form_and_back(layer, shape, form):
    model = randomize(sequential(layers.Identity(), layer, shape=shape))
    made = read(model).layers[layer.name]
    grouped = read_grouped(made)
    assert grouped.shape == form
    back = write_grouped(made, grouped)
    np.testing.assert_array_equal(back.weight("kernel"), made.weight("kernel"))


def test_place_of_a_channel_in_a_transposed_kernel():
    kernel = np.arange(12.0).reshape(1, 1, 4, 3)  # Rows, columns, outputs, inputs.
    layer = Layer("x", "Conv2DTranspose", weights=(Weight("kernel", kernel),))
    assert read_grouped(layer)[0, 2, 0, 1] == kernel[0, 0, 1, 2]


@pytest.mark.parametrize(
    "between",
    [
        [layers.ReLU()],
        [layers.ReLU(negative_slope=0.3), layers.MaxPooling2D()],
        [layers.LeakyReLU(0.1), layers.AveragePooling2D(2, padding="same")],
        [layers.PReLU(), layers.ZeroPadding2D(1), layers.Cropping2D(1)],
        [layers.Activation("relu"), layers.UpSampling2D(interpolation="bilinear")],
        [layers.Dropout(0.5), layers.SpatialDropout2D(0.5), layers.Identity()],
        [],
    ],
    ids=range(7),
)
def test_function_stays_and_ranges_become_equal(between):
    model = randomize(
        sequential(
            layers.Conv2D(5, 3, name="a"),
            *between,
            layers.Conv2D(4, 3, activation="relu", padding="same", name="b"),
            layers.Flatten(),
            layers.Dense(2, name="c"),
        )
    )
    graph = read(model)
    pairs, reasons = find_pairs(graph)
    assert [(p.producer, p.consumer) for p in pairs] == [("a", "b"), ("b", "c")]
    assert "returned by the model" in reasons["c"]
    equal = equalize_channels(graph, pairs)
    random = np.random.default_rng(1)
    check_same(model, build(equal, keras="keras"), random.normal(size=(3, 8, 8, 3)))
    kernels = {name: equal.layers[name].weight("kernel") for name in "abc"}
    made = greatest(kernels["a"], -1), greatest(kernels["b"], -1)
    flat = kernels["c"].reshape(-1, 4, 2)
    taken = greatest(kernels["b"], -2), greatest(flat, 1)
    for one, other in zip(made, taken, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.01)
    before = greatest(read(model).layers["a"].weight("kernel"), -1)
    assert np.ptp(np.log(made[0])) < np.ptp(np.log(before))


def test_padding_is_seen():
    model = sequential(
        layers.Conv2D(2, 3, name="a"),
        layers.Conv2D(2, 3, padding="same", name="b"),
        layers.Conv2D(2, 1, padding="same", name="c"),
        layers.ZeroPadding2D(),
        layers.Conv2D(2, 3, name="d"),
        layers.Conv2DTranspose(2, 3, name="e"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, name="f"),
    )
    padded = {pair.producer: pair.padded for pair in pairs_of(model)[0]}
    assert padded == {"a": True, "b": False, "c": True, "d": True, "e": False}


def test_depthwise_between_two_and_groups():
    model = randomize(
        sequential(
            layers.Conv2D(4, 1, activation="relu", name="expand"),
            layers.DepthwiseConv2D(
                3, depth_multiplier=3, activation="relu", name="depth"
            ),
            layers.Conv2D(6, 1, groups=3, name="groups"),
            layers.Conv2DTranspose(4, 2, activation="leaky_relu", name="larger"),
            layers.Conv2D(2, 1, groups=2, name="last"),
        )
    )
    graph = read(model)
    pairs, _ = find_pairs(graph)
    assert [pair.producer for pair in pairs] == ["expand", "depth", "groups", "larger"]
    equal = equalize_channels(graph, pairs)
    random = np.random.default_rng(1)
    check_same(model, build(equal, keras="keras"), random.normal(size=(3, 8, 8, 3)))
    expand, depth = (equal.layers[n].weight("kernel") for n in ("expand", "depth"))
    np.testing.assert_allclose(greatest(expand, -1), greatest(depth, -2), rtol=0.01)
    groups = equal.layers["groups"].weight("kernel")[0, 0]  # Four inputs, six outputs.
    taken = [abs(groups[i % 4, i // 4 * 2 : i // 4 * 2 + 2]).max() for i in range(12)]
    np.testing.assert_allclose(greatest(depth.reshape(9, 12), 1), taken, rtol=0.01)


def test_reshape_and_pooling_to_one_pixel():
    model = randomize(
        sequential(
            layers.Conv2D(4, 3, activation="relu", name="a"),
            layers.GlobalAveragePooling2D(),
            layers.Reshape((1, 1, 4)),
            layers.Conv2D(8, 1, name="b"),
            layers.Reshape((8,)),
            layers.Dense(2, name="c"),
        )
    )
    graph = read(model)
    pairs, _ = find_pairs(graph)
    assert [(pair.producer, pair.copies) for pair in pairs] == [("a", 1), ("b", 1)]
    random = np.random.default_rng(1)
    equal = build(equalize_channels(graph, pairs), keras="keras")
    check_same(model, equal, random.normal(size=(3, 8, 8, 3)))


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (layers.ReLU(6.0), "ReLU 'x' behind it is not known to be positively homog"),
        (layers.ReLU(threshold=0.5), "not known to be positively homogeneous"),
        (layers.Activation("relu6"), r"Activation 'x' \('relu6'\)"),
        (layers.Activation("tanh"), "'tanh'"),
        (layers.BatchNormalization(), "BatchNormalization 'x'"),
        (layers.LayerNormalization(), "LayerNormalization 'x'"),
        (layers.Softmax(), "Softmax 'x'"),
        (layers.Permute((2, 3, 1)), "Permute 'x'"),
        (layers.Reshape((8, 16, 2)), "Reshape 'x' moves its channels"),
        (layers.Rescaling(2.0, offset=1.0), "Rescaling 'x'"),
    ],
)
def test_reasons_of_what_lies_between(between, reason):
    config = {**between.get_config(), "name": "x"}
    between = type(between).from_config(config)
    end = [layers.Conv2D(4, 1, padding="same")]
    model = sequential(layers.Conv2D(4, 1, name="a"), between, *end)
    pairs, reasons = pairs_of(model)
    assert not pairs
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(reasons["a"])


def test_reasons_of_branches_shared_layers_and_activations():
    inputs = keras.Input((8, 8, 4))
    shared = layers.Conv2D(4, 1, name="shared")
    gelu = layers.Conv2D(4, 1, activation="gelu", name="gelu")
    fork = layers.Conv2D(4, 1, name="fork")(gelu(inputs))
    left = layers.Conv2D(4, 1, name="left")(fork)
    right = layers.Conv2D(4, 1, name="right")(fork)
    added = layers.Add(name="add")([left, right])
    before = layers.Conv2D(4, 1, name="before")(added)
    twice = shared(layers.ReLU()(shared(before)))
    model = keras.Model(inputs, [twice, layers.Conv2D(2, 1, name="end")(before)])
    pairs, reasons = pairs_of(model)
    assert not pairs
    assert "'gelu'" in reasons["gelu"]
    assert "several ways: ['left', 'right']" in reasons["fork"]
    assert "Add 'add' joins" in reasons["left"]
    assert "several ways" in reasons["before"]
    assert "'shared' is called several times" in reasons["shared"]
    assert "returned by the model" in reasons["end"]


def test_consumer_that_takes_a_tensor_twice():
    inputs = keras.Input((4,))
    hidden = layers.Dense(4, name="hidden")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.Multiply()([hidden, hidden])))
    assert "joins its channels" in pairs_of(model)[1]["hidden"]


def test_copies_of_channels_in_groups():
    model = sequential(
        layers.Conv1D(2, 3, name="a"),
        layers.Reshape((3, 4)),
        layers.DepthwiseConv1D(2, name="b"),
        shape=(8, 3),
    )
    pairs, reasons = pairs_of(model)
    assert not pairs
    assert "'b' takes copies of its channels in groups" in reasons["a"]


def test_relu6_becomes_relu_everywhere():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 1, activation="relu6", name="a")(inputs)
    x = layers.Conv2D(4, 1, name="b")(x)
    x = layers.Conv2D(4, 1, name="c")(layers.ReLU(6.0)(x))
    x = layers.Conv2D(4, 1, name="d")(layers.Activation("relu6")(x))
    x = keras.ops.relu6(x)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="e")(x))
    assert not pairs_of(model)[0]
    graph = replace_relu6(read(model))
    pairs, _ = find_pairs(graph)
    assert [pair.producer for pair in pairs] == list("abcd")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3))
    check_same(model, build(graph, keras="keras"), x)  # Nothing is above 6 yet.
    equal = build(equalize_channels(graph, pairs), keras="keras")
    check_same(build(graph, keras="keras"), equal, 100 * x)
    assert np.abs(np.asarray(model(100 * x)) - np.asarray(equal(100 * x))).max() > 1


def test_batch_normalization_folded_first():
    model = randomize(
        sequential(
            layers.Conv2D(4, 3, use_bias=False, name="a"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(4, 3, name="b"),
        )
    )
    model.layers[1].moving_variance.assign(np.array([1e-2, 1.0, 1e2, 4.0]))
    graph = fold_batch_normalization(read(model))
    pairs, _ = find_pairs(graph)
    equal = build(equalize_channels(graph, pairs), keras="keras")
    x = np.random.default_rng(1).normal(size=(3, 8, 8, 3))
    check_same(model, equal, x)
    assert [layer.name for layer in equal.layers if layer.weights] == ["a", "b"]


def test_biases_absorbed_by_hand():
    model = sequential(
        layers.Dense(2, "relu", name="a"), layers.Dense(1, name="b"), shape=(1,)
    )
    weights = [[[1.0, 1.0]], [10.0, 0.5], [[2.0], [3.0]], [1.0]]
    model.set_weights([np.array(value) for value in weights])
    graph = read(model)
    pairs, _ = find_pairs(graph)
    absorbed = absorb_biases(graph, pairs, {"a": np.array([8.0, 0.0])})
    np.testing.assert_allclose(absorbed.layers["a"].weight("bias"), [2.0, 0.5])
    np.testing.assert_allclose(absorbed.layers["b"].weight("bias"), [17.0])
    check_same(model, build(absorbed, keras="keras"), np.array([[-2.0], [0.0], [3.0]]))


def test_biases_absorbed_behind_pooling_and_flattening_and_into_no_bias():
    model = randomize(
        sequential(
            layers.Conv2D(4, 3, activation="relu", name="a"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2, use_bias=False, name="b"),
        )
    )
    model.layers[0].bias.assign(np.array([1e5, 0.0, -1.0, 1e4]))
    graph = read(model)
    pairs, _ = find_pairs(graph)
    absorbed = absorb_biases(graph, pairs, {"a": np.array([9e4, 0.0, 0.0, 9e3])})
    assert absorbed.layers["b"].config["use_bias"]
    built = build(absorbed, keras="keras")
    check_same(model, built, np.random.default_rng(0).normal(size=(2, 8, 8, 3)))


def test_nothing_to_do():
    graph = read(sequential(layers.Flatten(), layers.Dense(2)))
    pairs, _ = find_pairs(graph)
    assert pairs == ()
    assert str(equalize_channels(graph, pairs)) == str(graph)
