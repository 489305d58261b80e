"""Equalization of Keras models of either Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tests.models import tf_keras_is_slow, train_in_own_keras
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.quantization import equalize, find_equalizable
from tfcompress.quantization.kernel_grid import round_kernel


def build_separable(module, *, relu6=False):
    """Convolutions, depthwise, separable, and a nested model with a residual."""
    layers = module.layers
    inputs = module.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(momentum=0.9, name="norm1")(x)
    x = layers.ReLU(6.0 if relu6 else None, name="relu1")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depth")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm2")(x)
    x = layers.ReLU(name="relu2")(x)
    x = layers.Conv2D(12, 1, name="point")(x)

    inner = module.Input((8, 8, 12))
    y = layers.SeparableConv2D(12, 3, padding="same", activation="relu", name="sep")(
        inner
    )
    y = layers.Conv2D(12, 1, name="back")(y)
    block = module.Model(inner, layers.Add(name="add")([inner, y]), name="block")
    x = layers.MaxPooling2D(name="pool")(layers.ReLU(name="relu3")(block(x)))
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    return module.Model(inputs, layers.Dense(10, name="logits")(layers.Dropout(0.1)(x)))


def unbalance(model, seed=0):
    """Makes channels of a model larger and smaller without changing its outputs."""
    random = np.random.default_rng(seed)
    block = model.get_layer("block")
    norms = [(model.get_layer(f"norm{number}"), number) for number in (1, 2)]
    for norm, number in norms:
        size = 10.0 ** random.uniform(-2, 2, len(norm.get_weights()[0]))
        gamma, beta, *statistics = norm.get_weights()
        norm.set_weights([gamma * size, beta * size, *statistics])
        behind = model.get_layer({1: "depth", 2: "point"}[number])
        kernel, *bias = behind.get_weights()
        axes = (1, -1, 1) if kernel.shape[-2] == len(size) else None
        behind.set_weights([kernel / size.reshape(axes), *bias])
    size = 10.0 ** random.uniform(-2, 2, 12)
    depthwise, pointwise, bias = block.get_layer("sep").get_weights()
    sep = [depthwise, pointwise * size, bias * size]
    block.get_layer("sep").set_weights(sep)
    kernel, bias = block.get_layer("back").get_weights()
    block.get_layer("back").set_weights([kernel / size[:, np.newaxis], bias])


def round_per_tensor(model, bits):
    """Returns a model whose kernels are rounded with one scale for each."""
    graph = tfc.graph.fold_batch_normalization(
        tfc.graph.split_separable_convolutions(tfc.keras_compat.read_flat(model))
    )
    rounded = [
        layer.with_weights({"kernel": round_kernel(layer.weight("kernel"), bits, ())})
        for layer in graph.layers.values()
        if any(weight.path == "kernel" for weight in layer.weights)
    ]
    graph = tfc.graph.rewiring.with_layers(graph, rounded)
    return tfc.keras_compat.build(graph, keras=tfc.keras_compat.origin_of(model))


def accuracy(model, x, y):
    return float((model.predict(x, verbose=0).argmax(axis=-1) == y).mean())


def check_same(before, after, x):
    first, second = before.predict(x, verbose=0), after.predict(x, verbose=0)
    np.testing.assert_allclose(second, first, rtol=0, atol=1e-5 * abs(first).max())


@pytest.fixture(scope="module")
def unbalanced(either_keras, digits):
    """A trained model whose channels differ much in size."""
    either_keras.utils.set_random_seed(2)
    model = build_separable(either_keras)
    train_in_own_keras(either_keras, model, digits[0], epochs=8)
    unbalance(model)
    return model


@tf_keras_is_slow
def test_equalization_restores_accuracy_with_a_scale_per_tensor(
    unbalanced, either_keras, digits
):
    x, y = digits[1]
    before = [np.array(value) for value in unbalanced.get_weights()]
    equalized = equalize(unbalanced)
    assert isinstance(equalized, either_keras.Model)
    check_same(unbalanced, equalized, x)
    for old, new in zip(before, unbalanced.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

    full = accuracy(unbalanced, x, y)
    assert full > 0.85
    assert accuracy(round_per_tensor(unbalanced, 8), x, y) < full - 0.2
    assert accuracy(round_per_tensor(equalized, 8), x, y) > full - 0.03


def test_names_and_account(unbalanced):
    equalized = equalize(unbalanced)
    names = [layer.name for layer in equalized.layers]
    assert names == [
        *("image", "stem", "relu1", "depth", "relu2", "point"),
        *("sep_depthwise", "sep", "back", "add", "relu3", "pool", "flatten"),
        *("hidden", next(name for name in names if "dropout" in name), "logits"),
    ]
    account = find_equalizable(unbalanced)
    assert account.applied == ("stem", "depth", "sep_depthwise", "sep", "hidden")
    assert account.notes["depth"] == "equalized with 'point'"
    assert set(account.skipped) == {"point", "back", "logits"}
    assert "several ways" in account.skipped["point"]
    assert "left logits: its channels are returned by the model" in str(account)


def test_relu6_on_request(either_keras, digits):
    model = build_separable(either_keras, relu6=True)
    assert "ReLU 'relu1'" in find_equalizable(model).skipped["stem"]
    assert "stem" in find_equalizable(model, relu6_to_relu=True).applied
    x = digits[1][0][:8]
    check_same(model, equalize(model), x)
    unbounded = equalize(model, relu6_to_relu=True)
    check_same(model, unbounded, x)  # Fresh weights: nothing is above 6.
    assert unbounded.get_layer("relu1").max_value is None


@pytest.mark.parametrize("form", ["array", "labelled", "dataset"])
def test_absorbing_biases_makes_ranges_smaller(unbalanced, digits, form):
    x, y = digits[0][0][:64], digits[0][1][:64]
    data = {
        "array": x,
        "labelled": (x, y),
        "dataset": tf.data.Dataset.from_tensor_slices((x, y)).batch(16),
    }[form]
    model = tfc.keras_compat.build(
        tfc.keras_compat.read(unbalanced),
        keras=tfc.keras_compat.origin_of(unbalanced),
    )
    kernel, bias = model.get_layer("block").get_layer("back").get_weights()
    first, second, sep_bias = model.get_layer("block").get_layer("sep").get_weights()
    raised = np.linspace(0, 50, 12, dtype=np.float32) * abs(second).max(axis=(0, 1, 2))
    model.get_layer("block").get_layer("sep").set_weights(
        [first, second, sep_bias + raised]
    )
    model.get_layer("block").get_layer("back").set_weights(
        [kernel, bias - raised @ kernel[0, 0]]
    )
    plain, absorbed = equalize(model), equalize(model, data=data)
    first, second = model.predict(x, verbose=0), absorbed.predict(x, verbose=0)
    np.testing.assert_allclose(second, first, rtol=0, atol=1e-4 * abs(first).max())
    ranges = [
        tfc.keras_compat.tap(m, ["sep"])(x)[1][0].numpy().max()
        for m in (plain, absorbed)
    ]
    assert ranges[1] < 0.9 * ranges[0]


def test_flags_stay(either_keras):
    model = build_separable(either_keras)
    model.get_layer("stem").trainable = False
    equalized = equalize(model)
    assert not equalized.get_layer("stem").trainable
    assert equalized.get_layer("point").trainable


def test_model_without_pairs(either_keras):
    layers = either_keras.layers
    model = either_keras.Sequential(
        [layers.Input((6,)), layers.Embedding(9, 4), layers.LSTM(3), layers.Dense(2)]
    )
    x = np.arange(12).reshape(2, 6) % 9
    check_same(model, equalize(model), x)
    assert find_equalizable(model).applied == ()


def test_several_inputs_in_a_dict(either_keras):
    layers = either_keras.layers
    inputs = {name: either_keras.Input((3,), name=name) for name in ("b", "a")}
    parts = [layers.Dense(4, activation="relu")(inputs[name]) for name in ("a", "b")]
    hidden = layers.Dense(4, activation="relu", name="one")(layers.Add()(parts))
    model = either_keras.Model(inputs, layers.Dense(2, name="two")(hidden))
    random = np.random.default_rng(0)
    x = {name: random.normal(size=(5, 3)).astype(np.float32) for name in "ab"}
    check_same(model, equalize(model, data=x), x)
    assert find_equalizable(model).applied == ("one",)


def test_bad_input(digits):
    model = build_separable(keras)
    x = digits[0][0][:8]
    bad = x.copy()
    bad[3, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="finite numbers"):
        equalize(model, data=bad)
    with pytest.raises(DataError, match="must fit the inputs"):
        equalize(model, data=x[:, :4])
    with pytest.raises(DataError, match="empty"):
        equalize(model, data=x[:0])
    with pytest.raises(ArgumentError, match="samples=0"):
        equalize(model, data=x, samples=0)
    with pytest.raises(ModelError, match="Keras 3 or tf_keras model"):
        equalize("model")
    aware = tfc.quantization.QuantizationAwareTraining().apply(model)
    with pytest.raises(ModelError, match="quantization-aware already"):
        equalize(aware)
    with pytest.raises(ModelError, match="still being pruned"):
        find_equalizable(tfc.pruning.MagnitudePruning(0.5).apply(model))
