"""What is pruned in which model, by name, size, scope and structure."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfcompress as tfc
from tests.keras_compat import models
from tests.keras_compat.comparison import largest_difference, sample_inputs
from tests.models import tf_keras_is_slow
from tfcompress.errors import ArgumentError, ModelError, UnsupportedLayerError
from tfcompress.keras_compat.tfmot_layers import pruned_layers
from tfcompress.schedules import Constant

MODULES = {"keras": keras, "tf_keras": tf_keras}


def prune(pruning, model, steps=2):
    """Applies a pruning, takes a few steps, and returns what they made of the model."""
    pruned = pruning.apply(model)
    optimizer = tf_keras.optimizers.SGD(0.05, momentum=0.9)
    inputs = sample_inputs(pruned)
    (callback,) = pruning.callbacks()
    callback.set_params({"epochs": 1, "steps": steps})
    callback.set_model(pruned)
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    for step in range(steps):
        callback.on_train_batch_begin(step)
        with tf.GradientTape() as tape:
            outputs = tf.nest.flatten(pruned(inputs, training=True))
            loss = tf.add_n([tf.reduce_mean((o - 1.0) ** 2) for o in outputs])
        gradients = tape.gradient(loss, pruned.trainable_variables)
        optimizer.apply_gradients(
            (g, v)
            for g, v in zip(gradients, pruned.trainable_variables, strict=True)
            if g is not None
        )
        callback.on_train_batch_end(step)
    callback.on_epoch_end(0)
    callback.on_train_end()
    return pruned


def zeros_of(pruned):
    """The masked weights of each layer: zeros, and how many weights there are."""
    found = {}
    for layer in pruned_layers(pruned):
        for weight in layer.masked_weights:
            value = weight.weight.variable.numpy()
            name = f"{layer.name}/{weight.weight.name}"
            found.setdefault(name, []).append((int((value == 0).sum()), value.size))
    return found


def dense(module, *widths, inputs=8):
    """Dense layers, called dense0, dense1 and so on."""
    stack = [module.Input((inputs,))]
    stack += [module.layers.Dense(n, name=f"dense{i}") for i, n in enumerate(widths)]
    return module.Sequential(stack)


# Every kind of layer.

PRUNED = {
    models.sequential: {
        "conv2d/kernel": 1,
        "separable_conv2d/pointwise_kernel": 1,
        "dense/kernel": 1,
    },
    models.convolutions: {"conv2d/kernel": 1, "conv2d_transpose/kernel": 1},
    models.convolutions_1d: {
        "conv1d/kernel": 1,
        "separable_conv1d/pointwise_kernel": 1,
        "conv1d_transpose/kernel": 1,
    },
    models.convolutions_3d: {"conv3d/kernel": 1, "conv3d_transpose/kernel": 1},
    models.recurrent: {
        "lstm/kernel": 1,
        "lstm/recurrent_kernel": 1,
        "bidirectional/kernel": 2,
        "bidirectional/recurrent_kernel": 2,
        "time_distributed/kernel": 1,
        "rnn/kernel": 2,
        "rnn/recurrent_kernel": 2,
        "simple_rnn/kernel": 1,
        "simple_rnn/recurrent_kernel": 1,
    },
    models.convolutional_recurrent: {
        "conv_lstm2d/kernel": 1,
        "conv_lstm2d/recurrent_kernel": 1,
    },
    models.encoder_decoder: {
        "lstm/kernel": 1,
        "lstm/recurrent_kernel": 1,
        "lstm_1/kernel": 1,
        "lstm_1/recurrent_kernel": 1,
        "dense/kernel": 1,
    },
    models.masked: {
        "embedding/embeddings": 1,
        "bidirectional/kernel": 2,
        "bidirectional/recurrent_kernel": 2,
        "gru/kernel": 1,
        "gru/recurrent_kernel": 1,
    },
    models.transformer: {
        "embedding/embeddings": 1,
        "multi_head_attention/kernel": 4,
        "multi_head_attention_1/kernel": 4,
        "einsum_dense/kernel": 1,
    },
    models.structured: {"shared/kernel": 1},
    models.adapted: {"dense/kernel": 1},
    models.bidirectional_states: {
        "bidirectional/kernel": 2,
        "bidirectional/recurrent_kernel": 2,
    },
    models.any_size: {"conv2d/kernel": 1},
}
QUICK = {models.convolutions, models.bidirectional_states, models.any_size}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            make,
            marks=() if make in QUICK else pytest.mark.slow,
            id=make.__name__,
        )
        for make in PRUNED
    ],
)
def test_every_kind_of_kernel(make, tmp_path):
    keras.backend.clear_session()
    model = make(keras)
    pruning = tfc.pruning.MagnitudePruning(0.5)
    assert largest_difference(model, pruning.apply(model)) < 1e-5
    pruned = prune(pruning, model)
    found = zeros_of(pruned)
    assert {name: len(counts) for name, counts in found.items()} == PRUNED[make]
    for counts in found.values():
        for zeros, size in counts:
            assert abs(zeros - size / 2) <= 1
    final = pruning.finalize(pruned)
    assert isinstance(final, keras.Model)
    assert largest_difference(pruned, final) < 1e-5
    pruned.save(tmp_path / "pruned.keras")
    loaded = tf_keras.models.load_model(tmp_path / "pruned.keras")
    assert largest_difference(pruned, loaded) < 1e-5
    assert largest_difference(final, pruning.finalize(loaded)) < 1e-5


WITHOUT_KERNELS = (
    "attention",
    "deep_structure",
    "encoded",
    "nested",
    "preprocessing",
    "regularizing",
)


@pytest.mark.slow
@pytest.mark.parametrize("make", models.IN_BOTH, ids=lambda make: make.__name__)
def test_every_small_model_of_tf_keras(make):
    model = make(tf_keras)
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    if make.__name__ in WITHOUT_KERNELS:
        with pytest.raises(ModelError, match="No layer of the model can be pruned"):
            pruning.apply(model)
        return
    pruned = prune(pruning, model)
    for counts in zeros_of(pruned).values():
        for zeros, size in counts:
            assert abs(zeros - size / 2) <= 1
    assert largest_difference(pruned, pruning.finalize(pruned)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0"])
def test_applications_that_tfmot_refuses(name):
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(64, 64, 3), classes=10)
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.6), ignored=[0, -1])
    pruned = prune(pruning, model, steps=1)
    for counts in zeros_of(pruned).values():
        for zeros, size in counts:
            assert abs(zeros - 0.6 * size) <= 1
    kinds = {type(layer.layer).__name__ for layer in pruned_layers(pruned)}
    assert kinds == {"Conv2D"}
    reasons = " ".join(pruning.account.skipped.values())
    assert "ignored by choice" in reasons
    assert "a depthwise kernel is pruned only where" in reasons
    assert largest_difference(pruned, pruning.finalize(pruned)) < 1e-4


def test_what_tfmot_refuses(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((8, 8, 3))
    x = layers.RandomFlip()(layers.Rescaling(1 / 255)(inputs))
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
    x = layers.PReLU(name="prelu")(layers.Conv2D(4, 3, name="conv")(x))
    if either_keras is keras:
        x = keras.ops.relu6(x + 3.0) * x
    else:
        x = tf.nn.relu6(x + 3.0) * x
    inner = either_keras.Input((6, 6, 4))
    block = either_keras.Model(
        inner, layers.Conv2D(4, 1, name="inside")(inner), name="block"
    )
    x = layers.GlobalAveragePooling2D()(block(block(x)))
    model = either_keras.Model(inputs, layers.Dense(2, name="dense")(x))
    pruning = tfc.pruning.MagnitudePruning(0.75)
    pruned = prune(pruning, model)
    assert zeros_of(pruned) == {
        "conv/kernel": [(81, 108)],
        "inside/kernel": [(12, 16)],
        "dense/kernel": [(6, 8)],
    }
    assert pruning.account.applied == ("conv", "inside", "dense")
    assert "PReLU" in pruning.account.skipped["prelu"]
    assert largest_difference(pruned, pruning.finalize(pruned)) < 1e-5


def test_subclass_of_a_stock_layer_and_a_layer_of_layers():
    class Scaled(tf_keras.layers.Dense):
        def call(self, inputs):
            return 2.0 * super().call(inputs)

    class Pair(tf_keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = tf_keras.layers.Dense(6)
            self.second = Scaled(4)

        def call(self, inputs):
            return self.second(self.first(inputs))

    class Named(tf_keras.layers.Layer):
        def build(self, shape):
            self.table = self.add_weight("table", (shape[-1], 10))

        def get_prunable_weights(self):
            return [self.table]

        def call(self, inputs):
            return tf.matmul(inputs, self.table)

    inputs = tf_keras.Input((8,))
    x = Named(name="named")(Pair(name="pair")(Scaled(8, name="scaled")(inputs)))
    model = tf_keras.Model(inputs, x)
    pruning = tfc.pruning.MagnitudePruning(0.5)
    pruned = prune(pruning, model)
    assert zeros_of(pruned) == {
        "scaled/kernel": [(32, 64)],
        "pair/kernel": [(24, 48), (12, 24)],
        "named/table": [(20, 40)],
    }
    assert largest_difference(pruned, pruning.finalize(pruned)) < 1e-5


def test_code_of_a_lambda_is_pruned_where_it_is_trusted():
    code = keras.layers.Lambda(lambda x: 2 * x, name="code")
    last = keras.layers.Dense(2, name="last")
    model = keras.Sequential([keras.Input((4,)), code, last])
    pruning = tfc.pruning.MagnitudePruning(0.5)
    with pytest.raises(
        UnsupportedLayerError, match=r"to_tf_keras\(model, trusted=True\)"
    ):
        pruning.apply(model)
    twin = tfc.keras_compat.to_tf_keras(model, trusted=True)
    final = pruning.finalize(prune(pruning, twin))
    assert isinstance(final, keras.Model)
    kernel = np.asarray(final.get_layer("last").kernel)
    assert (kernel == 0).sum() == 4
    x = np.ones((3, 4), np.float32)
    bias = np.asarray(final.get_layer("last").bias)
    np.testing.assert_allclose(np.asarray(final(x)), 2 * x @ kernel + bias, atol=1e-5)


def test_double_precision():
    inputs = keras.Input((6,), dtype="float64")
    outputs = keras.layers.Dense(4, dtype="float64", name="dense")(inputs)
    pruning = tfc.pruning.MagnitudePruning(0.5)
    pruned = prune(pruning, keras.Model(inputs, outputs))
    assert zeros_of(pruned) == {"dense/kernel": [(12, 24)]}
    assert pruning.finalize(pruned).get_layer("dense").kernel.dtype == "float64"


def test_wrapper_has_the_name_of_its_layer(trained):
    pruned = tfc.pruning.MagnitudePruning(0.5).apply(trained)
    assert [layer.name for layer in pruned.layers] == [
        layer.name for layer in trained.layers
    ]


def test_regularization_is_that_of_the_model():
    model = models.initialized(keras)
    pruned = tfc.pruning.MagnitudePruning(0.5).apply(model)
    x = sample_inputs(model)
    model(x), pruned(x)
    losses = [sum(float(loss) for loss in m.losses) for m in (model, pruned)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


# Which layers.


def test_names_patterns_and_none():
    pruning = tfc.pruning.MagnitudePruning(
        0.5, layers={"dense1": 0.25, "dense[12]": 0.75, "dense3": None}
    )
    pruned = prune(pruning, dense(keras, 8, 8, 8, 8, 8))
    shares = {name: counts[0][0] / 64 for name, counts in zeros_of(pruned).items()}
    assert shares == {
        "dense0/kernel": 0.5,
        "dense1/kernel": 0.25,
        "dense2/kernel": 0.75,
        "dense4/kernel": 0.5,
    }
    assert pruning.account.skipped == {"dense3": "left out by `layers`"}


@pytest.mark.parametrize(
    ("ignored", "applied"),
    [
        ([0, -1], ["dense1", "dense2"]),
        (["dense[01]"], ["dense2", "dense3"]),
        (["dense2", 0], ["dense1", "dense3"]),
        ("dense3", ["dense0", "dense1", "dense2"]),
        (0, ["dense1", "dense2", "dense3"]),
        (np.int64(-1), ["dense0", "dense1", "dense2"]),
    ],
)
def test_ignored(ignored, applied):
    pruning = tfc.pruning.MagnitudePruning(0.5, ignored=ignored)
    pruning.apply(dense(keras, 4, 4, 4, 4))
    assert list(pruning.account.applied) == applied
    assert set(pruning.account.skipped.values()) == {"ignored by choice"}


def test_minimum_size_is_of_kernels():
    model = models.encoder_decoder(keras)  # Of 3·16, 4·16 and 4·2 weights.
    pruning = tfc.pruning.MagnitudePruning(0.5, minimum_size=64)
    pruned = prune(pruning, model)
    assert [name.split("/")[1] for name in zeros_of(pruned)] == ["recurrent_kernel"] * 2
    reasons = pruning.account.skipped
    assert [key.rpartition("/")[2] for key in reasons][:1] == ["kernel"]
    assert all("minimum_size=64" in reason for reason in reasons.values())


def test_minimum_size_leaves_a_layer_that_is_named():
    pruning = tfc.pruning.MagnitudePruning(
        0.5, minimum_size=100, layers={"dense1": 0.25, "dense[23]": 0.5}
    )
    pruning.apply(dense(keras, 16, 4, 4, 4))
    assert pruning.account.applied == ("dense0", "dense1")


def test_mixed_precision_is_noted(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((6,))
    x = layers.Dense(4, dtype="mixed_bfloat16", name="half")(inputs)
    model = either_keras.Model(inputs, layers.Dense(2, name="whole")(x))
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    final = pruning.finalize(pruning.apply(model))
    assert list(pruning.account.notes) == ["half"]
    assert "bfloat16" in pruning.account.notes["half"]
    assert final.get_layer("half").compute_dtype == "float32"


@pytest.mark.parametrize("name", ["DepthwiseConv1D", "DepthwiseConv2D"])
def test_depthwise_kernels_are_pruned_by_choice(name):
    rank = int(name[-2])
    model = keras.Sequential(
        [
            keras.Input((8,) * rank + (4,)),
            getattr(keras.layers, name)(3, name="depthwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    pruning = tfc.pruning.MagnitudePruning(0.5)
    pruning.apply(model)
    assert pruning.account.applied == ("dense",)
    assert "depthwise kernel" in pruning.account.skipped["depthwise"]
    pruning = tfc.pruning.MagnitudePruning(0.5, layers={"depth*": 0.25})
    zeros, size = zeros_of(prune(pruning, model))["depthwise/depthwise_kernel"][0]
    assert zeros == size / 4


def convolutional(module):
    layers = module.layers
    inputs = module.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="spatial")(inputs)
    x = layers.Conv2D(8, 1, name="pointwise")(x)
    x = layers.Dense(2, name="dense")(layers.GlobalAveragePooling2D()(x))
    return module.Model(inputs, x)


def test_policy_of_xnnpack(either_keras):
    tfmot = tfc.keras_compat.tfmot()
    policies = ["xnnpack", tfmot.sparsity.keras.PruneForLatencyOnXNNPack()]
    for policy in policies:
        pruning = tfc.pruning.MagnitudePruning(0.5, policy=policy)
        pruning.apply(convolutional(either_keras))
        assert pruning.account.applied == ("pointwise",)
        assert set(pruning.account.skipped) == {"spatial", "dense"}
        assert "XNNPack" in pruning.account.skipped["dense"]


def test_policy_of_ones_own():
    def policy(layer):
        return None if layer.count_params() > 50 else "too small"

    pruning = tfc.pruning.MagnitudePruning(0.5, policy=policy)
    pruning.apply(convolutional(keras))
    assert pruning.account.skipped == {"dense": "too small"}
    with pytest.raises(ArgumentError, match="cannot be written out"):
        pruning.get_config()


# Scope.


def test_global_sparsity_is_that_of_all_kernels_together():
    model = dense(keras, 16, 16, 16, inputs=16)
    for number, layer in enumerate(model.layers):
        layer.kernel.assign(layer.kernel * (number + 1))
    kernels = [np.asarray(layer.kernel) for layer in model.layers]
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5), scope="global")
    pruned = pruning.apply(model)
    pruned.compile("sgd", "mse")
    pruned.optimizer.learning_rate = 0.0
    x = np.ones((4, 16), np.float32)
    pruned.fit(x, x, verbose=0, callbacks=pruning.callbacks())
    final = pruning.finalize(pruned)
    sizes = np.sort(np.abs(np.concatenate([k.ravel() for k in kernels])))
    zeros = round(0.5 * sizes.size)
    for kernel, layer in zip(kernels, final.layers, strict=True):
        after = np.asarray(layer.kernel)
        np.testing.assert_array_equal(after != 0, np.abs(kernel) >= sizes[zeros])
    counts = [int((np.asarray(layer.kernel) == 0).sum()) for layer in final.layers]
    assert sum(counts) == zeros
    assert counts[0] > counts[1] > counts[2]


def test_global_scope_leaves_layers_with_a_sparsity_of_their_own():
    pruning = tfc.pruning.MagnitudePruning(
        0.5, scope="global", layers={"dense0": 0.25}, ignored=["dense3"]
    )
    pruned = prune(pruning, dense(keras, 8, 8, 8, 8))
    counts = {name: found[0][0] for name, found in zeros_of(pruned).items()}
    assert counts["dense0/kernel"] == 16
    assert counts["dense1/kernel"] + counts["dense2/kernel"] == 64


# Structure.


def test_blocks_of_dense_and_of_1x1_convolutions(either_keras):
    pruning = tfc.pruning.MagnitudePruning(0.5, structure=(4, 1))
    pruned = prune(pruning, convolutional(either_keras))
    final = pruning.finalize(pruned)
    assert pruning.account.applied == ("pointwise", "dense")
    assert "no blocks" in pruning.account.skipped["spatial"]
    for name, outputs in (("pointwise", 8), ("dense", 2)):
        kernel = np.asarray(final.get_layer(name).kernel).reshape(8, outputs)
        blocks = (kernel == 0).reshape(2, 4, outputs).sum(axis=1)
        assert set(blocks.ravel()) == {0, 4}
        assert (kernel == 0).sum() == 4 * outputs


def is_two_of_four(rows):
    """Whether every four that follow one another in a row hold two zeros."""
    return bool(((rows.reshape(-1, 4) == 0).sum(axis=1) == 2).all())


@tf_keras_is_slow
def test_two_of_four_along_the_input_channels(either_keras, tmp_path):
    layers = either_keras.layers
    inputs = either_keras.Input((6, 6, 8))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.Conv2DTranspose(6, 2, name="transposed")(x)
    x = layers.Conv2D(3, 1, name="odd")(x)
    x = layers.Reshape((-1, 3))(x)
    x = layers.Conv1D(4, 2, name="conv1d")(layers.Conv1D(8, 1, name="odd1")(x))
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.GRU(8, name="gru")(x)
    model = either_keras.Model(inputs, layers.Dense(5, name="dense")(x))
    pruning = tfc.pruning.MagnitudePruning(structure="2:4")
    pruned = prune(pruning, model, steps=4)
    pruned.save(tmp_path / "pruned.keras")
    loaded = tf_keras.models.load_model(tmp_path / "pruned.keras")
    cloned = tf_keras.models.clone_model(loaded)
    cloned.set_weights(loaded.get_weights())
    cloned = tfc.keras_compat.adopt(cloned, origin=loaded.origin)
    for source in (pruned, loaded, cloned):
        final = pruning.finalize(source)
        weights = {
            layer.name: [np.asarray(value) for value in layer.get_weights()]
            for layer in final.layers
        }
        assert is_two_of_four(weights["conv"][0].transpose(3, 0, 1, 2))
        assert is_two_of_four(weights["transposed"][0])  # Inputs are the last axis.
        assert is_two_of_four(weights["conv1d"][0].transpose(0, 2, 1))
        assert is_two_of_four(weights["attention"][0].reshape(4, -1).T)
        assert is_two_of_four(weights["attention"][-2].reshape(8, 4).T)
        assert is_two_of_four(weights["gru"][0].T)
        assert is_two_of_four(weights["gru"][1].T)
        assert is_two_of_four(weights["dense"][0].T)
    assert pruning.account.skipped == {
        "odd": "6 input channels are not a multiple of 4",
        "odd1": "3 input channels are not a multiple of 4",
    }


# Bad input.


@pytest.mark.parametrize(
    "structure", ["4:2", "2:2", "0:4", "2-4", (4,), (0, 1), (4, 1.0), 4, (4, 1, 1)]
)
def test_structure_that_is_none(structure):
    with pytest.raises(ArgumentError, match="Received: structure="):
        tfc.pruning.MagnitudePruning(structure=structure)


@pytest.mark.parametrize(
    "arguments",
    [
        {"scope": "layer"},
        {"policy": "arm"},
        {"minimum_size": -1},
        {"minimum_size": 0.5},
        {"ignored": [0.5]},
        {"ignored": 0.5},
        {"layers": ["a"]},
        {"layers": {"a": 1.0}},
        {"layers": {0: 0.5}},
        {"layers": {"a": "half"}},
        {"schedule": 0.5},
        {"schedule": Constant(1.0)},
        {"schedule": tfc.schedules.OfStep(lambda step: 0.5)},
        {"structure": "2:4", "layers": {"a": 0.25}},
        {"structure": (True, 4)},
    ],
)
def test_arguments_out_of_range(arguments):
    with pytest.raises(ArgumentError, match="Received: "):
        tfc.pruning.MagnitudePruning(**arguments)


@pytest.mark.parametrize("key", ["dense9", "conv*"])
def test_layers_that_match_nothing(key):
    pruning = tfc.pruning.MagnitudePruning(0.5, layers={key: 0.5})
    with pytest.raises(ArgumentError, match=r"nearest are \['dense"):
        pruning.apply(dense(keras, 4, 4))


def test_a_layer_that_cannot_be_pruned(trained):
    pruning = tfc.pruning.MagnitudePruning(0.5, layers={"norm1": 0.5})
    with pytest.raises(ArgumentError, match="BatchNormalization has no kernel"):
        pruning.apply(trained)


@pytest.mark.parametrize("position", [3, -4])
def test_position_that_is_none(trained, position):
    pruning = tfc.pruning.MagnitudePruning(0.5, ignored=[position])
    with pytest.raises(ArgumentError, match="3 prunable layers"):
        pruning.apply(trained)


def test_n_of_m_of_a_named_layer_that_does_not_divide():
    model = dense(keras, 6, 4)
    pruning = tfc.pruning.MagnitudePruning(structure="2:4", layers={"dense1": 0.5})
    with pytest.raises(ArgumentError, match="6 input channels are not a multiple of 4"):
        pruning.apply(model)


def test_a_wrapped_model(trained):
    pruning = tfc.pruning.MagnitudePruning(0.5)
    with pytest.raises(ModelError, match="being pruned already"):
        pruning.apply(pruning.apply(trained))
    aware = tfc.quantization.QuantizationAwareTraining().apply(trained)
    with pytest.raises(ModelError, match="quantization-aware"):
        pruning.apply(aware)


def test_config_of_numpy_numbers_is_plain_data():
    one = np.int64(1)
    pruning = tfc.pruning.MagnitudePruning(
        np.float32(0.5),
        structure=(np.int64(4), one),
        layers={"a": np.float64(0.25), "b": None},
        ignored=[np.int32(0), "c"],
        minimum_size=np.int64(9),
    )
    config = json.loads(json.dumps(pruning.get_config()))
    assert config == {
        "sparsity": 0.5,
        "scope": "local",
        "structure": [4, 1],
        "schedule": None,
        "layers": {"a": 0.25, "b": None},
        "ignored": [0, "c"],
        "minimum_size": 9,
        "policy": None,
    }
    assert pruning.structure == (4, 1)


def test_config_round_trip_of_all_arguments():
    pruning = tfc.pruning.MagnitudePruning(
        schedule=tfc.schedules.Gradual(0.0, 0.6, moves=3),
        scope="global",
        structure=(4, 1),
        layers={"dense*": 0.2, "conv": None},
        ignored=["logits", 0],
        minimum_size=10,
        policy="xnnpack",
    )
    again = tfc.pruning.MagnitudePruning.from_config(pruning.get_config())
    assert again.get_config() == pruning.get_config()
    assert again.structure == (4, 1)
    assert again.sparsity == 0.6
