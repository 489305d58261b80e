import keras
import numpy as np
import pytest

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import find_groups, remove_channels
from tfcompress.keras_compat import read
from tfcompress.measurement import count_weights, summarize_graph, summary


@pytest.fixture(params=["keras", "tf_keras"], scope="module")
def module(request):
    return keras if request.param == "keras" else keras_compat.tf_keras()


def count(module, layer, *shapes, **keywords):
    """The row of one layer that is called on inputs of these shapes."""
    inputs = [module.Input(shape) for shape in shapes]
    outputs = layer(*inputs, **keywords)
    found = summary(module.Model(inputs, outputs))
    assert not found.uncounted
    return found.layers[-1]


# Each as: class, arguments, shape of the input, multiply-adds worked out by hand.
BY_HAND = {
    "dense": ("Dense", (5,), {}, (4,), 4 * 5),
    "dense of rank 4": ("Dense", (5,), {}, (3, 2, 4), 3 * 2 * 4 * 5),
    "convolution": (
        "Conv2D",
        (6, 3),
        {"strides": 2, "padding": "same"},
        (8, 8, 4),
        (4 * 4) * (3 * 3 * 4 * 6),
    ),
    "valid": ("Conv2D", (6, (3, 5)), {}, (8, 8, 4), (6 * 4) * (3 * 5 * 4 * 6)),
    "grouped": (
        "Conv2D",
        (6, 3),
        {"groups": 2, "padding": "same"},
        (8, 8, 4),
        (8 * 8) * (3 * 3 * 2 * 6),
    ),
    "dilated": ("Conv1D", (2, 3), {"dilation_rate": 2}, (9, 4), 5 * 3 * 4 * 2),
    "in three axes": ("Conv3D", (2, 2), {}, (4, 4, 4, 3), 27 * (8 * 3 * 2)),
    "depthwise": (
        "DepthwiseConv2D",
        (3,),
        {"depth_multiplier": 2},
        (8, 8, 4),
        (6 * 6) * (3 * 3 * 4 * 2),
    ),
    "depthwise 1d": ("DepthwiseConv1D", (3,), {}, (8, 4), 6 * 3 * 4),
    "separable": (
        "SeparableConv2D",
        (5, 3),
        {"depth_multiplier": 2},
        (8, 8, 4),
        (6 * 6) * (3 * 3 * 4 * 2 + 8 * 5),
    ),
    "separable 1d": ("SeparableConv1D", (5, 3), {}, (8, 4), 6 * (3 * 4 + 4 * 5)),
    "transposed": (
        "Conv2DTranspose",
        (5, 3),
        {"strides": 2, "padding": "same"},
        (4, 4, 2),
        (4 * 4) * (3 * 3 * 2 * 5),
    ),
    "transposed 1d": ("Conv1DTranspose", (5, 3), {}, (4, 2), 4 * 3 * 2 * 5),
    "einsum": (
        "EinsumDense",
        ("abc,cde->abde",),
        {"output_shape": (6, 2, 5)},
        (6, 3),
        6 * 3 * 2 * 5,
    ),
    "einsum with dots": (
        "EinsumDense",
        ("...x,xy->...y",),
        {"output_shape": (5,)},
        (6, 3),
        6 * 3 * 5,
    ),
    "lstm": ("LSTM", (4,), {}, (7, 3), 7 * 4 * 4 * (3 + 4)),
    "gru": ("GRU", (4,), {"return_sequences": True}, (7, 3), 7 * 3 * 4 * (3 + 4)),
    "simple": ("SimpleRNN", (4,), {}, (7, 3), 7 * 4 * (3 + 4)),
    "convolutional lstm": (
        "ConvLSTM2D",
        (3, 3),
        {},
        (5, 8, 8, 2),
        5 * (6 * 6) * (3 * 3 * 2 * 12 + 3 * 3 * 3 * 12),
    ),
    "pooling": ("MaxPooling2D", (), {}, (8, 8, 4), 0),
    "normalization": ("LayerNormalization", (), {"axis": [1, 2]}, (8, 4), 0),
    "activation": ("PReLU", (), {}, (8, 4), 0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_multiply_adds_of_layers(module, name):
    kind, arguments, keywords, shape, expected = BY_HAND[name]
    layer = getattr(module.layers, kind)(*arguments, **keywords)
    assert count(module, layer, shape).multiply_adds == expected


def test_channels_first_counts_the_same_positions(module):
    layer = module.layers.Conv2D(6, 3, data_format="channels_first")
    inputs = module.Input((4, 8, 8))
    row = summary(module.Model(inputs, layer(inputs))).layers[-1]
    assert row.multiply_adds == (6 * 6) * (3 * 3 * 4 * 6)


def test_wrapped_layers(module):
    layers = module.layers
    both = layers.Bidirectional(layers.LSTM(4, return_sequences=True))
    assert count(module, both, (7, 3)).multiply_adds == 2 * 7 * 4 * 4 * (3 + 4)
    cells = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)])
    expected = 7 * (4 * 3 * (5 + 3) + 3 * 2 * (3 + 2))
    assert count(module, cells, (7, 5)).multiply_adds == expected
    each = layers.TimeDistributed(layers.Conv2D(2, 3))
    assert count(module, each, (7, 5, 5, 3)).multiply_adds == 7 * 9 * (9 * 3 * 2)
    inner = layers.TimeDistributed(layers.LSTM(4))
    assert count(module, inner, (2, 7, 3)).multiply_adds == 2 * 7 * 16 * 7


def test_attention(module):
    layers = module.layers
    # 2 heads of 4 (values of 3) on 6 queries and 5 values, 8 wide each.
    projections = 6 * 8 * 8 + 5 * 8 * 8 + 5 * 8 * 6 + 6 * 6 * 8
    products = 2 * 6 * 5 * (4 + 3)
    layer = layers.MultiHeadAttention(2, 4, value_dim=3)
    row = count(module, layer, (6, 8), (5, 8))
    assert row.multiply_adds == projections + products
    assert row.parameters == 8 * 8 + 8 + 8 * 8 + 8 + 8 * 6 + 6 + 6 * 8 + 8
    inputs = module.Input((6, 8))
    itself = layers.MultiHeadAttention(2, 4)
    outputs = itself(inputs, value=inputs, use_causal_mask=True)
    found = summary(module.Model(inputs, outputs)).layers[-1]
    assert found.multiply_adds == 4 * 6 * 8 * 8 + 2 * 6 * 6 * (4 + 4)
    pair = [module.Input((4, 3)), module.Input((5, 3))]
    simple = summary(module.Model(pair, layers.Attention()(pair))).layers[-1]
    assert simple.multiply_adds == 4 * 5 * (3 + 3)


def test_gated_and_grouped_attention():
    gated = keras.layers.MultiHeadAttention(2, 4, value_dim=3, use_gate=True)
    row = count(keras, gated, (6, 8), (5, 8))
    of_kernels = {kernel.path: kernel.shape for kernel in gated.weights}
    of_gate = next(s for path, s in of_kernels.items() if "gate/kernel" in path)
    base = 6 * 8 * 8 + 5 * 8 * 8 + 5 * 8 * 6 + 6 * 6 * 8 + 2 * 6 * 5 * (4 + 3)
    assert row.multiply_adds == base + 6 * int(np.prod(of_gate))
    grouped = keras.layers.GroupQueryAttention(4, 6, 2)
    row = count(keras, grouped, (5, 8), (7, 8))
    projections = 5 * 8 * 24 + 2 * 7 * 8 * 8 + 5 * 24 * 8
    assert row.multiply_adds == projections + 6 * 5 * 7 * (4 + 4)


def test_products_between_tensors(module):
    left, right = module.Input((4, 3)), module.Input((3, 5))
    kernel = np.ones((3, 7), np.float32)
    if module is keras:
        ops = keras.ops
        tensordot, einsum = ops.tensordot, ops.einsum
    else:
        import tensorflow as tf

        tensordot, einsum = tf.tensordot, tf.einsum
    outputs = [
        left @ right,
        left @ kernel,
        tensordot(left, kernel, 1),
        tensordot(left, kernel, [[2], [0]]),
        einsum("bij,bjk->bik", left, right),
        einsum("...j,jk->...k", left, kernel),
        module.layers.Dot((2, 1))([left, right]),
        left + 1.0,
    ]
    found = summary(module.Model([left, right], outputs))
    rows = [row for row in found.layers if row.kind != "InputLayer"]
    pair, constant = 4 * 3 * 5, 4 * 3 * 7
    expected = [pair, constant, constant, constant, pair, constant, pair, 0]
    assert [row.multiply_adds for row in rows] == expected
    assert not found.uncounted


def test_shared_layers_weigh_once_and_compute_twice(module):
    first, second = module.Input((4,)), module.Input((4,))
    dense = module.layers.Dense(3, name="shared")
    model = module.Model([first, second], [dense(first), dense(second)])
    found = summary(model)
    rows = {row.name: row for row in found.layers}
    assert rows["shared"].parameters == 15
    assert rows["shared:1"].parameters == 0
    assert rows["shared"].multiply_adds == rows["shared:1"].multiply_adds == 12
    assert found.parameters == model.count_params() == 15
    assert found.multiply_adds == 24


def test_models_inside_are_dissolved_and_their_open_shapes_found(module):
    layers = module.layers
    inner = module.Input((None, None, 3))
    backbone = module.Model(inner, layers.Conv2D(4, 3, name="conv")(inner), name="b")
    inputs = module.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(backbone(inputs))
    model = module.Model(inputs, layers.Dense(2)(x))
    before = [weight.numpy().copy() for weight in model.weights]
    found = summary(model)
    rows = {row.name: row for row in found.layers}
    assert rows["conv"].shapes == ((None, 6, 6, 4),)
    assert found.multiply_adds == 6 * 6 * 9 * 3 * 4 + 4 * 2
    assert found.parameters == model.count_params()
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_sizes_that_are_not_fixed_count_as_one(module):
    inputs = module.Input((None, 3))
    found = summary(module.Model(inputs, module.layers.LSTM(4)(inputs)))
    assert found.multiply_adds == 4 * 4 * (3 + 4)


def test_one_sample_of_a_fixed_batch(module):
    inputs = module.Input((8, 8, 3), batch_size=5)
    found = summary(module.Model(inputs, module.layers.Conv2D(4, 3)(inputs)))
    assert found.multiply_adds == 6 * 6 * 9 * 3 * 4
    assert found.activation_bytes == 4 * (8 * 8 * 3 + 6 * 6 * 4)


def test_activation_bytes_follow_the_dtype(module):
    tokens = module.Input((6,), dtype="int32")
    x = module.layers.Embedding(10, 8)(tokens)
    x = module.layers.Dense(4, dtype="mixed_float16")(x)
    found = summary(module.Model(tokens, x))
    by_kind = {row.kind: row for row in found.layers}
    assert by_kind["InputLayer"].activation_bytes == 6 * 4
    assert by_kind["Embedding"].activation_bytes == 6 * 8 * 4
    assert by_kind["Embedding"].multiply_adds == 0
    assert by_kind["Dense"].activation_bytes == 6 * 4 * 2


def test_several_outputs_of_one_layer(module):
    inputs = module.Input((7, 3))
    outputs = module.layers.LSTM(4, return_sequences=True, return_state=True)(inputs)
    row = summary(module.Model(inputs, outputs)).layers[-1]
    assert row.shapes == ((None, 7, 4), (None, 4), (None, 4))
    assert row.activation_bytes == 4 * (7 * 4 + 4 + 4)


def test_zeros_are_those_of_kernels(module):
    model = module.Sequential(
        [module.Input((4,)), module.layers.Dense(3), module.layers.Dense(2)]
    )
    kernel = np.ones((4, 3), np.float32)
    kernel[:, 0] = 0.0
    model.set_weights([kernel, np.zeros(3), np.ones((3, 2)), np.zeros(2)])
    found = summary(model)
    assert [row.zeros for row in found.layers] == [0, 4, 0]
    assert [row.sparsity for row in found.layers] == [0.0, 4 / 12, 0.0]
    assert found.sparsity == 4 / 18 == count_weights(model).sparsity


def test_a_layer_of_an_unknown_kind_is_named():
    class Projection(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 2), name="kernel")

        def call(self, inputs):
            return keras.ops.matmul(inputs, self.kernel)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Projection(name="mine")(inputs))
    found = summary(model)
    assert found.multiply_adds == 0
    assert found.uncounted == ("mine",)
    assert "Not known, and counted as 0: mine." in str(found)


def test_it_prints_itself(module):
    name = "[b]" if module is keras else "b"  # tf_keras takes no such name
    model = module.Sequential(
        [
            module.Input((8, 8, 3)),
            module.layers.Conv2D(4, 3, name="conv"),
            module.layers.Flatten(name=name),
            module.layers.Dense(2, name="scores"),
        ],
        name="tiny",
    )
    text = str(summary(model))
    (line,) = [line for line in text.splitlines() if line.split()[:1] == ["conv"]]
    cells = line.split()
    assert cells[1] == "Conv2D"
    assert "? x 6 x 6 x 4" in line
    assert cells[-4:] == ["112", "3,888", "576", "0.0%"]
    assert name in text
    (total,) = [line for line in text.splitlines() if line.split()[:1] == ["total"]]
    assert total.split()[1:3] == ["402", "4,176"]
    assert "tiny: 402 parameters, 4,176 multiply-adds" in text


def test_what_is_not_a_functional_model():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ModelError, match="functional"):
        summary(Own())
    with pytest.raises(ModelError, match="must be a Keras 3 or tf_keras model"):
        summary("small.tflite")


# Published figures: MobileNetV2, Sandler et al. 2018, 300 M; ResNet50, He et al. 2015,
# 3.8 G, of the layers whose products are counted.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"), [("MobileNetV2", 300.8e6), ("ResNet50", 3.86e9)]
)
def test_applications_at_224(module, name, expected):
    model = getattr(module.applications, name)(weights=None, input_shape=(224, 224, 3))
    found = summary(model)
    assert found.multiply_adds == pytest.approx(expected, rel=0.01)
    assert found.parameters == model.count_params()
    assert not found.uncounted


def test_a_graph_is_counted_without_being_built():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(inputs)
    x = keras.layers.Conv2D(2, 1, name="second")(x)
    graph = read(keras.Model(inputs, x))
    (group,) = [group for group in find_groups(graph) if not group.frozen]
    counted = summarize_graph(remove_channels(graph, {group: [1]}))
    # Six by six places, three of four channels left.
    assert counted.multiply_adds == 36 * 27 * 3 + 36 * 3 * 2
    assert counted.parameters == 27 * 3 + 3 + 3 * 2 + 2
