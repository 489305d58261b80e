import numpy as np
import pytest
import sklearn.metrics
from scipy import stats

from tfcompress.errors import ArgumentError
from tfcompress.measurement import Predictions, score
from tfcompress.measurement.quality.bootstrap import bootstrap


def mean_of(numbers):
    return {"mean": lambda counts: np.average(numbers, weights=counts)}


def test_interval_of_a_mean_is_scipys():
    numbers = np.random.default_rng(0).normal(5, 2, 200)
    low, high = bootstrap(mean_of(numbers), 200, resamples=4000)["mean"]
    expected = stats.bootstrap(
        (numbers,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    width = expected.high - expected.low
    assert low == pytest.approx(expected.low, abs=0.05 * width)
    assert high == pytest.approx(expected.high, abs=0.05 * width)


def test_interval_of_accuracy_is_that_of_the_binomial():
    labels = np.arange(400) % 4 == 0
    predictions = Predictions(np.eye(2)[np.zeros(400, int)], labels.astype(int))
    quality = score(predictions, "accuracy", confidence=0.9, resamples=4000)
    expected = stats.binom.ppf([0.05, 0.95], 400, 0.75) / 400
    assert quality.intervals["accuracy"] == pytest.approx(expected, abs=0.006)
    assert quality.confidence == 0.9
    assert "90% interval" in str(quality)


def test_a_resample_is_what_was_drawn():
    # Weights of counts, and the samples repeated: the same macro F1 and area.
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(30, 3)).astype(np.float32)
    labels = generator.integers(0, 3, 30)
    counts = generator.integers(0, 4, 30)
    rows = np.arange(30).repeat(counts)
    names = ["macro_f1", "roc_auc", "expected_calibration_error", "perplexity"]
    weighted = score(Predictions(scores, labels, counts.astype(float)), names)
    repeated = score(Predictions(scores[rows], labels[rows]), names)
    assert dict(weighted.values) == pytest.approx(dict(repeated.values))


def test_seed_repeats_the_draws():
    numbers = np.random.default_rng(0).normal(size=50)
    first, second, other = (
        bootstrap(mean_of(numbers), 50, resamples=50, seed=seed) for seed in (1, 1, 2)
    )
    assert first == second != other


def test_resamples_of_one_class_do_not_count():
    scores = np.array([[0.1], [0.9], [0.8]], np.float32)
    predictions = Predictions(scores, np.array([0, 1, 1]))
    quality = score(predictions, "roc_auc", confidence=0.95, resamples=100)
    assert quality.intervals["roc_auc"] == (1.0, 1.0)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_bad_confidence(confidence):
    with pytest.raises(ArgumentError, match=f"between 0 and 1.*{confidence}"):
        bootstrap(mean_of([1, 2]), 2, confidence=confidence)


@pytest.mark.parametrize("resamples", [0, 10.0, True])
def test_bad_resamples(resamples):
    with pytest.raises(ArgumentError, match=f"resamples={resamples}"):
        bootstrap(mean_of([1, 2]), 2, resamples=resamples)


@pytest.mark.parametrize(
    "metric", [sklearn.metrics.log_loss, sklearn.metrics.roc_auc_score]
)
def test_resamples_that_scikit_learn_refuses_do_not_count(metric):
    """One sample in five is of class 1, so a third of the resamples have none."""
    scores = np.array([[0.1], [0.2], [0.3], [0.4], [0.9]], np.float32)
    predictions = Predictions(scores, np.array([0, 0, 0, 0, 1]))
    quality = score(predictions, metric, confidence=0.95, resamples=60)
    low, high = quality.intervals[metric.__name__]
    assert low <= quality[metric.__name__] <= high
