"""Clustered kernels keep the whole numbers that they were trained as."""

import numpy as np

from tests.export.integer_files import numbers_of, run, tensors_of, write_dense
from tfcompress.export.few_bits.shared_scales import share_scales

# Four values, 0.5 a step: the largest of an output is 127, 40, 40 and 0 steps.
TRAINED = np.array([[127, -40, 0, 40], [40, 0, -40, 40], [0, -40, 40, 0], [0] * 4])


def file_of(trained, signs=(1, 1, 1, 1)):
    """What the converter makes of it: the largest of each output is 127."""
    greatest = np.maximum(np.abs(trained).max(axis=1), 1)
    stored = np.rint(trained * (127 / greatest)[:, None]) * np.array(signs)[:, None]
    scales = 0.5 * greatest / 127
    return write_dense([stored.astype(np.int8)], [scales], [np.full(4, 1000, np.int32)])


def test_one_scale_and_the_trained_numbers():
    content = file_of(TRAINED)
    shared = share_scales(content, [TRAINED])
    stored = numbers_of(shared, "kernel0").view(np.int8).reshape(4, 4)
    assert stored.tolist() == TRAINED.tolist()
    kernel, bias = (tensors_of(shared)[name] for name in ("kernel0", "bias0"))
    before = tensors_of(content)["bias0"]
    scales = [0.5, 0.5, 0.5, 0.5 / 127]
    np.testing.assert_allclose(kernel.quantization.scale, scales, rtol=1e-6)
    counts = numbers_of(shared, "bias0").view(np.int32)
    # 1000 steps of 40/127 of the scale are 314.96 of the whole one.
    assert counts.tolist() == [1000, 315, 315, 1000]
    np.testing.assert_allclose(
        counts * np.array(bias.quantization.scale),
        1000 * np.array(before.quantization.scale),
        rtol=1e-3,
    )
    samples = np.random.default_rng(0).integers(-128, 128, (8, 4)).astype(np.int8)
    steps = run(shared, samples).astype(int) - run(content, samples)
    assert np.abs(steps).max() <= 1


def test_factor_of_a_folded_normalization_may_be_negative():
    turned = np.array([1, -1, 1, 1])
    shared = share_scales(file_of(TRAINED, turned), [TRAINED])
    stored = numbers_of(shared, "kernel0").view(np.int8).reshape(4, 4)
    assert stored.tolist() == (turned[:, None] * TRAINED).tolist()


def test_other_kernels_stay_as_they_are():
    content = file_of(TRAINED)
    other = TRAINED.copy()
    other[0, 1] = -44
    assert share_scales(content, [other, TRAINED[:, :3]]) is content
    assert share_scales(content, []) is content
