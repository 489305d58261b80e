import keras
import numpy as np
import pytest
from scipy.special import rel_entr, softmax

from tfcompress.errors import DataError, ModelError
from tfcompress.measurement import Difference, Predictions, agreement
from tfcompress.measurement.quality.agreement import measure_agreement, share_agreement


def chosen(*classes, labels=None, weights=None):
    scores = np.eye(3, dtype=np.float32)[list(classes)]
    labels = None if labels is None else np.array(labels)
    return Predictions(scores, labels, weights)


def test_share_by_hand():
    assert share_agreement(chosen(0, 1, 2, 2), chosen(0, 1, 2, 0)) == 0.75
    assert share_agreement(chosen(0, 1), chosen(0, 1)) == 1.0


def test_one_output_agrees_with_two():
    one = Predictions(np.array([[0.1], [0.9], [0.8]], np.float32), None)
    two = Predictions(np.array([[3, 1], [0, 4], [2, 1]], np.float32), None)
    assert share_agreement(one, two) == pytest.approx(2 / 3)


def test_weights_count():
    weights = np.array([1.0, 2.0, 1.0, 0.0])
    first, second = (chosen(*c, weights=weights) for c in ((0, 1, 2, 0), (0, 2, 2, 1)))
    found = measure_agreement(first, second)
    assert found.share == pytest.approx(2 / 4)
    assert [example.index for example in found.examples] == [1]


def test_flips_and_examples():
    labels = [0, 1, 1, 2, 2]
    first = chosen(0, 1, 2, 2, 0, labels=labels)
    found = measure_agreement(first, chosen(0, 2, 1, 0, 1, labels=labels))
    assert found.share == float(found) == 0.2
    assert found.flips == {0: {1: 1}, 1: {2: 1}, 2: {0: 1, 1: 1}}
    assert found.examples == (
        Difference(1, 1, 2, 1),
        Difference(2, 2, 1, 1),
        Difference(3, 2, 0, 2),
        Difference(4, 0, 1, 2),
    )
    right = [example.right for example in found.examples]
    assert right == ["first", "second", "first", "neither"]
    assert Difference(0, 1, 2).right is None
    assert "20.00% of the choices on 5 samples" in str(found)


def test_divergence_of_logits():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(2, 40, 5)).astype(np.float32)
    found = measure_agreement(*(Predictions(part, None) for part in scores))
    p, q = softmax(scores.astype(np.float64), axis=-1)
    assert found.kl == pytest.approx(rel_entr(p, q).sum(1).mean())


def test_divergence_of_probabilities_by_hand():
    first = Predictions(np.array([[0.5, 0.5]], np.float32), None)
    second = Predictions(np.array([[0.25, 0.75]], np.float32), None)
    expected = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    assert measure_agreement(first, second).kl == pytest.approx(expected)
    same = measure_agreement(first, first)
    assert (same.kl, same.flips, same.examples) == (0.0, {}, ())


def test_what_cannot_be_is_not_infinite():
    found = measure_agreement(chosen(0), chosen(1))
    assert found.kl == pytest.approx(np.log(1e7), rel=1e-3)


def test_pictures():
    first = Predictions(np.eye(3)[np.zeros((2, 2, 2), int)], None)
    changed = np.zeros((2, 2, 2), int)
    changed[1, 0, 1] = changed[1, 1, 0] = 2
    found = measure_agreement(first, Predictions(np.eye(3)[changed], None))
    assert found.share == 0.75
    assert found.flips == {0: {2: 2}}
    assert found.examples == (Difference(1, 0, 2, None, (0, 1)),)


def test_model_agrees_with_its_file(dense_model, dense_files, samples):
    found = agreement(dense_model, dense_files["fixed"], samples)
    assert float(found) == 1.0
    assert found.kl == pytest.approx(0.0, abs=1e-6)


def test_other_classes(dense_model, samples):
    inputs = keras.Input((2,))
    other = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    with pytest.raises(ModelError, match="one with 3 classes, one with 4"):
        agreement(dense_model, other, samples)


def test_no_classes(samples):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    with pytest.raises(DataError, match="real numbers"):
        agreement(model, model, (samples, samples[:, 0]))
    twice = keras.Model(inputs, [inputs, keras.layers.Dense(1)(inputs)])
    with pytest.raises(ModelError, match="one output"):
        agreement(twice, twice, samples)
