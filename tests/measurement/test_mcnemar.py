import numpy as np
import pytest
from scipy import stats

from tfcompress.errors import DataError, ModelError
from tfcompress.measurement import Predictions, mcnemar
from tfcompress.measurement.quality.mcnemar import compute_p_value, run_mcnemar


def predictions(right, labels=None, weights=None):
    """A classifier of two classes that is right where `right` says."""
    labels = np.zeros(len(right), int) if labels is None else labels
    chosen = np.where(right, labels, 1 - labels)
    return Predictions(np.eye(2, dtype=np.float32)[chosen], labels, weights)


def test_few_differences_by_the_binomial():
    # 1 of 6: twice the chance of at most one head among six, 2 * (1 + 6) / 64.
    assert compute_p_value(1, 5) == (pytest.approx(14 / 64), None)
    assert compute_p_value(5, 1) == (pytest.approx(14 / 64), None)
    assert compute_p_value(0, 0) == (1.0, None)
    assert compute_p_value(3, 3) == (1.0, None)


def test_many_differences_by_chi_square():
    # The example of Agresti and of statsmodels: 86 and 150.
    p_value, statistic = compute_p_value(86, 150)
    assert statistic == pytest.approx((64 - 1) ** 2 / 236)
    assert p_value == pytest.approx(1 - stats.chi2.cdf(statistic, 1))
    assert p_value == pytest.approx(4.1e-5, rel=0.02)


def test_25_differences_are_many():
    assert compute_p_value(4, 20)[1] is None
    assert compute_p_value(5, 20)[1] == pytest.approx(14**2 / 25)


def test_counts():
    first = np.array([1, 1, 1, 0, 0, 1, 1], bool)
    second = np.array([1, 0, 0, 1, 0, 1, 0], bool)
    labels = np.array([0, 1, 0, 1, 0, 1, 0])
    weights = np.array([1, 1, 1, 1, 1, 3, 0.0])
    test = run_mcnemar(
        predictions(first, labels, weights), predictions(second, labels, weights)
    )
    assert (test.only_first, test.only_second, test.both, test.neither) == (2, 1, 2, 1)
    assert (test.samples, test.method, test.statistic) == (6, "exact", None)
    assert test.p_value == 1.0
    assert "the first model alone is right on 2, the second alone on 1" in str(test)


def test_models_and_files(dense_model, dense_files, samples, expected):
    labels = expected.argmax(1)
    test = mcnemar(dense_model, dense_files["fixed"], (samples, labels))
    assert (test.p_value, test.both) == (1.0, 37)


def test_bad_labels(dense_model, samples):
    with pytest.raises(DataError, match=r"pass \(x, y\).*x alone"):
        mcnemar(dense_model, dense_model, samples)
    steps = Predictions(np.ones((2, 4, 3)), np.zeros((2, 4), int))
    with pytest.raises(DataError, match=r"one class number.*\(2, 4\)"):
        run_mcnemar(steps, steps)
    numbers = Predictions(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(DataError, match="real numbers"):
        run_mcnemar(numbers, numbers)
    with pytest.raises(ModelError, match="2 classes, one with 3"):
        run_mcnemar(predictions([True]), Predictions(np.eye(3)[:1], np.zeros(1, int)))
