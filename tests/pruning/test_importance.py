import keras
import numpy as np
import pytest
from keras import layers

import tfcompress as tfc
from tests.pruning.channel_networks import randomized
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.graph import ChannelSlice, find_groups
from tfcompress.keras_compat import read
from tfcompress.pruning import importance
from tfcompress.pruning.importance.activation_statistics import mean_absolute
from tfcompress.pruning.importance.filters import filters_of
from tfcompress.pruning.importance.geometric_median import summed_distances
from tfcompress.pruning.importance.importance import normalize
from tfcompress.pruning.importance.magnitude import l1_norms, l2_norms
from tfcompress.pruning.importance.taylor import gate_gradients

FILTERS = np.array([[3.0, -4.0], [0.0, 0.0], [3.0, 0.0]])


def test_norms():
    assert l1_norms(FILTERS).tolist() == [7, 0, 3]
    assert l2_norms(FILTERS).tolist() == [5, 0, 3]


def test_summed_distances():
    # 0-1: 5, 0-2: 4, 1-2: 3.
    np.testing.assert_allclose(summed_distances(FILTERS), [9, 8, 7])


def test_mean_absolute():
    activations = np.array([[[1.0, -2.0], [3.0, 0.0]]])
    assert mean_absolute(activations).tolist() == [2, 1]


def test_gate_gradients():
    part = ChannelSlice("dense", "kernel", 0, "consumer", np.array([1, -1, 0, 1]))
    weight = np.array([[1.0, 2.0], [9.0, 9.0], [0.5, 0.0], [0.0, -1.0]])
    gradient = np.array([[1.0, -1.0], [9.0, 9.0], [4.0, 4.0], [2.0, 3.0]])
    # Channel 0: 0.5 * 4; channel 1: 1 * 1 + 2 * -1 + -1 * 3.
    assert gate_gradients(weight, gradient, part, 2).tolist() == [2, -4]


def test_filters_hold_all_numbers_of_a_channel():
    weight = np.arange(12.0).reshape(2, 6)
    part = ChannelSlice("x", "kernel", 1, "producer", np.array([2, 0, -1, 2, 0, 0]))
    channels, filters = filters_of(weight, part)
    assert channels.tolist() == [0, 2]
    assert filters.tolist() == [[1, 7, 4, 10, 5, 11], [0, 6, 3, 9, 0, 0]]


def test_normalize():
    scores = np.array([1.0, 3.0])
    assert normalize(scores, "standard").tolist() == [-1, 1]
    assert normalize(scores, "mean").tolist() == [0.5, 1.5]
    assert normalize(scores, "none").tolist() == [1, 3]
    assert normalize(np.full(3, 0.1), "standard").tolist() == [0, 0, 0]
    assert normalize(np.zeros(2), "mean").tolist() == [0, 0]


def build_network(module=keras):
    """A residual: `a` and `b` make the same channels, `out` and `b` take them in."""
    x = module.layers.Input((4, 4, 2))
    a = module.layers.Conv2D(3, 3, name="a")(x)
    a = module.layers.BatchNormalization(name="norm")(a)
    a = module.layers.ReLU(name="relu")(a)
    b = module.layers.Conv2D(3, 1, name="b")(a)
    y = module.layers.Add(name="add")([a, b])
    y = module.layers.Flatten(name="flat")(y)
    y = module.layers.Dense(2, name="out")(y)
    return randomized(module.Model(x, y))


@pytest.fixture(scope="module")
def network():
    return build_network()


def score(model, kind, keras_name="keras"):
    graph = read(model)
    groups = [group for group in find_groups(graph) if not group.frozen]
    (scores,) = kind.score(graph, groups, keras=keras_name)
    return scores


def weights(model, name):
    return [np.asarray(w, "float64") for w in model.get_layer(name).get_weights()]


def share(scores):
    return scores / scores.mean()


def test_magnitudes_of_all_layers_that_make_a_channel(network):
    a, b = weights(network, "a")[0], weights(network, "b")[0]
    for kind, norm in (
        (importance.L1, lambda w: np.abs(w).sum((0, 1, 2))),
        (importance.L2, lambda w: np.sqrt((w**2).sum((0, 1, 2)))),
    ):
        expected = (share(norm(a)) + share(norm(b))) / 2
        np.testing.assert_allclose(score(network, kind()), expected)


def test_magnitudes_of_consumers_too(network):
    a, b = weights(network, "a")[0], weights(network, "b")[0]
    out = weights(network, "out")[0].reshape(4, 3, 2)  # Four places, three channels.
    taken = [np.abs(b).sum((0, 1, 3)), np.abs(out).sum((0, 2))]
    made = [np.abs(a).sum((0, 1, 2)), np.abs(b).sum((0, 1, 2))]
    expected = np.mean([share(norms) for norms in made + taken], axis=0)
    np.testing.assert_allclose(score(network, importance.L1(consumers=True)), expected)


def with_kernels(model, **kernels):
    for name, kernel in kernels.items():
        layer = model.get_layer(name)
        _, *others = layer.get_weights()
        layer.set_weights([np.reshape(kernel, layer.kernel.shape), *others])
    return model


@pytest.mark.parametrize("normalized", [False, True])
def test_paths_through_channels(normalized):
    x = keras.Input((2,))
    y = layers.Dense(3, name="made")(x)
    y = layers.BatchNormalization()(y) if normalized else y
    model = keras.Model(x, layers.Dense(2, name="taken")(y))
    made, taken = [[3, 0, 0], [4, -4, 0]], [[0, 1], [5, -12], [1, 0]]
    with_kernels(model, made=made, taken=taken)
    # Lengths of 5, 4, 0 over their mean 3, times 1, 13, 1 over their mean 5.
    expected = [5 / 15, 52 / 15, 0]
    np.testing.assert_allclose(score(model, importance.PathNorm()), expected)


def test_paths_through_a_sum():
    x = keras.Input((1,))
    a, b = layers.Dense(2, name="a")(x), layers.Dense(2, name="b")(x)
    y = layers.Add()([layers.BatchNormalization()(a), b])
    model = keras.Model(x, [layers.Dense(1, name=end)(y) for end in ("left", "right")])
    with_kernels(model, a=[1, 3], b=[-2, 2], left=[6, 2], right=[0, 4])
    # Made: the mean of (1/2, 3/2) and (1, 1); taken in: of (3/2, 1/2) and (0, 2).
    expected = [3 / 4 * 3 / 4, 5 / 4 * 5 / 4]
    np.testing.assert_allclose(score(model, importance.PathNorm()), expected)


def test_paths_where_no_weights_take_channels_in():
    x = keras.Input((3, 2))
    y = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    graph = read(randomized(keras.Model(x, layers.Dense(1)(y))))
    groups = [g for g in find_groups(graph) if g.name.endswith(":key_dim")]
    assert [group.consumers for group in groups] == [()]
    paths, lengths = (
        kind.score(graph, groups, keras="keras")
        for kind in (importance.PathNorm(), importance.L2())
    )
    np.testing.assert_array_equal(paths, lengths)


def test_distances_of_filters(network):
    def distances(kernel):
        rows = kernel.reshape(-1, 3).T
        return np.array(
            [sum(np.linalg.norm(r - other) for other in rows) for r in rows]
        )

    expected = [share(distances(weights(network, name)[0])) for name in "ab"]
    np.testing.assert_allclose(score(network, importance.FPGM()), np.mean(expected, 0))


def test_scale_of_batch_normalization(network):
    expected = np.abs(weights(network, "norm")[0])
    np.testing.assert_allclose(score(network, importance.BatchNormScale()), expected)


def test_nothing_is_said_without_batch_normalization():
    inputs = keras.Input((2,))
    outputs = layers.Dense(2, name="out")(layers.Dense(4, name="hidden")(inputs))
    assert score(keras.Model(inputs, outputs), importance.BatchNormScale()) is None


def test_random_scores_repeat_with_the_seed(network):
    first, again = (score(network, importance.Random(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, score(network, importance.Random(4)))


def data(samples=6):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(samples, 4, 4, 2)).astype("float32")
    return x, generator.normal(size=(samples, 2)).astype("float32")


def test_activations_are_those_that_layers_take_in(either_keras):
    model = build_network(either_keras)
    x, _ = data(20)
    by_hand = []
    for name in ("relu", "add"):  # What `b` and `out` take in.
        inner = either_keras.Model(model.input, model.get_layer(name).output)
        by_hand.append(np.abs(np.asarray(inner(x))).mean((0, 1, 2)))
    expected = np.mean([share(means) for means in by_hand], axis=0)
    kind = importance.ActivationStatistics(x)
    found = score(model, kind, either_keras.__name__)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_taylor_is_the_squared_slope_of_the_loss(either_keras):
    model = build_network(either_keras)
    x, y = data()

    def loss(gate, channel):
        """The loss when what takes the channel in is multiplied by a gate."""
        copy = either_keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        kernel, bias = copy.get_layer("b").get_weights()
        kernel[:, :, channel] *= gate
        copy.get_layer("b").set_weights([kernel, bias])
        kernel, bias = copy.get_layer("out").get_weights()
        kernel[channel::3] *= gate
        copy.get_layer("out").set_weights([kernel, bias])
        return np.mean((np.asarray(copy(x), "float64") - y) ** 2)

    step = 1e-2
    slopes = [(loss(1 + step, c) - loss(1 - step, c)) / (2 * step) for c in range(3)]
    kind = importance.Taylor((x, y), "mean_squared_error")
    found = score(model, kind, either_keras.__name__)
    np.testing.assert_allclose(found, np.square(slopes), rtol=1e-2)


def test_taylor_averages_the_squares_of_batches(network):
    x, y = data(64)
    whole = score(network, importance.Taylor((x, y), "mse"))
    halves = [score(network, importance.Taylor((x[s], y[s]), "mse")) for s in HALVES]
    np.testing.assert_allclose(whole, np.mean(halves, axis=0), rtol=1e-5)


HALVES = (slice(0, 32), slice(32, 64))


def test_data_serves_a_pruning(either_keras):
    model = build_network(either_keras)
    for kind in (
        importance.Taylor(data(), "mse"),
        importance.ActivationStatistics(data()[0]),
    ):
        worst = int(np.argmin(score(model, kind, either_keras.__name__)))
        pruning = tfc.pruning.ChannelPruning(1 / 3, importance=kind, round_to=1)
        small = pruning.apply(model)
        kept = np.delete(model.get_layer("a").get_weights()[1], worst)
        np.testing.assert_array_equal(small.get_layer("a").get_weights()[1], kept)
        with pytest.raises(ArgumentError, match="cannot be written as plain data"):
            pruning.get_config()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (data()[0], "give data with both"),
        ((data()[0][:0], data()[1][:0]), "empty"),
        ((data()[0] * np.nan, data()[1]), "finite"),
        ((data()[0][..., :1], data()[1]), "must fit the inputs"),
        ((data()[0], data()[1] * np.inf), "finite"),
    ],
)
def test_bad_data(network, given, message):
    with pytest.raises(DataError, match=message):
        score(network, importance.Taylor(given, "mse"))


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="normalization='max'"):
        importance.L1(normalization="max")
    with pytest.raises(ArgumentError, match="loss='square'"):
        importance.Taylor(data(), "square")
    with pytest.raises(ArgumentError, match="class_name"):
        importance.deserialize({"class_name": "Last"})


def test_own_importance():
    class Last(importance.Importance):
        def score(self, graph, groups, *, keras):
            return [-np.arange(group.width) for group in groups]

    model = build_network()
    small = tfc.pruning.ChannelPruning(1 / 3, importance=Last(), round_to=1).apply(
        model
    )
    before, after = (m.get_layer("a").get_weights()[1] for m in (model, small))
    np.testing.assert_array_equal(after, before[:2])


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        (np.ones(2), ArgumentError, r"each of the 3 channels.*shape \(2,\)"),
        ([1.0, np.nan, 2.0], ModelError, "must be finite"),
    ],
)
def test_bad_scores(scores, error, message):
    class Bad(importance.Importance):
        def score(self, graph, groups, *, keras):
            return [scores for _ in groups]

    with pytest.raises(error, match=message):
        tfc.pruning.ChannelPruning(0.5, importance=Bad()).apply(build_network())


@pytest.mark.parametrize(
    "name", ["l1", "l2", "path_norm", "fpgm", "batch_norm", "random"]
)
def test_names(name):
    kind = importance.find(name)
    again = importance.deserialize(importance.serialize(kind))
    assert type(again) is type(kind)
    assert again.get_config() == kind.get_config()
