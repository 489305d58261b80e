import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.errors import DataError
from tfcompress.measurement import Predictions, score

BOTH = pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])


@pytest.fixture(scope="module")
def case():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(50, 3)).astype(np.float32)
    labels = generator.integers(0, 3, 50)
    return Predictions(logits, labels, generator.uniform(0, 2, 50), np.eye(3)[labels])


@BOTH
def test_scores_labels_and_weights_as_they_are(case, library):
    metric = library.metrics.CategoricalCrossentropy(from_logits=True, name="loss")
    logits = case.scores.astype(np.float64)
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(50), case.labels]
    expected = np.average(losses, weights=case.weights)
    quality = score(case, [metric])
    assert quality["loss"] == pytest.approx(expected, rel=1e-5)
    assert quality.lower_is_better == ("loss",)


@BOTH
def test_state_does_not_pile_up(case, library):
    metric = library.metrics.CategoricalAccuracy()
    metric.update_state(np.eye(3), np.eye(3)[[1, 2, 0]])
    expected = np.average(case.scores.argmax(1) == case.labels, weights=case.weights)
    for _ in range(2):
        found = score(case, [metric])["categorical_accuracy"]
        assert found == pytest.approx(expected, rel=1e-6)
    assert float(metric.result()) == 0.0


@BOTH
def test_one_output(library):
    labels = np.array([0, 1, 1, 0])
    scores = np.array([[0.2], [0.9], [0.4], [0.6]], np.float32)
    metrics = [library.metrics.Precision(name="p"), library.metrics.Recall(name="r")]
    quality = score(Predictions(scores, labels, None, labels), metrics)
    assert dict(quality.values) == pytest.approx({"p": 0.5, "r": 0.5})


@BOTH
def test_intervals(case, library):
    metric = library.metrics.CategoricalAccuracy(name="keras")
    quality = score(case, [metric, "accuracy"], confidence=0.9, resamples=20)
    assert quality.intervals["keras"] == pytest.approx(quality.intervals["accuracy"])


@BOTH
def test_metric_that_does_not_fit(case, library):
    metric = library.metrics.CategoricalAccuracy()
    wrong = Predictions(case.scores, case.labels, None, np.ones((50, 7, 2)))
    with pytest.raises(DataError, match="'categorical_accuracy' must take labels"):
        score(wrong, metric)


def test_metric_of_many_numbers(case):
    with pytest.raises(DataError, match="one finite number"):
        score(case, keras.metrics.F1Score())
