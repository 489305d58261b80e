import keras
import numpy as np
import pytest

from tfcompress.graph import flatten_models, pad_evenly
from tfcompress.graph.even_padding import Window
from tfcompress.keras_compat import build, read


def rewritten(model):
    graph, changed = pad_evenly(flatten_models(read(model)))
    name = type(model).__module__.split(".")[0]
    return build(graph, keras="tf_keras" if name == "tf_keras" else "keras"), changed


def strided(module, size, kernel=3, padding="same", zeros=None, kind="DepthwiseConv2D"):
    layers = module.layers
    options = {"filters": 5} if kind == "Conv2D" else {}
    layer = getattr(layers, kind)(
        kernel_size=kernel,
        strides=2,
        padding=padding,
        name="strided",
        bias_initializer="normal",
        **options,
    )
    before = [layers.ZeroPadding2D(zeros)] if zeros else []
    model = module.Sequential([module.Input((*size, 3)), *before, layer])
    return model


def outputs_agree(model, other):
    x = np.random.default_rng(0).normal(size=(2, *model.inputs[0].shape[1:]))
    x = x.astype(np.float32)
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(other(x)), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (8, 7), (7, 8), (2, 2), (1, 1)])
def test_depthwise_with_same_padding(either_keras, size):
    model = strided(either_keras, size)
    even, changed = rewritten(model)
    outputs_agree(model, even)
    assert changed == ("strided",)
    layer = even.get_layer("strided")
    odd = all(length % 2 for length in size)
    assert tuple(layer.kernel_size) == ((3, 3) if odd else (5, 5))
    assert layer.padding == "valid"
    half = 1 if odd else 2
    assert tuple(even.get_layer("strided_padding").padding) == ((half, half),) * 2


def test_kernel_lies_in_the_corner():
    model = strided(keras, (8, 8))
    kernel = model.get_layer("strided").get_weights()[0]
    larger = rewritten(model)[0].get_layer("strided").get_weights()[0]
    np.testing.assert_array_equal(larger[2:, 2:], kernel)
    assert not larger[:2].any()
    assert not larger[:, :2].any()


@pytest.mark.parametrize("zeros", [((0, 1), (0, 1)), ((1, 0), (1, 0)), 1, 2])
def test_padding_in_a_layer_of_its_own(zeros):
    """As `keras.applications` pads; two rows before and after fit a kernel of 5x5."""
    model = strided(keras, (8, 8), padding="valid", zeros=zeros)
    even, changed = rewritten(model)
    outputs_agree(model, even)
    exact = {((0, 1), (0, 1)): True, ((1, 0), (1, 0)): True, 1: False, 2: False}
    assert bool(changed) is exact[zeros]


def test_full_convolution_stays_three_by_three():
    for size, possible in (((7, 7), True), ((8, 8), False)):
        model = strided(keras, size, kind="Conv2D")
        even, changed = rewritten(model)
        outputs_agree(model, even)
        assert bool(changed) is possible
        assert tuple(even.get_layer("strided").kernel_size) == (3, 3)


def test_five_by_five_of_an_even_size_cannot_be_rewritten():
    model = strided(keras, (8, 8), kernel=5)
    assert rewritten(model)[1] == ()
    odd = strided(keras, (9, 9), kernel=5)
    even, changed = rewritten(odd)
    assert changed == ("strided",)
    outputs_agree(odd, even)


def test_what_stays():
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    shared = layers.DepthwiseConv2D(3, strides=2, padding="same", name="shared")
    x = layers.Add()([shared(inputs), shared(layers.ReLU()(inputs))])
    x = layers.DepthwiseConv2D(3, padding="same", name="unstrided")(x)
    assert rewritten(keras.Model(inputs, x))[1] == ()
    open_sized = strided(keras, (None, None))
    assert rewritten(open_sized)[1] == ()


def test_nested_models(either_keras):
    layers = either_keras.layers
    inner = strided(either_keras, (8, 8))
    inputs = either_keras.Input((8, 8, 3))
    model = either_keras.Model(inputs, layers.ReLU()(inner(inputs)))
    even, changed = rewritten(model)
    assert changed == ("strided",)
    outputs_agree(model, even)


@pytest.mark.parametrize(
    ("window", "larger", "length", "expected"),
    [
        (Window(3, 0, 1), 5, 8, 2),  # reads 2i..2i+2 of 2i-2..2i+2
        (Window(3, 1, 1), 5, 7, 1),  # reads 2i-1..2i+1
        (Window(3, 1, 1), 3, 7, 0),
        (Window(3, 0, 0), 5, 8, None),  # 3 windows instead of 4
        (Window(3, 0, 0), 5, 7, None),
        (Window(5, 1, 2), 5, 8, None),  # reads 2i-1..2i+3
    ],
)
def test_window(window, larger, length, expected):
    assert window.offset(larger, length, 2) == expected
