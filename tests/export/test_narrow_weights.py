import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tests.export.integer_files import (
    INPUT_SCALE,
    FileWriter,
    numbers_of,
    run,
    tensors_of,
    versions_of,
    write_dense,
)
from tfcompress.export.few_bits.narrow_weights import narrow_weights

INT2, INT4, INT8 = (
    getattr(schema.TensorType, name) for name in ("INT2", "INT4", "INT8")
)


def stored(steps, bits):
    """What the converter makes of a kernel of whole steps: 127 stands for the last."""
    return np.rint(steps * (127 / (2 ** (bits - 1) - 1))).astype(np.int8)


def random_steps(bits, shape, seed=0):
    most = 2 ** (bits - 1) - 1
    steps = np.random.default_rng(seed).integers(-most, most + 1, shape)
    steps.reshape(shape[0], -1)[:, 0] = most
    return steps


def one_dense(bits, shape=(3, 8), bias=(100, -2000, 0)):
    """A Dense layer whose true weights are steps of 0.1, 0.2 and 0.3."""
    steps = random_steps(bits, shape)
    unit = np.array([0.1, 0.2, 0.3])
    scales = unit * (2 ** (bits - 1) - 1) / 127
    content = write_dense([stored(steps, bits)], [scales], [np.array(bias, np.int32)])
    return content, steps, unit


def expected(x, weights, bias):
    """The outputs in real numbers, rounded and cut off in numbers of the file."""
    real = (x.astype(float) * INPUT_SCALE) @ weights.T + bias
    return np.clip(np.rint(real / INPUT_SCALE), -128, 127)


def test_four_bits_become_int4_two_in_a_byte():
    steps = np.array([[7, -3, 0, 1], [-7, 7, 2, -1]])
    scales = np.array([0.7, 1.4]) / 127
    content = write_dense(
        [stored(steps, 4)], [scales], [np.array([127, 254], np.int32)]
    )
    narrow = narrow_weights(content, {4})
    kernel, bias = (tensors_of(narrow)[name] for name in ("kernel0", "bias0"))
    assert kernel.type == INT4
    assert kernel.shape.tolist() == [2, 4]
    # 7 | -3 << 4, 0 | 1 << 4, -7 | 7 << 4, 2 | -1 << 4
    assert list(numbers_of(narrow, "kernel0")) == [0xD7, 0x10, 0x79, 0xF2]
    np.testing.assert_allclose(kernel.quantization.scale, [0.1, 0.2], rtol=1e-6)
    np.testing.assert_allclose(bias.quantization.scale, [0.05, 0.1], rtol=1e-6)
    assert numbers_of(narrow, "bias0").view(np.int32).tolist() == [7, 14]
    assert versions_of(narrow) == [10]


def test_two_bits_become_int2_four_in_a_byte():
    steps = np.array([[1, -1, 0, 1]])
    content = write_dense(
        [stored(steps, 2)], [np.array([0.5]) / 127], [np.zeros(1, int)]
    )
    narrow = narrow_weights(content, {2})
    kernel = tensors_of(narrow)["kernel0"]
    assert kernel.type == INT2
    assert list(numbers_of(narrow, "kernel0")) == [0b01_00_11_01]
    np.testing.assert_allclose(kernel.quantization.scale, [0.5], rtol=1e-6)
    assert versions_of(narrow) == [14]


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("inputs", [8, 7])
def test_the_file_computes_what_was_trained(bits, inputs):
    content, steps, unit = one_dense(bits, (3, inputs))
    narrow = narrow_weights(content, {bits})
    wide_scale = unit * (2 ** (bits - 1) - 1) / 127 * INPUT_SCALE
    bias = np.array([100, -2000, 0]) * wide_scale
    x = np.random.default_rng(1).integers(-20, 20, (64, inputs)).astype(np.int8)
    reference = expected(x, steps * unit[:, None], bias)
    for delegates in (True, False):
        # A bias of int4 is counted in steps as coarse as half a number of the output.
        difference = np.abs(run(narrow, x, delegates=delegates) - reference)
        assert difference.max() <= 1
    kinds = {2: INT2 if inputs == 8 else INT4, 3: INT4, 4: INT4}
    kernel = tensors_of(narrow)["kernel0"]
    assert kernel.type == kinds.get(bits, INT8)


@pytest.mark.parametrize("bits", [5, 6, 7])
def test_other_bits_stay_int8_with_the_steps_that_were_trained(bits):
    content, steps, unit = one_dense(bits)
    narrow = narrow_weights(content, {bits})
    most = 2 ** (bits - 1) - 1
    each = 127 // most
    kernel = numbers_of(narrow, "kernel0").view(np.int8).reshape(steps.shape)
    np.testing.assert_array_equal(kernel, steps * each)
    scale = tensors_of(narrow)["kernel0"].quantization.scale
    np.testing.assert_allclose(scale, unit / each, rtol=1e-6)
    assert versions_of(narrow) == [4]


def test_kernels_of_eight_bits_stay_as_they_are():
    kernel = np.random.default_rng(0).integers(-127, 128, (3, 8)).astype(np.int8)
    kernel[:, 0] = 127
    content = write_dense([kernel], [np.ones(3)], [np.zeros(3, np.int32)])
    assert narrow_weights(content, {4, 8}) == content
    on_a_grid, *_ = one_dense(4)
    assert narrow_weights(on_a_grid, {8}) == on_a_grid
    assert narrow_weights(on_a_grid, set()) == on_a_grid
    assert narrow_weights(on_a_grid, {3}) == on_a_grid


def test_one_channel_of_eight_bits_keeps_the_kernel():
    kernel = stored(random_steps(4, (3, 8)), 4)
    kernel[1, 3] = 1
    content = write_dense([kernel], [np.ones(3)], [np.zeros(3, np.int32)])
    assert narrow_weights(content, {4}) == content


def test_channels_of_zeros():
    steps = random_steps(4, (3, 8))
    steps[1] = 0
    scales = np.full(3, 0.7 / 127)
    content = write_dense([stored(steps, 4)], [scales], [np.array([0, 127, 0])])
    narrow = narrow_weights(content, {4})
    x = np.zeros((1, 8), np.int8)
    assert tensors_of(narrow)["kernel0"].type == INT4
    np.testing.assert_array_equal(run(narrow, x), run(content, x))


def test_one_scale_of_the_whole_kernel():
    steps = random_steps(4, (4, 6))
    steps[1:] = np.clip(steps[1:], -5, 5)
    scales = np.array([0.7 / 127])
    content = write_dense([stored(steps, 4)], [scales], [np.zeros(4, np.int32)])
    # The bias has a scale of its own for each channel only if the kernel has.
    narrow = narrow_weights(content, {4})
    kernel = tensors_of(narrow)["kernel0"]
    assert kernel.type == INT4
    np.testing.assert_allclose(kernel.quantization.scale, [0.1], rtol=1e-6)
    x = np.random.default_rng(1).integers(-9, 9, (32, 6)).astype(np.int8)
    reference = expected(x, steps * 0.1, 0.0)
    assert np.abs(run(narrow, x) - reference).max() <= 1


def test_a_layer_that_is_called_twice():
    steps = random_steps(4, (4, 4))
    scales = np.full(4, 0.14 / 127)
    bias = np.array([127, 0, -127, 254], np.int32)
    content = write_dense([stored(steps, 4)], [scales], [bias], uses=[0, 0])
    narrow = narrow_weights(content, {4})
    assert tensors_of(narrow)["kernel0"].type == INT4
    assert numbers_of(narrow, "bias0").view(np.int32).tolist() == [7, 0, -7, 14]
    x = np.random.default_rng(1).integers(-50, 50, (32, 4)).astype(np.int8)
    difference = run(narrow, x).astype(int) - run(content, x)
    assert np.abs(difference).max() <= 2


def test_a_kernel_that_something_else_takes_too_stays():
    writer = FileWriter()
    kernel = stored(random_steps(4, (4, 4)), 4)
    table = writer.tensor("table", (4, 4), scale=0.1, values=kernel)
    token = writer.tensor("token", (1,), np.int32)
    row = writer.tensor("row", (1, 4), scale=0.1)
    scores = writer.tensor("scores", (1, 4), scale=0.1)
    writer.operator("GATHER", [token, table][::-1], [row], schema.GatherOptionsT(), 2)
    options = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [row, table, -1], [scores], options, 4)
    content = writer.content([token], [scores])
    assert narrow_weights(content, {4}) == content


def test_a_bias_of_two_kernels_stays_with_them():
    kernels = [stored(random_steps(4, (4, 4), seed), 4) for seed in range(2)]
    scales = [np.full(4, 0.14 / 127)] * 2
    content = write_dense(kernels, scales, [np.zeros(4, np.int32)] * 2)
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    first, second = file.subgraphs[0].operators
    second.inputs = np.array([*second.inputs[:2], first.inputs[2]], np.int32)
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    assert narrow_weights(content, {4}) == content


def test_tensors_of_one_buffer_do_not_change_each_other():
    kernel = stored(random_steps(4, (4, 4)), 4)
    content = write_dense(
        [kernel, kernel], [np.full(4, 0.14 / 127)] * 2, [np.zeros(4, np.int32)] * 2
    )
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    tensors = {tensor.name: tensor for tensor in file.subgraphs[0].tensors}
    tensors[b"kernel1"].buffer = tensors[b"kernel0"].buffer
    tensors[b"bias1"].buffer = tensors[b"bias0"].buffer
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    narrow = narrow_weights(content, {4})
    for name in ("kernel0", "kernel1"):
        assert tensors_of(narrow)[name].type == INT4
        assert len(numbers_of(narrow, name)) == 8
    x = np.random.default_rng(1).integers(-50, 50, (32, 4)).astype(np.int8)
    difference = run(narrow, x).astype(int) - run(content, x)
    assert np.abs(difference).max() <= 1
