import functools

import numpy as np
import pytest
import sklearn.metrics

from tfcompress.errors import DataError
from tfcompress.measurement import Predictions, score


@pytest.fixture(scope="module")
def three():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1, 1], 60).astype(np.float32)
    return Predictions(probabilities, generator.integers(0, 3, 60))


@pytest.fixture(scope="module")
def two():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(60, 1)).astype(np.float32)
    weights = generator.uniform(0, 2, 60)
    return Predictions(logits, generator.integers(0, 2, 60), weights)


def test_function_of_chosen_classes(three):
    quality = score(three, [sklearn.metrics.cohen_kappa_score])
    expected = sklearn.metrics.cohen_kappa_score(three.labels, three.scores.argmax(1))
    assert quality["cohen_kappa_score"] == pytest.approx(expected)


def test_function_of_probabilities(three):
    function = functools.partial(sklearn.metrics.roc_auc_score, multi_class="ovo")
    quality = score(three, [function, sklearn.metrics.log_loss])
    scores = three.scores.astype(np.float64)
    scores /= scores.sum(1, keepdims=True)
    expected = sklearn.metrics.roc_auc_score(three.labels, scores, multi_class="ovo")
    assert quality["roc_auc_score"] == pytest.approx(expected)
    expected = sklearn.metrics.log_loss(three.labels, scores)
    assert quality["log_loss"] == pytest.approx(expected)
    assert quality.lower_is_better == ("log_loss",)


@pytest.mark.parametrize(
    "function",
    [
        sklearn.metrics.average_precision_score,
        sklearn.metrics.brier_score_loss,
        sklearn.metrics.log_loss,
    ],
)
def test_probability_of_class_1(two, function):
    quality = score(two, function)
    positive = 1 / (1 + np.exp(-two.scores[:, 0].astype(np.float64)))
    expected = function(two.labels, positive, sample_weight=two.weights)
    assert quality[function.__name__] == pytest.approx(expected)


def test_function_of_real_numbers():
    labels = np.array([[1.5], [2.0], [4.0]])
    scores = np.array([[1.0], [2.0], [6.0]], np.float32)
    weights = np.array([1.0, 1.0, 2.0])

    def largest(y_true, y_pred):
        assert y_true.shape == y_pred.shape == (3,)
        return np.abs(y_true - y_pred).max()

    assert score(Predictions(scores, labels), largest)["largest"] == 2.0
    quality = score(
        Predictions(scores, labels, weights), sklearn.metrics.mean_pinball_loss
    )
    # Half of each error: 0.25, 0, 1 with weight 2.
    assert quality["mean_pinball_loss"] == pytest.approx(2.25 / 4)


def test_steps_are_flattened_and_padding_left_out():
    def shape(y_true, y_score):
        assert y_score.shape == (len(y_true), 3)
        return len(y_true)

    labels, weights = np.zeros((2, 4), int), np.ones((2, 4))
    weights[1, 2:] = 0
    quality = score(Predictions(np.ones((2, 4, 3)), labels, weights), shape)
    assert quality["shape"] == 6


def test_weights_that_a_function_does_not_take(two):
    def rate(y_true, y_pred):
        return np.mean(y_true == y_pred)

    with pytest.raises(DataError, match="'rate' takes no sample_weight"):
        score(two, rate)


def test_function_that_gives_no_number(three):
    with pytest.raises(DataError, match="one finite number"):
        score(three, sklearn.metrics.confusion_matrix)


def test_function_that_does_not_take_the_labels(three):
    with pytest.raises(DataError, match="'f1_score' must take.*multiclass"):
        score(three, sklearn.metrics.f1_score)
