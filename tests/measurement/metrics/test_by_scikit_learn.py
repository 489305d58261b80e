"""Metrics of classes against scikit-learn, with and without sample weights."""

import numpy as np
import pytest
import sklearn.metrics

from tfcompress.measurement import Predictions, score

CLASSES = 4
SKLEARN = {
    "precision": sklearn.metrics.precision_score,
    "recall": sklearn.metrics.recall_score,
    "f1": sklearn.metrics.f1_score,
}


def softmax(scores):
    powers = np.exp(scores.astype(np.float64))
    return powers / powers.sum(-1, keepdims=True)


@pytest.fixture(params=["alike", "weighted"])
def case(request):
    """Predictions of four classes, and weights as scikit-learn takes them."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, CLASSES, 300)
    scores = generator.normal(size=(300, CLASSES)).astype(np.float32)
    weights = generator.uniform(0, 2, 300) if request.param == "weighted" else None
    return Predictions(scores, labels, weights), {"sample_weight": weights}


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", SKLEARN)
def test_precision_recall_f1(case, average, name):
    predictions, weights = case
    expected = SKLEARN[name](
        predictions.labels, predictions.scores.argmax(1), average=average, **weights
    )
    asked = f"{average}_{name}"
    assert score(predictions, [asked])[asked] == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k(case, k):
    predictions, weights = case
    expected = sklearn.metrics.top_k_accuracy_score(
        predictions.labels, predictions.scores, k=k, **weights
    )
    name = f"top_{k}_accuracy"
    assert score(predictions, name)[name] == pytest.approx(expected)


def test_others(case):
    predictions, weights = case
    labels, chosen = predictions.labels, predictions.scores.argmax(1)
    probabilities = softmax(predictions.scores)
    loss = sklearn.metrics.log_loss(labels, probabilities, **weights)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(labels, chosen, **weights),
        "roc_auc": sklearn.metrics.roc_auc_score(
            labels, probabilities, multi_class="ovr", **weights
        ),
        "mean_iou": sklearn.metrics.jaccard_score(
            labels, chosen, average="macro", **weights
        ),
        "perplexity": np.exp(loss),
    }
    quality = score(predictions, [*expected, "confusion_matrix"])
    assert dict(quality.values) == pytest.approx(expected)
    np.testing.assert_allclose(
        quality.confusion_matrix,
        sklearn.metrics.confusion_matrix(labels, chosen, **weights),
    )


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", SKLEARN)
def test_several_classes_for_a_sample(average, name):
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, (200, 3))
    scores = generator.normal(size=(200, 3)).astype(np.float32)
    weights = generator.uniform(0, 2, 200)
    asked = f"{average}_{name}"
    metrics = [asked, "accuracy", "roc_auc"]
    quality = score(Predictions(scores, labels, weights), metrics)
    chosen = (scores > 0).astype(int)
    expected = [
        SKLEARN[name](labels, chosen, average=average, sample_weight=weights),
        sklearn.metrics.accuracy_score(labels, chosen, sample_weight=weights),
        sklearn.metrics.roc_auc_score(labels, scores, sample_weight=weights),
    ]
    assert list(quality.values.values()) == pytest.approx(expected)


def test_binary_area_of_equal_scores():
    generator = np.random.default_rng(5)
    scores = (generator.integers(0, 8, (200, 1)) / 7).astype(np.float32)
    labels = generator.integers(0, 2, 200)
    expected = sklearn.metrics.roc_auc_score(labels, scores[:, 0])
    both = np.concatenate([1 - scores, scores], axis=1)
    for given in (scores, both):
        quality = score(Predictions(given, labels), "roc_auc")
        assert quality["roc_auc"] == pytest.approx(expected)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_real_numbers(columns, weighted):
    generator = np.random.default_rng(7)
    labels = generator.normal(1000, 3, (50, columns))
    scores = (labels + generator.normal(size=labels.shape)).astype(np.float32)
    weights = generator.uniform(0, 2, 50) if weighted else None
    quality = score(Predictions(scores, labels, weights), ["mae", "rmse", "r2"])
    given = {"sample_weight": weights}
    squared = sklearn.metrics.mean_squared_error(labels, scores, **given)
    expected = {
        "mae": sklearn.metrics.mean_absolute_error(labels, scores, **given),
        "rmse": np.sqrt(squared),
        "r2": sklearn.metrics.r2_score(labels, scores, **given),
    }
    assert dict(quality.values) == pytest.approx(expected)


@pytest.mark.parametrize(("error", "expected"), [(0.0, 1.0), (0.25, 0.0)])
def test_r2_of_labels_that_are_all_equal(error, expected):
    labels = np.full((4, 1), 0.1)
    labels_32 = labels.astype(np.float32).astype(np.float64)
    predictions = Predictions((labels_32 + error).astype(np.float32), labels_32)
    assert score(predictions, "r2")["r2"] == expected
    assert expected == sklearn.metrics.r2_score(labels_32, labels_32 + error)
