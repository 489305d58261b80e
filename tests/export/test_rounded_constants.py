import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from tests.export.integer_files import FileWriter, numbers_of, run, tensors_of
from tfcompress.export.census import list_operations
from tfcompress.export.few_bits.rounded_constants import store_rounded_weights

INT4, INT8, FLOAT32 = (
    getattr(schema.TensorType, name) for name in ("INT4", "INT8", "FLOAT32")
)


def rounded(shape, most=127, seed=0):
    """Whole numbers, the unit of each output, and the kernel as they make it."""
    numbers = np.random.default_rng(seed).integers(-most, most + 1, shape)
    numbers[:, 0] = most
    units = np.linspace(0.001, 0.01, shape[0], dtype=np.float32)
    return numbers, units, (numbers * units[:, None]).astype(np.float32)


def write_float_dense(kernel, *, also=None):
    """Writes one Dense layer in float; `also` names another kernel of its numbers."""
    writer = FileWriter()
    outputs, inputs = kernel.shape
    x = writer.tensor("x", (1, inputs), np.float32)
    weights = writer.tensor("kernel", kernel.shape, np.float32, values=kernel)
    y = writer.tensor("y", (1, outputs), np.float32)
    options = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [x, weights, -1], [y], options, 1)
    if also is None:
        return writer.content([x], [y])
    writer.tensor(also, kernel.shape, np.float32)
    writer.graph.tensors[-1].buffer = writer.graph.tensors[weights].buffer
    return writer.content([x], [y])


@pytest.mark.parametrize(("most", "bits"), [(127, 8), (31, 6), (7, 4), (1, 2)])
def test_a_kernel_on_a_grid_becomes_its_whole_numbers(most, bits):
    numbers, units, kernel = rounded((16, 64), most)
    content = write_float_dense(kernel)
    small = store_rounded_weights(content, {bits})
    tensors = tensors_of(small)
    assert tensors["kernel"].type == FLOAT32
    assert tensors["kernel"].buffer == 0
    made = tensors["kernel/rounded"]
    assert made.type == (INT4 if bits <= 4 else INT8)
    np.testing.assert_allclose(made.quantization.scale, units, rtol=1e-6)
    held = numbers_of(small, "kernel/rounded")
    if bits <= 4:
        # Two in a byte, the first in the lower half; the upper bit is the sign.
        held = np.stack([held << 4, held & 0xF0], axis=1).view(np.int8) >> 4
    np.testing.assert_array_equal(held.view(np.int8).reshape(16, 64), numbers)
    assert len(small) < len(content) - 2 * kernel.size
    x = np.random.default_rng(1).normal(size=(8, 64)).astype(np.float32)
    for delegates in (True, False):
        outputs = run(small, x, delegates=delegates)
        np.testing.assert_allclose(outputs, x @ kernel.T, rtol=1e-5, atol=1e-6)


def test_one_unit_for_the_whole_kernel():
    numbers, *_ = rounded((16, 64))
    numbers[1:] = np.clip(numbers[1:], -50, 50)
    content = write_float_dense((numbers * 0.125).astype(np.float32))
    small = store_rounded_weights(content, {8})
    scale = tensors_of(small)["kernel/rounded"].quantization.scale
    np.testing.assert_allclose(scale, [0.125])
    found = numbers_of(small, "kernel/rounded").view(np.int8).reshape(16, 64)
    np.testing.assert_array_equal(found, numbers)


def test_outputs_of_zeros():
    numbers, _, kernel = rounded((16, 64))
    kernel[3] = numbers[3] = 0
    small = store_rounded_weights(write_float_dense(kernel), {8})
    found = numbers_of(small, "kernel/rounded").view(np.int8).reshape(16, 64)
    np.testing.assert_array_equal(found, numbers)


def test_other_kernels_stay():
    _, _, kernel = rounded((16, 64))
    on_no_grid = kernel.copy()
    on_no_grid[5, 5] += 1e-4
    for content, bits in (
        (write_float_dense(on_no_grid), {8}),
        (write_float_dense(kernel), {4}),
        (write_float_dense(kernel), set()),
        (write_float_dense(rounded((4, 4))[2]), {8}),  # it would grow
        (write_float_dense(kernel, also="other"), {8}),
    ):
        assert store_rounded_weights(content, bits) == content


def test_kernels_in_the_body_of_a_loop():
    _, _, kernel = rounded((32, 32))

    @tf.function(input_signature=[tf.TensorSpec((1, 32), name="x")])
    def repeat(x):
        def step(number, value):
            return number + 1, tf.tanh(tf.matmul(value, kernel.T))

        return tf.while_loop(lambda number, _: number < 5, step, (0, x))[1]

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [repeat.get_concrete_function()], repeat
    )
    content = converter.convert()
    small = store_rounded_weights(content, {8})
    kinds = [operation.kind for operation in list_operations(small)]
    assert kinds.count("DEQUANTIZE") == 1
    assert len(small) < len(content) - 2 * kernel.size
    x = np.random.default_rng(1).normal(size=(4, 32)).astype(np.float32)
    expected = x
    for _ in range(5):
        expected = np.tanh(expected @ kernel.T)
    for delegates in (True, False):
        outputs = run(small, x, delegates=delegates)
        np.testing.assert_allclose(outputs, expected, atol=1e-5)
