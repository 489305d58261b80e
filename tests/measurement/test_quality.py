import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from tfcompress.errors import DataError
from tfcompress.measurement import Predictions, Quality, evaluate
from tfcompress.measurement.quality import score


def predictions(chosen, labels, classes=3):
    return Predictions(np.eye(classes, dtype=np.float32)[chosen], np.array(labels))


def test_numbers_by_hand():
    # Class 0: found 2 of 3, precision 2/2, F1 4/5. Class 1: found 1 of 1, precision
    # 1/2, F1 2/3.
    quality = score(predictions([0, 0, 1, 1], [0, 0, 0, 1], classes=2))
    assert quality.accuracy == pytest.approx(3 / 4)
    assert quality.macro_recall == pytest.approx((2 / 3 + 1) / 2)
    assert quality.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert quality.samples == 4


def test_means_run_over_the_classes_in_the_labels():
    # Class 2 is predicted but never right, for it does not occur: recall of the
    # classes that do is 1/2 and 1, F1 2/3 and 1.
    quality = score(predictions([0, 2, 1], [0, 0, 1]))
    assert quality.macro_recall == pytest.approx(3 / 4)
    assert quality.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_class_that_is_never_predicted_has_no_f1():
    quality = score(predictions([0, 0], [0, 1]))
    assert quality.macro_recall == pytest.approx(1 / 2)
    assert quality.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_macro_recall_is_balanced_accuracy():
    generator = np.random.default_rng(0)
    labels, chosen = generator.integers(0, 5, (2, 400))
    quality = score(predictions(chosen, labels, classes=5))
    expected = balanced_accuracy_score(labels, chosen)
    assert quality.macro_recall == pytest.approx(expected)


def test_model_and_files_alike(dense_model, dense_files, samples, expected):
    labels = np.argmax(expected, axis=1)
    labels[:5] = (labels[:5] + 1) % 3
    for subject in (dense_model, *(dense_files[name] for name in ("fixed", "free"))):
        quality = evaluate(subject, (samples, labels))
        assert isinstance(quality, Quality)
        assert quality.accuracy == pytest.approx(32 / 37)
    assert evaluate(dense_files["int8"], (samples, labels)).accuracy > 0.75


def test_labels_are_needed(dense_model, samples):
    with pytest.raises(DataError, match=r"pass \(x, y\)"):
        evaluate(dense_model, samples)
