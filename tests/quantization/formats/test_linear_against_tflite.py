"""The linear format is that of a `.tflite` file."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfcompress.quantization.formats import choose_parameters, quantize


@pytest.fixture(scope="module")
def kernel():
    return np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def images():
    images = np.random.default_rng(1).normal(0.4, 1, size=(8, 6, 6, 2))
    return images.astype(np.float32)


@pytest.fixture(scope="module")
def file(kernel, images):
    """A convolution in full int8, written by TensorFlow's converter."""

    @tf.function(input_signature=[tf.TensorSpec([1, 6, 6, 2])])
    def convolve(x):
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [convolve.get_concrete_function()]
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    return interpreter


def test_activations(file, images):
    details = file.get_input_details()[0]
    scale, zero_point = details["quantization"]
    parameters = choose_parameters(images)
    assert scale == pytest.approx(float(parameters.scale), rel=1e-6)
    assert zero_point == int(parameters.zero_point)


def test_weights(file, kernel):
    (details,) = [
        details
        for details in file.get_tensor_details()
        if list(details["shape"]) == [5, 3, 3, 2] and details["dtype"] == np.int8
    ]
    quantized = quantize(kernel, choose_parameters(kernel, symmetric=True, axis=-1))
    scales = details["quantization_parameters"]["scales"]
    np.testing.assert_allclose(scales, np.ravel(quantized.parameters.scale), rtol=1e-6)
    # The file has the output channels first.
    np.testing.assert_array_equal(
        file.get_tensor(details["index"]).transpose(1, 2, 3, 0), quantized.integers
    )
