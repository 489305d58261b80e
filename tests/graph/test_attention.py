import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.graph.lowering import kinds, lowered_graph, randomize
from tests.keras_compat.comparison import largest_difference
from tfcompress.export.census import float_operations, list_operations
from tfcompress.graph import (
    Layer,
    Tensor,
    attention_obstacle,
    insert_after,
    lower_attention,
)
from tfcompress.keras_compat import build, read


def attention(module, **settings):
    settings = {"num_heads": 3, "key_dim": 4, "name": "attention", **settings}
    return module.layers.MultiHeadAttention(**settings)


def self_attention(module, *, length=6, call=None, **settings):
    inputs = module.Input((length, 8))
    outputs = attention(module, **settings)(inputs, inputs, **(call or {}))
    return randomize(module.Model(inputs, outputs))


@pytest.mark.parametrize("length", [6, None])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_bias": False},
        {"value_dim": 5},
        {"num_heads": 1},
        {"output_shape": 7},
        {"dropout": 0.3},
        {"attention_axes": 1},
    ],
    ids=str,
)
def test_self_attention(either_keras, settings, length):
    model = self_attention(either_keras, length=length, **settings)
    graph, difference = lowered_graph(model, lower_attention)
    assert difference < 1e-5
    assert "MultiHeadAttention" not in kinds(graph)
    names = {"attention_query", "attention_key", "attention_value", "attention_output"}
    assert names <= set(graph.layers)
    assert ("Dropout" in kinds(graph)) is ("dropout" in settings)
    assert build(graph, keras="keras").count_params() == model.count_params()


def test_scale_is_in_the_query():
    model = self_attention(keras, key_dim=9)
    graph = lower_attention(read(model))
    weights = {weight.path: weight for weight in model.get_layer("attention").weights}
    kernel, bias = (
        next(w.numpy() for p, w in weights.items() if p.endswith(f"query/{name}"))
        for name in ("kernel", "bias")
    )
    lowered = graph.layers["attention_query"]
    np.testing.assert_allclose(
        lowered.weight("kernel"), kernel.reshape(8, 27) / 3.0, rtol=1e-6
    )
    np.testing.assert_allclose(
        lowered.weight("bias"), bias.reshape(27) / 3.0, rtol=1e-6
    )


@pytest.mark.parametrize("sizes", [(6, 4), (1, 9), (None, 4), (6, None)])
@pytest.mark.parametrize("with_key", [True, False])
def test_cross_attention(either_keras, sizes, with_key):
    query = either_keras.Input((sizes[0], 8))
    value = either_keras.Input((sizes[1], 5))
    key = either_keras.Input((sizes[1], 7))
    layer = attention(either_keras, value_dim=2)
    inputs = [query, value, key] if with_key else [query, value]
    model = randomize(either_keras.Model(inputs, layer(*inputs)))
    graph, difference = lowered_graph(model, lower_attention)
    assert difference < 1e-5
    assert "MultiHeadAttention" not in kinds(graph)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_causal_mask(either_keras, dropout):
    model = self_attention(
        either_keras, call={"use_causal_mask": True}, dropout=dropout
    )
    graph, difference = lowered_graph(model, lower_attention)
    assert difference < 1e-5
    assert "ops.where" in kinds(graph)
    lowered = build(graph, keras="keras")
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)
    changed = x.copy()
    changed[:, 4:] += 1.0
    before, after = np.asarray(lowered(x)), np.asarray(lowered(changed))
    np.testing.assert_allclose(before[:, :4], after[:, :4], rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "dtype", "causal"),
    [
        ((6, 4), "bool", False),
        ((6, 4), "bool", True),
        ((1, 6, 4), "float32", True),
        ((3, 6, 4), "bool", False),
        ((6, 1), "int32", False),
    ],
)
def test_attention_mask(either_keras, shape, dtype, causal):
    query = either_keras.Input((6, 8))
    value = either_keras.Input((4, 5))
    mask = either_keras.Input(shape, dtype=dtype)
    outputs = attention(either_keras)(
        query, value, attention_mask=mask, use_causal_mask=causal
    )
    model = randomize(either_keras.Model([query, value, mask], outputs))
    generator = np.random.default_rng(0)
    chosen = generator.uniform(size=(2, *shape)) < 0.6
    chosen[..., 0] = True  # A query that may look at nothing has no defined result.
    inputs = [
        generator.normal(size=(2, 6, 8)).astype(np.float32),
        generator.normal(size=(2, 4, 5)).astype(np.float32),
        chosen.astype(dtype),
    ]
    graph = lower_attention(read(model))
    assert "MultiHeadAttention" not in kinds(graph)
    for name in ("keras", "tf_keras"):
        lowered = build(graph, keras=name)
        assert largest_difference(model, lowered, inputs) < 1e-5


@pytest.mark.parametrize("other", [6, 3])
def test_shared_layer(either_keras, other):
    layer = attention(either_keras, dropout=0.1)
    first = either_keras.Input((6, 8))
    second = either_keras.Input((other, 8))
    outputs = [layer(first, first), layer(second, second)]
    model = randomize(either_keras.Model([first, second], outputs))
    graph, difference = lowered_graph(model, lower_attention)
    assert difference < 1e-5
    assert len(graph.calls("attention_query")) == 2
    assert build(graph, keras="keras").count_params() == model.count_params()


def test_dropout_while_training():
    model = self_attention(keras, dropout=0.5)
    lowered = build(lower_attention(read(model)), keras="keras")
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)
    calm, noisy = lowered(x, training=False), lowered(x, training=True)
    assert np.abs(np.asarray(calm) - np.asarray(noisy)).max() > 1e-3


def test_nested_transformer(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((6, 8))
    x = layers.LayerNormalization()(inputs)
    x = layers.Add()([inputs, attention(either_keras)(x, x, x)])
    block = either_keras.Model(inputs, layers.Dense(8, activation="gelu")(x))
    outer = either_keras.Input((6, 8))
    model = randomize(either_keras.Model(outer, block(block(outer))))
    graph, difference = lowered_graph(model, lower_attention)
    assert difference < 1e-5
    assert "MultiHeadAttention" not in kinds(graph)


def test_trainable_and_regularizers_are_kept():
    layer = attention(keras, kernel_regularizer="l2")
    layer.trainable = False
    inputs = keras.Input((6, 8))
    graph = lower_attention(read(keras.Model(inputs, layer(inputs, inputs))))
    dense = graph.layers["attention_key"]
    assert not dense.trainable
    assert dense.config["kernel_regularizer"] is not None


def kept(model, word):
    graph = read(model)
    assert lower_attention(graph) == graph
    reason = attention_obstacle(graph, graph.node("attention"))
    assert word in reason


def test_what_stays(either_keras):
    kept(
        self_attention(either_keras, call={"use_causal_mask": True}, length=None),
        "open length",
    )
    kept(
        self_attention(either_keras, call={"return_attention_scores": True}),
        "return_attention_scores",
    )
    kept(self_attention(either_keras, output_shape=(2, 3)), "several axes")
    inputs = either_keras.Input((3, 4, 8))
    layer = attention(either_keras, attention_axes=(1, 2))
    kept(either_keras.Model(inputs, layer(inputs, inputs)), "attention_axes")
    layers = either_keras.layers
    tokens = either_keras.Input((6,))
    x = layers.Embedding(9, 8, mask_zero=True)(tokens)
    kept(either_keras.Model(tokens, attention(either_keras)(x, x)), "mask")


def test_a_layer_of_the_same_name_stays():
    class MultiHeadAttention(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 2))

        def call(self, x):
            return x @ self.kernel

    inputs = keras.Input((6, 8))
    layer = MultiHeadAttention(name="attention")
    kept(keras.Model(inputs, layer(inputs)), "not those of the layer of Keras")


def test_settings_of_keras_3_that_stay():
    kept(self_attention(keras, use_gate=True), "use_gate")
    kept(self_attention(keras, sliding_window=2), "sliding_window")


def test_what_can_be_lowered_has_no_obstacle(either_keras):
    graph = read(self_attention(either_keras))
    assert attention_obstacle(graph, graph.node("attention")) is None


class Rounded(tf_keras.layers.Layer):
    """Rounds to the 256 numbers of a range."""

    def call(self, x):
        return tf.quantization.fake_quant_with_min_max_args(x, -8.0, 8.0)


@pytest.mark.parametrize("causal", [True, False])
def test_every_part_is_an_integer_operation(causal):
    model = self_attention(tf_keras, call={"use_causal_mask": causal}, dropout=0.1)
    graph = lower_attention(read(model))
    for node in graph.nodes:
        rounded = Layer(f"range_{node.name}", "Rounded", type=Rounded)
        graph = insert_after(graph, Tensor(node.name), rounded)
    model = build(graph, keras="tf_keras")
    function = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec((1, 6, 8), tf.float32)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    operations = list_operations(converter.convert())
    assert float_operations(operations) == ()
    assert [operation.kind for operation in operations].count("BATCH_MATMUL") == 2
