import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

import tfcompress as tfc
from tests.models import tf_keras_is_slow
from tfcompress.errors import ArgumentError


def build(module):
    """A convolution of each kind, and activations whose ranges TFLite fixes."""
    layers = module.layers
    module.utils.set_random_seed(2)
    inputs = module.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, activation="silu", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(layers.DepthwiseConv2D(3)(x))
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 8))(gate)])
    x = layers.Dense(16, activation="tanh")(layers.Flatten()(x))
    return module.Model(inputs, layers.Dense(5, activation="softmax", name="y")(x))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(96, 8, 8, 3)).astype(np.float32)


def wrap(model, images, *bits):
    wrapped = tfc.quantization.QuantizationAwareTraining(*bits).apply(model)
    return tfc.quantization.calibrate(wrapped, images)


@tf_keras_is_slow
@pytest.mark.parametrize("bits", [8, 4])
def test_a_model_trained_with_16_bits(either_keras, images, bits, tmp_path):
    wrapped = wrap(build(either_keras), images, bits, 16)
    with pytest.warns(UserWarning, match="no fast kernels on CPUs"):
        artifact = tfc.export.to_tflite(
            wrapped,
            tmp_path / "m.tflite",
            target="cpu_int16x8",
            representative_data=images,
        )
    assert artifact.float_operations == ()
    assert artifact.operations["CONV_2D int16"] == 1
    assert artifact.verification.same_class == 1.0
    # Of 8 bits a single step of the largest is 0.4 % and more.
    assert artifact.verification.relative_error < 0.003
    assert list(tfc.measurement.LiteRTModel(artifact).input_details) == ["image"]


@tf_keras_is_slow
def test_a_model_after_training(either_keras, images, tmp_path):
    with pytest.warns(UserWarning, match="no fast kernels on CPUs"):
        artifact = tfc.export.to_tflite(
            build(either_keras),
            tmp_path / "m.tflite",
            target="cpu_int16x8",
            representative_data=images,
        )
    assert artifact.float_operations == ()
    assert artifact.verification.same_class > 0.95


def test_other_activations_than_those_that_were_trained(either_keras, images, tmp_path):
    model, path = build(either_keras), tmp_path / "m.tflite"
    with pytest.raises(ArgumentError, match="trained with activations of 16 bits"):
        tfc.export.to_tflite(wrap(model, images, 8, 16), path)
    with pytest.raises(ArgumentError, match="Use target='cpu_int8'"):
        tfc.export.to_tflite(
            wrap(model, images, 8, 8),
            path,
            target="cpu_int16x8",
            representative_data=images,
        )
    assert not path.exists()


def test_data_is_needed(either_keras, images, tmp_path):
    model, path = build(either_keras), tmp_path / "m.tflite"
    for given in (model, wrap(model, images, 8, 16)):
        with pytest.raises(ArgumentError, match="representative_data=None"):
            tfc.export.to_tflite(given, path, target="cpu_int16x8")
    with pytest.raises(ArgumentError, match="sparse"):
        tfc.export.to_tflite(model, path, target="cpu_int16x8", sparse=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_steps_of_recurrent_layers_are_whole_numbers(either_keras, kind, tmp_path):
    either_keras.utils.set_random_seed(0)
    layers = either_keras.layers
    model = either_keras.Sequential(
        [layers.Input((4, 3)), getattr(layers, kind)(5), layers.Dense(2)]
    )
    x = np.random.default_rng(0).normal(size=(24, 4, 3)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target="cpu_int16x8", representative_data=x
    )
    assert artifact.float_operations == ()
    assert "WHILE" not in " ".join(artifact.operations)
    assert artifact.verification.sqnr_db > 35
    file = flatbuffer_utils.read_model(str(artifact.path))
    (graph,) = file.subgraphs
    doors = {*map(int, graph.inputs), *map(int, graph.outputs)}
    real = [
        number
        for number, tensor in enumerate(graph.tensors)
        if tensor.type == schema.TensorType.FLOAT32
    ]
    used = {
        int(index)
        for operator in graph.operators
        for index in (*operator.inputs, *operator.outputs)
    }
    assert used & set(real) <= doors
