import keras
import pytest
import tensorflow as tf

from tests.graph.lowering import kinds, lowered_graph, randomize
from tfcompress import keras_compat
from tfcompress.export.census import float_operations, list_operations
from tfcompress.graph import (
    Layer,
    Tensor,
    insert_after,
    lower_activations,
    split_activations,
)
from tfcompress.keras_compat import build, read

LOWERED = [
    "celu",
    "elu",
    "hard_sigmoid",
    "hard_silu",
    "log_sigmoid",
    "mish",
    "selu",
    "silu",
    "softplus",
    "softsign",
    "sparse_sigmoid",
    "squareplus",
    "tanh_shrink",
]
SINGLE = [
    "exponential",
    "gelu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_softmax",
    "relu",
    "relu6",
    "sigmoid",
    "softmax",
    "tanh",
]


def activation_model(name, module=keras):
    inputs = module.Input((4, 3))
    return module.Model(inputs, module.layers.Activation(name, name="act")(inputs))


@pytest.mark.parametrize("name", LOWERED)
def test_functions(name):
    graph, difference = lowered_graph(activation_model(name), lower_activations)
    assert difference < 1e-5
    assert len(graph.nodes) > 2
    assert graph.outputs == Tensor("act")
    assert all(node.name.startswith("act") for node in graph.nodes[1:])
    assert {layer.config.get("activation") for layer in graph.layers.values()} <= {
        None,
        "sigmoid",
        "tanh",
    }


@pytest.mark.parametrize("name", SINGLE)
def test_single_operations_stay(name):
    graph = read(activation_model(name))
    assert lower_activations(graph) == graph


@pytest.mark.parametrize("name", ["elu", "hard_sigmoid", "mish", "selu", "swish"])
def test_functions_of_tf_keras(name):
    module = keras_compat.tf_keras()
    graph, difference = lowered_graph(activation_model(name, module), lower_activations)
    assert difference < 1e-5
    assert len(graph.nodes) > 2


@pytest.mark.parametrize(
    ("kind", "settings", "changes"),
    [
        ("ELU", {"alpha": 0.4}, True),
        ("ELU", {"alpha": 2.5}, True),
        ("ReLU", {"max_value": 2.0}, True),
        ("ReLU", {"max_value": 6.0, "negative_slope": 0.3}, True),
        ("ReLU", {"max_value": 6.0}, False),
        ("ReLU", {}, False),
        ("ReLU", {"negative_slope": 0.3}, False),
        ("ReLU", {"threshold": 1.0, "max_value": 2.0}, False),
        ("LeakyReLU", {}, False),
        ("PReLU", {}, False),
        ("Softmax", {}, False),
    ],
)
def test_layers(either_keras, kind, settings, changes):
    layer = getattr(either_keras.layers, kind)(**settings)
    model = randomize(either_keras.Sequential([either_keras.Input((4, 3)), layer]))
    graph, difference = lowered_graph(model, lower_activations)
    assert difference < 1e-5
    assert (len(graph.nodes) > 2) is changes


@pytest.mark.parametrize(
    "function",
    [
        keras.ops.silu,
        keras.ops.softplus,
        lambda x: keras.ops.elu(x, alpha=0.5),
        lambda x: keras.ops.celu(x),
        lambda x: keras.ops.squareplus(x, b=1),
    ],
    ids=["silu", "softplus", "elu", "celu", "squareplus"],
)
def test_operations(function):
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, function(inputs))
    graph, difference = lowered_graph(model, lower_activations)
    assert difference < 1e-5
    assert len(graph.nodes) > 2


def test_functions_of_tensorflow():
    module = keras_compat.tf_keras()
    inputs = module.Input((4, 3))
    model = module.Model(inputs, tf.nn.softplus(tf.nn.silu(inputs)))
    graph, difference = lowered_graph(model, lower_activations)
    assert difference < 1e-5
    assert len(graph.nodes) > 6


def test_shared_activation(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((4, 3))
    shared = layers.Activation("softplus", name="shared")
    outputs = [shared(inputs), shared(layers.ReLU()(inputs))]
    graph, difference = lowered_graph(
        either_keras.Model(inputs, outputs), lower_activations
    )
    assert difference < 1e-5
    assert len(graph.calls("shared_gate")) == 2
    assert graph.outputs == [Tensor("shared"), Tensor("shared:1")]


def test_names_that_are_taken():
    inputs = keras.Input((4, 3))
    gate = keras.layers.Dense(3, name="act_gate")(inputs)
    outputs = keras.layers.Activation("silu", name="act")(gate)
    model = randomize(keras.Model(inputs, outputs))
    graph, difference = lowered_graph(model, lower_activations)
    assert difference < 1e-5
    assert graph.layers["act_gate"].kind == "Dense"
    assert graph.layers["act_gate_1"].kind == "Activation"


def test_activations_of_layers(either_keras):
    layers = either_keras.layers
    stack = [
        layers.Conv2D(3, 3, activation="softplus"),
        layers.Dense(2, activation="selu"),
    ]
    model = either_keras.Sequential([either_keras.Input((6, 6, 2)), *stack])
    graph, difference = lowered_graph(
        randomize(model), lambda graph: lower_activations(split_activations(graph))
    )
    assert difference < 1e-5
    assert "ops.log" in kinds(graph)
    assert "ops.exp" in kinds(graph)


def test_masks_are_handed_on(either_keras):
    layers = either_keras.layers
    tokens = either_keras.Input((5,))
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = layers.Activation("softplus")(x)
    graph = read(either_keras.Model(tokens, layers.LSTM(3)(x)))
    assert lower_activations(graph) == graph


@keras.saving.register_keras_serializable(package="tests")
class Rounded(keras.layers.Layer):
    """Rounds to the 256 numbers of a range."""

    def call(self, x):
        return tf.quantization.fake_quant_with_min_max_args(x, -8.0, 8.0)


@pytest.mark.parametrize("name", LOWERED)
def test_every_step_is_an_integer_operation(name):
    """Puts a range behind every tensor but those that a ReLU alone takes."""
    graph = lower_activations(read(activation_model(name)))
    for node in graph.nodes:
        after = [graph.layer_of(other).kind for other in graph.consumers(node)]
        if after != ["ReLU"]:
            rounded = Layer(f"range_{node.name}", "Rounded", type=Rounded)
            graph = insert_after(graph, Tensor(node.name), rounded)
    model = build(graph, keras="keras")
    function = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec((1, 4, 3), tf.float32)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    assert float_operations(list_operations(converter.convert())) == ()
