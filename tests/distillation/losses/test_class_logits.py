import numpy as np
import pytest
import tensorflow as tf

from tests.distillation.differences import central_differences, gradient
from tfcompress.distillation.losses.class_logits import (
    as_classes,
    one_hot,
    shift_to_label,
    standardize,
)
from tfcompress.errors import DataError

LOGITS = np.random.default_rng(0).normal(scale=3.0, size=(4, 5))


def test_a_single_column_gets_a_first_class():
    np.testing.assert_array_equal(as_classes([[1.5], [-2.0]]), [[0, 1.5], [0, -2.0]])


def test_columns_stay_and_become_float32():
    values = as_classes(LOGITS.astype(np.float16))
    assert values.dtype == tf.float32
    np.testing.assert_array_equal(values, LOGITS.astype(np.float16))


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0],
        [[2], [0]],
        np.array([2.0, 0.0], np.float32),
        [[0, 0, 1], [1, 0, 0]],
        np.array([[0, 0, 1], [1, 0, 0]], np.int64),
    ],
)
def test_labels_in_every_form(labels):
    values = one_hot(labels, tf.zeros((2, 3)))
    assert values.dtype == tf.float32
    np.testing.assert_array_equal(values, [[0, 0, 1], [1, 0, 0]])


def test_labels_of_positions():
    values = one_hot([[1, 0, -1]], tf.zeros((1, 3, 2)))
    np.testing.assert_array_equal(values, [[[0, 1], [1, 0], [0, 0]]])


def test_no_labels():
    with pytest.raises(DataError, match="give the data labels.* Received: labels=None"):
        one_hot(None, tf.zeros((2, 3)))


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 3), ()])
def test_labels_of_another_shape(shape):
    with pytest.raises(DataError, match="Labels must be numbers .*Received: labels of"):
        one_hot(tf.zeros(shape), tf.zeros((2, 3)))


def test_shift_worked_by_hand():
    logits = [[5.0, 1.0, 2.0], [5.0, 1.0, 2.0], [5.0, 1.0, 2.0]]
    values = shift_to_label(logits, [2, 0, -1])
    # Wrong: 5 and 2 change places. Right, and without a label: as it was.
    np.testing.assert_array_equal(values, [[2, 1, 5], [5, 1, 2], [5, 1, 2]])


def test_shift_is_exact_for_extreme_logits_of_one_sample():
    values = shift_to_label([[80.0, 1e-3, -80.0]], [[0.0, 0.1, 0.9]])
    np.testing.assert_array_equal(values, np.float32([[-80.0, 1e-3, 80.0]]))


def test_shift_of_positions_and_two_classes():
    values = shift_to_label([[[1.0, 2.0], [1.0, 2.0]]], [[0, 1]])
    np.testing.assert_array_equal(values, [[[2, 1], [1, 2]]])


def test_standardized_worked_by_hand():
    # Mean 2; squares 1 + 0 + 1 over 3 less 1.
    np.testing.assert_allclose(standardize([[1.0, 2.0, 3.0]]), [[-1, 0, 1]], rtol=1e-6)


def by_numpy(logits):
    deviation = logits.std(-1, ddof=1, keepdims=True)
    return (logits - logits.mean(-1, keepdims=True)) / (1e-7 + deviation)


@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_standardized_equals_numpy(scale):
    values = standardize(LOGITS * scale)
    np.testing.assert_allclose(values, by_numpy(LOGITS * scale), rtol=1e-5)


def test_standardized_gradient_equals_differences():
    weights = np.random.default_rng(1).normal(size=LOGITS.shape)
    found = gradient(lambda z: standardize(z) * weights, LOGITS)
    expected = central_differences(lambda z: by_numpy(z) * weights, LOGITS)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_equal_logits_have_a_standardized_value_and_gradient():
    assert np.all(standardize([[3.0, 3.0]]).numpy() == 0)
    assert np.isfinite(gradient(standardize, [[3.0, 3.0, 3.0]])).all()
