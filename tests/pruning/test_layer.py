import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import tfcompress as tfc
from tests.graph import block_models
from tests.models import build_classifier, train_in_own_keras
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.keras_compat import build, read
from tfcompress.pruning.block_importance import log_probabilities

SCALES = {"a": 0.5, "b": 0.05, "c": 0.8, "d": 0.1}


def linear_blocks(module, *, outputs=3):
    """y + y A for four matrices A of different sizes, and then a product."""
    generator = np.random.default_rng(0)
    x = y = module.layers.Input((4,), name="x")
    matrices = {}
    for name, scale in SCALES.items():
        layer = module.layers.Dense(4, use_bias=False, name=f"{name}_dense")
        y = module.layers.Add(name=name)([layer(y), y])
        matrices[name] = scale * generator.normal(size=(4, 4))
        layer.set_weights([matrices[name]])
    last = module.layers.Dense(outputs, use_bias=False, name="scores")
    y = last(y)
    matrices["scores"] = generator.normal(size=(4, outputs))
    last.set_weights([matrices["scores"]])
    return module.Model(x, y, name="linear"), matrices


def answers(x, matrices, without=()):
    for name in SCALES:
        if name not in without:
            x = x + x @ matrices[name]
    return x @ matrices["scores"]


def greedy(count, measure):
    """Removes what is least, one after the other; returns also what was measured."""
    removed, values = [], {}
    for _ in range(count):
        left = [name for name in SCALES if name not in removed]
        found = {name: measure([*removed, name]) for name in left}
        values.update(found)
        removed.append(min(found, key=found.get))
    return removed, values


@pytest.fixture(scope="module")
def samples():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(300, 4)).astype("float32")
    return x, generator.integers(0, 3, 300)


def distance(x, matrices):
    whole = answers(x, matrices)

    def measure(without):
        other = answers(x, matrices, without)
        return np.sum((other - whole) ** 2) / np.sum(whole**2)

    return measure


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_least_important_goes_and_the_rest_is_measured_again(
    either_keras, samples, count
):
    model, matrices = linear_blocks(either_keras)
    pruning = tfc.pruning.LayerPruning(count, data=samples[0])
    small = pruning.apply(model)
    removed, values = greedy(count, distance(samples[0], matrices))
    account = pruning.account
    assert list(account.applied) == removed
    assert account.importance == pytest.approx(values, rel=1e-4)
    assert set(account.skipped) == set(SCALES) - set(removed)
    assert isinstance(small, either_keras.Model)
    np.testing.assert_allclose(
        np.asarray(small(samples[0])),
        answers(samples[0], matrices, removed),
        rtol=1e-4,
        atol=1e-5,
    )
    names = ["x"]
    for name in set(SCALES) - set(removed):
        names += [name, f"{name}_dense"]
    assert {layer.name for layer in small.layers} == {*names, "scores"}


def test_divergence_of_probabilities(samples):
    model, matrices = linear_blocks(keras)
    x = samples[0]
    whole = answers(x, matrices)

    def measure(without):
        other = log_softmax(answers(x, matrices, without), axis=-1)
        return np.mean(
            np.sum(softmax(whole, -1) * (log_softmax(whole, -1) - other), axis=-1)
        )

    pruning = tfc.pruning.LayerPruning(2, data=x, importance="divergence")
    pruning.apply(model)
    removed, values = greedy(2, measure)
    assert list(pruning.account.applied) == removed
    assert pruning.account.importance == pytest.approx(values, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("one_hot", [False, True])
def test_rise_of_the_loss(samples, one_hot):
    model, matrices = linear_blocks(keras)
    x, labels = samples

    def loss(without):
        shares = log_softmax(answers(x, matrices, without), axis=-1)
        return -np.mean(shares[np.arange(300), labels])

    given = np.eye(3)[labels] if one_hot else labels
    pruning = tfc.pruning.LayerPruning(2, data=(x, given), importance="loss")
    pruning.apply(model)
    removed, values = greedy(2, lambda without: loss(without) - loss([]))
    assert list(pruning.account.applied) == removed
    assert pruning.account.importance == pytest.approx(values, rel=1e-3, abs=1e-5)


def test_outputs_are_read_as_logits_or_probabilities():
    logits = np.array([[1.0, -2.0], [0.5, 3.0]])
    expected = log_softmax(logits, axis=-1)
    np.testing.assert_allclose(log_probabilities(logits, None), expected)
    shares = softmax(logits, axis=-1)
    np.testing.assert_allclose(log_probabilities(shares, "softmax"), expected)
    one = np.array([[0.7], [-1.2]])
    two = np.log([[1 - 1 / (1 + np.exp(-v)), 1 / (1 + np.exp(-v))] for (v,) in one])
    np.testing.assert_allclose(log_probabilities(one, None), two)
    sigmoid = 1 / (1 + np.exp(-one))
    np.testing.assert_allclose(log_probabilities(sigmoid, "sigmoid"), two)


def test_data_may_be_shuffled_batches(samples):
    import tensorflow as tf

    model, matrices = linear_blocks(keras)
    data = tf.data.Dataset.from_tensor_slices(samples[0]).shuffle(300).batch(64)
    pruning = tfc.pruning.LayerPruning(2, data=data)
    pruning.apply(model)
    removed, values = greedy(2, distance(samples[0], matrices))
    assert list(pruning.account.applied) == removed
    assert pruning.account.importance == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize(
    ("blocks", "count"), [(0.25, 1), (0.5, 2), (0.01, 1), (0.9, 4), (3, 3)]
)
def test_number_or_share(samples, blocks, count):
    model, _ = linear_blocks(keras)
    pruning = tfc.pruning.LayerPruning(blocks, data=samples[0][:20])
    pruning.apply(model)
    assert len(pruning.account.applied) == count


def test_ignored_blocks_stay(samples):
    model, _ = linear_blocks(keras)
    ignored = ["b", "d_*"]
    pruning = tfc.pruning.LayerPruning(2, data=samples[0], ignored=ignored)
    pruning.apply(model)
    assert set(pruning.account.applied) == {"a", "c"}
    assert pruning.account.skipped == {"b": "ignored by choice"} | {
        "d": "ignored by choice"
    }


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", ["inverted", "transformer", "scaled"])
def test_networks_equal_themselves_without_the_branches(name, library):
    """The numbers behind the test for equality are in tests/graph/test_blocks.py."""
    keras.utils.clear_session()
    model = build(read(getattr(block_models, name)()), keras=library)
    generator = np.random.default_rng(0)
    shape = (20, *model.inputs[0].shape[1:])
    x = generator.integers(0, 7, shape)
    x = x.astype("int32" if name == "transformer" else "float32")
    pruning = tfc.pruning.LayerPruning(0.5, data=x)
    small = pruning.apply(model)
    expected = build(
        tfc.graph.remove_blocks(read(model), pruning.account.applied), keras=library
    )
    np.testing.assert_allclose(np.asarray(small(x)), np.asarray(expected(x)), atol=1e-6)
    assert small.count_params() < model.count_params()
    again = pruning.finalize(small)
    assert type(again) is type(small)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(small(x)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "free"),
    [
        ("ResNet50", 12),
        ("ResNet50V2", 9),
        ("MobileNetV3Small", 6),
        ("EfficientNetB0", 9),
        ("ConvNeXtTiny", 18),
    ],
)
def test_applications_equal_themselves_without_the_branches(family, free):
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, family)(
        input_shape=(32, 32, 3), weights=None, classes=5, classifier_activation=None
    )
    generator = np.random.default_rng(0)
    for variable in model.weights:
        # The scales of ConvNeXt start so near to zero that its blocks do nothing.
        if "gamma" in variable.path or "layer_scale" in variable.path:
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    x = generator.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    pruning = tfc.pruning.LayerPruning(2, data=x)
    small = np.asarray(pruning.apply(model)(x))
    assert len(pruning.account.applied) == 2
    assert len(pruning.account.importance) == free
    graph = tfc.graph.flatten_models(read(model))
    found = {block.name: block for block in tfc.graph.find_blocks(graph)}
    for name in pruning.account.applied:
        config = {"scale": 0.0, "offset": 0.0}
        zero = tfc.graph.Layer(f"{name}_zero", "Rescaling", config)
        graph = tfc.graph.insert_after(graph, found[name].branch, zero)
    expected = np.asarray(build(graph, keras="keras")(x))
    size = np.abs(expected).max()
    assert np.abs(np.asarray(model(x)) - expected).max() > 1e-3 * size
    np.testing.assert_allclose(small, expected, atol=1e-4 * size)


def test_measured_importance_is_that_of_the_smaller_model():
    keras.utils.clear_session()
    model = block_models.transformer()
    x = np.random.default_rng(0).integers(0, 7, (20, 5)).astype("int32")
    pruning = tfc.pruning.LayerPruning(1, data=x)
    small = pruning.apply(model)
    whole = np.asarray(model(x), np.float64)
    share = np.sum((np.asarray(small(x)) - whole) ** 2) / np.sum(whole**2)
    (removed,) = pruning.account.applied
    assert pruning.account.importance[removed] == pytest.approx(share, rel=1e-3)


def test_blocks_within_models_within_the_model(either_keras):
    layers = either_keras.layers
    inner_input = layers.Input((4,))
    y = layers.Add(name="inner")([inner_input, layers.Dense(4)(inner_input)])
    inner = either_keras.Model(inner_input, y, name="backbone")
    x = layers.Input((4,))
    y = layers.Add(name="outer")([x, layers.Dense(4)(x)])
    model = either_keras.Model(x, layers.Dense(2, name="scores")(inner(y)))
    pruning = tfc.pruning.LayerPruning(2, data=np.ones((4, 4), "float32"))
    small = pruning.apply(model)
    assert set(pruning.account.applied) == {"inner", "outer"}
    assert [layer.name for layer in small.layers][1:] == ["scores"]


def test_a_block_goes_with_the_one_around_it():
    keras.utils.clear_session()
    model = block_models.nested_blocks()
    pruning = tfc.pruning.LayerPruning(2, data=np.ones((4, 4), "float32"))
    small = pruning.apply(model)
    assert "outer" in pruning.account.applied
    assert "outer" not in pruning.account.skipped
    assert len(small.layers) == 3


def test_models_of_several_outputs(samples):
    x = keras.Input((4,))
    y = keras.layers.Add(name="sum")([x, keras.layers.Dense(4)(x)])
    outputs = {"one": keras.layers.Dense(2)(y), "two": keras.layers.Dense(1)(y)}
    model = keras.Model(x, outputs)
    pruning = tfc.pruning.LayerPruning(1, data=samples[0])
    small = pruning.apply(model)
    whole, other = model(samples[0]), small(samples[0])
    shares = [
        np.sum((np.asarray(other[k]) - np.asarray(whole[k])) ** 2)
        / np.sum(np.asarray(whole[k]) ** 2)
        for k in outputs
    ]
    measured = pruning.account.importance["sum"]
    assert measured == pytest.approx(np.mean(shares), rel=1e-3)
    pruning = tfc.pruning.LayerPruning(1, data=samples[0], importance="divergence")
    with pytest.raises(ModelError, match="Received: 2 outputs"):
        tfc.pruning.LayerPruning(1, data=samples[0], importance="divergence").apply(
            model
        )


def test_trained_classifier_and_its_account(trained, digits, either_keras):
    before = [np.asarray(weight) for weight in trained.weights]
    pruning = tfc.pruning.LayerPruning(1, data=digits[1], importance="loss")
    small = pruning.apply(trained)
    train_in_own_keras(either_keras, small, digits[0], epochs=1)
    assert pruning.account.applied == ("add",)
    assert pruning.account.notes["add"].endswith("; it held conv2, norm2")
    assert "removed add: importance" in str(pruning.account)
    for old, new in zip(before, trained.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def test_config_round_trip(samples):
    pruning = tfc.pruning.LayerPruning(0.5, importance="divergence", ignored=["a"])
    config = pruning.get_config()
    again = tfc.pruning.LayerPruning.from_config({**config, "data": samples[0]})
    assert again.get_config() == config
    model, _ = linear_blocks(keras)
    again.apply(model)
    assert len(again.account.applied) == 2


# Bad input.


@pytest.mark.parametrize("blocks", [0, -1, 1.0, 1.5, -0.5, True, "two", None])
def test_blocks_out_of_range(blocks):
    with pytest.raises(ArgumentError, match=r"whole number from 1 up.*blocks="):
        tfc.pruning.LayerPruning(blocks)


def test_more_blocks_than_there_are(samples):
    model, _ = linear_blocks(keras)
    with pytest.raises(ArgumentError, match="has 4 blocks .* Received: blocks=5"):
        tfc.pruning.LayerPruning(5, data=samples[0]).apply(model)


def test_model_that_is_being_pruned(trained, digits):
    wrapped = tfc.pruning.MagnitudePruning(0.5).apply(trained)
    with pytest.raises(ModelError, match="being pruned"):
        tfc.pruning.LayerPruning(1, data=digits[1]).apply(wrapped)


def test_unknown_names(samples):
    model, _ = linear_blocks(keras)
    with pytest.raises(ArgumentError, match="nearest are .*'scores'.*'score'"):
        tfc.pruning.LayerPruning(1, data=samples[0], ignored=["score"]).apply(model)
    with pytest.raises(ArgumentError, match="list of names"):
        tfc.pruning.LayerPruning(1, ignored="a")
    with pytest.raises(ArgumentError, match=r"\['distance', 'divergence', 'loss'\]"):
        tfc.pruning.LayerPruning(1, importance="guess")


def test_data_is_needed_and_labels_for_the_loss(samples):
    model, _ = linear_blocks(keras)
    with pytest.raises(ArgumentError, match="pass it as LayerPruning"):
        tfc.pruning.LayerPruning(1).apply(model)
    with pytest.raises(DataError, match="Labels are needed for importance='loss'"):
        tfc.pruning.LayerPruning(1, data=samples[0], importance="loss").apply(model)
    wrong = (samples[0], np.zeros((300, 2)))
    with pytest.raises(DataError, match="one column for each class"):
        tfc.pruning.LayerPruning(1, data=wrong, importance="loss").apply(model)
    hole = samples[0].copy()
    hole[3, 0] = np.nan
    with pytest.raises(DataError, match="in sample 3"):
        tfc.pruning.LayerPruning(1, data=hole).apply(model)


def test_data_of_another_shape(either_keras):
    model, _ = linear_blocks(either_keras)
    for x in (np.ones((5, 3)), np.ones((5, 4, 2)), [np.ones((5, 4)), np.ones((5, 4))]):
        with pytest.raises(DataError, match=r"shapes \[\(None, 4\)\]. Received: x of"):
            tfc.pruning.LayerPruning(1, data=x).apply(model)


def test_models_without_blocks():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    x = np.ones((2, 4))
    with pytest.raises(ModelError, match="no addition of two tensors"):
        tfc.pruning.LayerPruning(1, data=x).apply(model)
    inputs = keras.Input((4,))
    grown = keras.layers.Dense(4)(inputs)
    y = keras.layers.Concatenate(name="joined")([inputs, grown])
    dense = keras.Model(inputs, keras.layers.Dense(2)(y))
    with pytest.raises(ModelError, match="joined: its branch is concatenated"):
        tfc.pruning.LayerPruning(1, data=x).apply(dense)
    with pytest.raises(ModelError, match="must be a Keras 3 or tf_keras model"):
        tfc.pruning.LayerPruning(1, data=x).apply("model")


def test_a_model_built_like_the_given_one():
    model = build_classifier(keras, name="kept")
    x = np.zeros((2, 8, 8, 1))
    assert tfc.pruning.LayerPruning(1, data=x).apply(model).name == "kept"
