"""Kernels of few values: which, how they train, and what is left of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfcompress as tfc
from tests.keras_compat import models
from tests.keras_compat.comparison import largest_difference, sample_inputs
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat.prunable_weights import prunable_weights
from tfcompress.keras_compat.tfmot_layers import clustered_layers

MODULES = {"keras": keras, "tf_keras": tf_keras}


def dense(module, *widths, inputs=8):
    """Dense layers, called dense0, dense1 and so on."""
    stack = [module.Input((inputs,))]
    stack += [module.layers.Dense(n, name=f"dense{i}") for i, n in enumerate(widths)]
    return module.Sequential(stack)


def one_kernel(module, weights):
    """A Dense layer of one output with these weights and no bias."""
    weights = np.asarray(weights, np.float32)
    layer = module.layers.Dense(1, use_bias=False, name="only")
    model = module.Sequential([module.Input(weights.shape), layer])
    layer.set_weights([weights[:, None]])
    return model


def step(model, inputs, rate):
    """One step of gradient descent on the sum of the outputs."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.asarray([inputs], np.float32), training=True))
    variables = model.trainable_variables
    optimizer = tf_keras.optimizers.SGD(rate)
    optimizer.apply_gradients(
        zip(tape.gradient(loss, variables), variables, strict=True)
    )


def kernel_of(model, name="only"):
    return np.asarray(model.get_layer(name).get_weights()[0]).ravel()


# The numbers, worked out by hand.


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_values_are_the_means_of_their_weights(module):
    model = one_kernel(module, [0.9, 1.1, 1.0, 1.0, 3.0, 3.2, 2.9, 2.9])
    clustering = tfc.sharing.WeightClustering(2)
    final = clustering.finalize(clustering.apply(model))
    assert isinstance(final, module.Sequential)
    np.testing.assert_allclose(kernel_of(final), [1] * 4 + [3] * 4, rtol=1e-6)
    assert kernel_of(model)[0] == np.float32(0.9)


def test_each_value_moves_by_the_mean_gradient_of_its_weights():
    model = one_kernel(keras, [0.9, 1.1, 1.0, 1.0, 3.0, 3.2, 2.9, 2.9])
    clustering = tfc.sharing.WeightClustering(2)
    clustered = clustering.apply(model)
    # The gradient of a weight is its input: their means are 2.5 and 6.5.
    step(clustered, [1, 2, 3, 4, 5, 6, 7, 8], rate=0.1)
    found = kernel_of(clustering.finalize(clustered))
    np.testing.assert_allclose(found, [0.75] * 4 + [2.35] * 4, rtol=1e-6)


def test_weight_passes_to_another_value():
    model = one_kernel(keras, [1.0, 1.0, 1.0, 1.8, 3.0, 3.0, 3.0, 3.0])
    clustering = tfc.sharing.WeightClustering(2)
    clustered = clustering.apply(model)
    # Values 1.2 and 3. The gradient of -8 is that of one weight of four: 1.2 goes up
    # by 0.2 to 1.4. The weight behind goes from 1.8 to 2.6, above the middle, 2.2.
    step(clustered, [0, 0, 0, -8, 0, 0, 0, 0], rate=0.1)
    found = kernel_of(clustering.finalize(clustered))
    np.testing.assert_allclose(found, [1.4] * 3 + [3.0] * 5, rtol=1e-6)


def test_zeros_stay_and_do_not_count_in_the_means():
    weights = [0, 0.9, 1.1, 0, 1.0, 1.0, 0, 3.0, 3.2, 2.9, 2.9, 0]
    model = one_kernel(keras, weights)
    clustering = tfc.sharing.WeightClustering(3)
    clustered = clustering.apply(model)
    assert "zero among them" in clustering.account.notes["only"]
    step(clustered, [9, 1, 2, 9, 3, 4, 9, 5, 6, 7, 8, 9], rate=0.1)
    found = kernel_of(clustering.finalize(clustered))
    places = np.array(weights) != 0
    assert np.all(found[~places] == 0)
    np.testing.assert_allclose(found[places], [0.75] * 4 + [2.35] * 4, rtol=1e-6)


def test_zeros_are_weights_like_others_where_they_are_not_kept():
    model = one_kernel(keras, [0, 0.2, 0, 0.2, 3, 3, 3, 3])
    clustering = tfc.sharing.WeightClustering(2, preserve=())
    final = clustering.finalize(clustering.apply(model))
    np.testing.assert_allclose(kernel_of(final), [0.1] * 4 + [3] * 4, rtol=1e-6)


# Every kind of layer.

KINDS = {
    models.sequential: ["conv2d", "separable_conv2d", "dense"],
    models.convolutions: ["conv2d", "conv2d_transpose"],
    models.convolutions_1d: ["conv1d", "separable_conv1d", "conv1d_transpose"],
    models.convolutions_3d: ["conv3d", "conv3d_transpose"],
    models.recurrent: [
        *("lstm", "bidirectional", "time_distributed", "rnn", "simple_rnn"),
    ],
    models.transformer: [
        *("embedding", "multi_head_attention", "multi_head_attention_1"),
        "einsum_dense",
    ],
    models.masked: ["embedding", "bidirectional", "gru"],
    models.encoder_decoder: ["lstm", "lstm_1", "dense"],
    models.convolutional_recurrent: ["conv_lstm2d"],
}


def distinct(model):
    """How many values each kernel of 8 weights or more has, by layer."""
    twin = tfc.keras_compat.to_tf_keras(model)
    return {
        layer.name: [
            np.unique(weight.variable).size
            for weight in prunable_weights(layer)
            if weight.size >= 8
        ]
        for layer in twin._flatten_layers(include_self=False)
    }


def check(home, make):
    MODULES[home].backend.clear_session()  # Names are numbered from the start.
    model = make(MODULES[home])
    for layer in model._flatten_layers():
        layer.trainable = True
    clustering = tfc.sharing.WeightClustering(2)
    clustered = clustering.apply(model)
    optimizer = tf_keras.optimizers.SGD(0.05)
    inputs = sample_inputs(clustered)
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(clustered(inputs, training=True))
        loss = tf.add_n([tf.reduce_mean((o - 1.0) ** 2) for o in outputs])
    variables = clustered.trainable_variables
    centroids = [v for v in variables if "centroids" in v.name]
    gradients = tape.gradient(loss, variables)
    pairs = [
        pair for pair in zip(gradients, variables, strict=True) if pair[0] is not None
    ]
    assert {id(v) for v in centroids} <= {id(variable) for _, variable in pairs}
    optimizer.apply_gradients(pairs)
    final = clustering.finalize(clustered)
    assert type(final).__module__.startswith(f"{home}.")
    assert largest_difference(clustered, final) < 1e-5
    found = distinct(final)
    for layer in clustered_layers(clustered):
        assert set(found[layer.name]) <= {1, 2}
    return clustering


BOTH_WAYS = [
    pytest.param(
        home,
        make,
        id=f"{make.__name__}-{home}",
        marks=()
        if make is models.convolutions and home == "keras"
        else pytest.mark.slow,
    )
    for make in KINDS
    for home in MODULES
]


@pytest.mark.parametrize(("home", "make"), BOTH_WAYS)
def test_kernels_of_every_kind(home, make):
    account = check(home, make).account
    assert sorted(account.applied) == sorted(KINDS[make])


@pytest.mark.slow
@pytest.mark.parametrize("home", MODULES)
@pytest.mark.parametrize("make", [models.nested, models.images_over_time])
def test_models_inside_models(home, make):
    assert check(home, make).account.applied


def test_mixed_precision_computes_in_float32():
    account = check("keras", models.mixed_precision).account
    assert account.applied


def test_shared_layers_stay_shared():
    layers = keras.layers
    one, two = keras.Input((8,)), keras.Input((8,))
    shared = layers.Dense(4, name="shared")
    model = keras.Model([one, two], layers.Add()([shared(one), shared(two)]))
    clustering = tfc.sharing.WeightClustering(4)
    clustered = clustering.apply(model)
    assert len(clustered_layers(clustered)) == 1
    final = clustering.finalize(clustered)
    assert np.unique(kernel_of(final, "shared")).size <= 4
    assert len(final.weights) == len(model.weights)


# Which layers, and how many values.


def test_layers_by_name_and_pattern():
    model = dense(keras, 8, 8, 8)
    clustering = tfc.sharing.WeightClustering(layers={"dense1": 4, "dense[02]": None})
    final = clustering.finalize(clustering.apply(model))
    assert clustering.account.applied == ("dense1",)
    assert clustering.account.skipped["dense0"] == "left out by `layers`"
    assert np.unique(kernel_of(final, "dense1")).size == 4
    assert kernel_of(final, "dense0").tolist() == kernel_of(model, "dense0").tolist()


def test_what_is_left_out_and_why():
    layers = keras.layers
    frozen = layers.Dense(8, name="frozen")
    inputs = keras.Input((8, 8, 2))
    x = layers.DepthwiseConv2D(3, name="depthwise")(inputs)
    x = layers.Flatten()(layers.Conv2D(4, 3, name="conv")(x))
    x = layers.BatchNormalization(name="norm")(frozen(x))
    x = layers.Dense(8, kernel_initializer="zeros", name="zeros")(x)
    model = keras.Model(inputs, layers.Dense(1, name="few")(x))
    frozen.trainable = False
    clustering = tfc.sharing.WeightClustering(4)
    clustering.apply(model)
    assert clustering.account.applied == ("conv",)
    assert dict(clustering.account.skipped) == {
        "depthwise": "a depthwise kernel is clustered only where `layers` names its "
        "layer",
        "frozen": "frozen, or without weights that train",
        "norm": "BatchNormalization has no kernel that clustering knows",
        "zeros": "all its weights are zero",
        "few": "8 weights are too few for 4 values: each needs 4 of them",
    }


def test_depthwise_kernels_by_name():
    layer = keras.layers.DepthwiseConv2D(3, name="depthwise")
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    clustering = tfc.sharing.WeightClustering(layers={"depthwise": 3})
    final = clustering.finalize(clustering.apply(model))
    assert np.unique(kernel_of(final, "depthwise")).size == 3


# Saved, in config, and refused.


def test_saved_and_loaded(tmp_path):
    clustering = tfc.sharing.WeightClustering(4)
    model = dense(keras, 8, 4)
    weights = model.get_layer("dense0").get_weights()
    weights[0][::2] = 0
    model.get_layer("dense0").set_weights(weights)
    clustered = clustering.apply(model)
    clustered.save(tmp_path / "clustered.keras")
    loaded = tf_keras.models.load_model(tmp_path / "clustered.keras")
    step(loaded, [1] * 8, rate=0.1)
    step(clustered, [1] * 8, rate=0.1)
    assert largest_difference(clustered, loaded) == 0
    found = kernel_of(clustering.finalize(loaded), "dense0")
    assert (found == 0).sum() == 32
    assert np.unique(found).size == 4


def test_config():
    config = {
        "clusters": 8,
        "initialization": "linear",
        "layers": {"dense*": 4, "conv": None},
        "preserve": [],
    }
    clustering = tfc.sharing.WeightClustering.from_config(config)
    assert clustering.get_config() == config
    assert tfc.sharing.WeightClustering().get_config() == {
        "clusters": 16,
        "initialization": "kmeans++",
        "layers": None,
        "preserve": ["sparsity"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clusters": 1}, "Received: clusters=1"),
        ({"clusters": 257}, "Received: clusters=257"),
        ({"clusters": True}, "Received: clusters=True"),
        ({"clusters": 4.0}, "Received: clusters=4.0"),
        ({"initialization": "random"}, "Received: initialization='random'"),
        ({"layers": ["dense"]}, r"Received: layers=\['dense'\]"),
        ({"layers": {"dense": 1}}, r"Received: layers\['dense'\]=1"),
        ({"preserve": ("clusters",)}, r"Received: preserve=\['clusters'\]"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        tfc.sharing.WeightClustering(**arguments)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"dens0": 4}, r"nearest are \['dense0'"),
        ({"dense1": 16}, "'dense1', which cannot be clustered: 8 weights are too"),
    ],
)
def test_layers_that_there_are_not(layers, message):
    with pytest.raises(ArgumentError, match=message):
        tfc.sharing.WeightClustering(4, layers=layers).apply(dense(keras, 8, 1))


def test_nothing_to_cluster():
    with pytest.raises(ModelError, match="No kernel of the model can be clustered"):
        tfc.sharing.WeightClustering(16).apply(dense(keras, 2))


def test_models_in_other_hands_are_refused():
    model = dense(keras, 8)
    clustering = tfc.sharing.WeightClustering(4)
    clustered = clustering.apply(model)
    pruning = tfc.pruning.MagnitudePruning(0.5)
    aware = tfc.quantization.QuantizationAwareTraining()
    for apply in (clustering.apply, pruning.apply, aware.apply):
        with pytest.raises(ModelError, match="still being clustered"):
            apply(clustered)
    with pytest.raises(ModelError, match="still being pruned"):
        clustering.apply(pruning.apply(model))
    with pytest.raises(ModelError, match="has no layer being clustered"):
        clustering.finalize(model)


def test_account_counts_the_values_that_there_are():
    weights = np.resize([-1.0, 0.0, 1.0, 2.0], 128)
    clustering = tfc.sharing.WeightClustering(16)
    clustering.apply(one_kernel(keras, weights))
    assert clustering.account.notes == {"only": "kernels of 4 values, zero among them"}
