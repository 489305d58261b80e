"""Metrics whose value can be worked out with a pencil."""

import numpy as np
import pytest

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement import Predictions, confusion_matrix, score


def measure(name, scores, labels, weights=None):
    weights = None if weights is None else np.array(weights, np.float64)
    scores = np.array(scores, np.float32)
    return score(Predictions(scores, np.array(labels), weights), name)[name]


def test_calibration_error_of_two_bins():
    # Confidence 0.9 four times, right three times: a gap of 0.15 with 4 of 6 samples.
    # Confidence 0.6 twice, right twice: a gap of 0.4 with 2 of 6.
    scores = [[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2
    labels = [0, 0, 0, 1, 1, 1]
    found = measure("expected_calibration_error", scores, labels)
    assert found == pytest.approx((4 * 0.15 + 2 * 0.4) / 6, abs=1e-6)


def test_calibration_error_of_weighted_samples():
    # With weight 2 of the wrong one, right is 3 of 5 of weight, and the gap 0.3.
    scores = [[0.9, 0.1]] * 4
    found = measure("expected_calibration_error", scores, [0, 0, 0, 1], [1, 1, 1, 2])
    assert found == pytest.approx(0.3, abs=1e-6)


def test_calibration_error_by_the_papers_loop():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(400, 5)).astype(np.float32)
    labels = generator.integers(0, 5, 400)
    powers = np.exp(logits.astype(np.float64))
    confidence = (powers / powers.sum(1, keepdims=True)).max(1)
    right = logits.argmax(1) == labels
    expected = 0.0
    for m in range(15):
        inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    found = measure("expected_calibration_error", logits, labels)
    assert found == pytest.approx(expected)


def test_confidence_of_one_output_is_that_of_the_chosen_class():
    # Probability 0.2 of class 1 is 0.8 of class 0, which is right.
    found = measure("expected_calibration_error", [[0.2], [0.2]], [0, 0])
    assert found == pytest.approx(0.2, abs=1e-6)


def test_perplexity_of_a_guess_is_the_number_of_classes():
    assert measure("perplexity", np.zeros((6, 8)), [0, 1, 2, 3, 4, 5]) == pytest.approx(
        8
    )


def test_perplexity_of_probabilities_and_padding():
    # exp of the mean of -log(1/2) and -log(1/8) is sqrt(16); the rest is padding.
    scores = [[[0.5, 0.5, 0.0], [0.25, 0.625, 0.125], [1.0, 0.0, 0.0]]]
    found = measure("perplexity", scores, [[0, 2, 1]], [[1, 1, 0]])
    assert found == pytest.approx(4.0)


def test_impossible_is_not_infinite():
    assert measure("perplexity", [[1.0, 0.0]], [1]) == pytest.approx(1e7)


def test_quantized_probabilities_are_divided_by_their_sum():
    # Class 0 has 0.4 of 0.8.
    found = measure("perplexity", [[0.4, 0.2, 0.2]], [0])
    assert found == pytest.approx(2.0)


def test_equal_scores_rank_as_they_are_chosen():
    scores = [[1, 1, 1, 0]] * 3
    assert measure("top_1_accuracy", scores, [0, 1, 2]) == pytest.approx(1 / 3)
    assert measure("top_2_accuracy", scores, [0, 1, 2]) == pytest.approx(2 / 3)
    assert measure("accuracy", scores, [0, 1, 2]) == pytest.approx(1 / 3)


def test_top_k_of_one_output():
    assert measure("top_1_accuracy", [[0.7], [0.6]], [1, 0]) == 0.5
    assert measure("top_2_accuracy", [[0.7], [0.6]], [1, 0]) == 1.0
    with pytest.raises(ArgumentError, match="2 classes has no 5 best"):
        measure("top_5_accuracy", [[0.7], [0.6]], [1, 0])


def test_mean_iou_of_a_picture():
    # Class 0 is in 2 pixels, chosen in 1 of them: 1/2. Class 1 is in 2 pixels, chosen
    # in 3: 2/3. Class 2 neither occurs nor is chosen, and does not count.
    labels = [[[0, 0], [1, 1]]]
    chosen = np.array([[[0, 1], [1, 1]]])
    found = measure("mean_iou", np.eye(3)[chosen], labels)
    assert found == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_area_with_three_right_pairs_and_a_tie():
    # Pairs (class 1, class 0): 0.8 > 0.3, 0.8 > 0.5, 0.5 > 0.3, 0.5 = 0.5.
    found = measure("roc_auc", [[0.8], [0.5], [0.3], [0.5]], [1, 1, 0, 0])
    assert found == pytest.approx(3.5 / 4)


def test_area_needs_two_classes():
    with pytest.raises(DataError, match="'roc_auc' is not defined.*two classes"):
        measure("roc_auc", [[0.8], [0.5]], [1, 1])


def test_padding_is_no_class():
    # The third sample is padding of class 0, which does not occur otherwise.
    found = measure("macro_recall", np.eye(3)[[1, 1, 2]], [1, 2, 0], [1, 1, 0])
    assert found == pytest.approx((1 + 0) / 2)


def test_confusion_matrix():
    predictions = Predictions(np.eye(3)[[0, 2, 1, 1]], np.array([0, 0, 1, 1]))
    matrix = confusion_matrix(predictions)
    assert matrix.tolist() == [[1, 0, 1], [0, 2, 0], [0, 0, 0]]
    assert matrix.dtype == np.int64


def test_confusion_matrix_needs_classes():
    with pytest.raises(DataError, match="class numbers.*'values'"):
        confusion_matrix(Predictions(np.ones((2, 1)), np.array([[0.5], [1.5]])))
