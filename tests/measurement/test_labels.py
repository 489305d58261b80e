import numpy as np
import pytest

from tfcompress.errors import DataError
from tfcompress.measurement.quality.labels import (
    check_labelled,
    fit_labels,
    fit_weights,
    read_labels,
    read_values,
)


def scores(*shape):
    return np.linspace(-1, 1, int(np.prod(shape))).reshape(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("labels", "shape", "expected"),
    [
        ([2, 0], (2, 3), [2, 0]),
        ([True, False], (2, 1), [1, 0]),
        ([0.0, 1.0], (2, 1), [0, 1]),
        ([[0, 1], [1, 0]], (2, 1), [1, 0]),
        ([[0.1, 0.2, 0.7], [1, 0, 0]], (2, 3), [2, 0]),
        ([[[0, 1], [1, 0]]], (1, 2, 2), [[1, 0]]),
    ],
)
def test_one_class(labels, shape, expected):
    found = read_labels(
        fit_labels(np.array(labels), scores(*shape), None), scores(*shape)
    )
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_several_classes():
    found = read_labels(np.array([[1.0, 1.0], [0, 0]]), scores(2, 2))
    assert found.tolist() == [[1, 1], [0, 0]]
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "shape"),
    [([0.5, 1], (2, 1)), ([0, 7], (2, 1)), ([[1, 2], [0, 0]], (2, 2))],
)
def test_real_numbers(labels, shape):
    found = read_labels(np.array(labels), scores(*shape))
    np.testing.assert_array_equal(found, np.reshape(labels, shape))
    assert found.dtype == np.float64


def test_a_label_of_no_weight_may_be_anything():
    weights = np.array([[1.0, 0.0]])
    for pad in (-1, 255, np.nan):
        found = fit_labels(np.array([[2, pad]]), scores(1, 2, 3), weights)
        assert found.tolist() == [[2, 0]]


@pytest.mark.parametrize(
    ("labels", "shape", "message"),
    [
        ([0, 1, 2], (2, 3), "3 labels for 2 samples"),
        ([0, 1], (2, 4, 3), r"shape \(samples, 4\).*\(samples, 4, 3\).*shape \(2,\)"),
        ([0, np.nan], (2, 3), "y must hold finite numbers"),
        ([[0, 1]], (1, 3), "one column for each of 2 classes, but the model has 3"),
        ([0.5, 1], (2, 2), r"or one number for.*\(samples, 2\).*such as 0.5"),
        ("ab", (2, 3), "Labels must be class numbers"),
    ],
)
def test_labels_that_do_not_fit(labels, shape, message):
    with pytest.raises(DataError, match=message):
        fit_labels(np.array(labels), scores(*shape), None)


def test_real_numbers_for_each_output():
    with pytest.raises(DataError, match=r"as many as .*\(2,\) for .*\(2, 3\)"):
        read_values(np.zeros(2), scores(2, 3))


def test_weights():
    assert fit_weights(None, scores(2, 3)) is None
    assert fit_weights([1, 2], scores(2, 3)).tolist() == [1.0, 2.0]
    assert fit_weights([[1], [2]], scores(2, 4, 3)).tolist() == [1.0, 2.0]
    assert fit_weights(np.ones((2, 4, 1)), scores(2, 4, 3)).shape == (2, 4)
    for bad in (np.ones(3), np.ones((2, 3)), ["a", "b"]):
        with pytest.raises(DataError, match=r"of shape \(2,\) or \(2, 4\)"):
            fit_weights(bad, scores(2, 4, 3))
    with pytest.raises(DataError, match="finite"):
        fit_weights([1, np.inf], scores(2, 3))


def test_data_without_labels():
    check_labelled((np.ones((2, 1)), np.ones(2)))
    with pytest.raises(DataError, match=r"pass \(x, y\)"):
        check_labelled(np.ones((2, 1)))
