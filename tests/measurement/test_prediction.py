import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfcompress.errors import DataError, ModelError
from tfcompress.measurement import Predictions, predict, predict_each


def column(values):
    return Predictions(np.array(values, np.float32)[:, None], None)


def test_model_and_file_give_the_same_scores(dense_model, dense_files, samples):
    model = predict(dense_model, samples)
    file = predict(dense_files["free"], samples, batch_size=10)
    np.testing.assert_allclose(model.scores, file.scores, atol=1e-6)
    assert model.labels is None


def test_tf_keras_models(samples, expected, dense_model):
    inputs = tf_keras.Input((2,))
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(3)(inputs))
    model.set_weights(dense_model.get_weights())
    np.testing.assert_allclose(predict(model, samples).scores, expected, atol=1e-6)


def test_model_is_run_as_in_inference(samples):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dropout(0.9)(inputs))
    np.testing.assert_array_equal(predict(model, samples).scores, samples)


def test_largest_score_is_chosen():
    scores = np.array([[0, 2, 1], [3, 3, 0], [-3, -2, -1]], np.float32)
    assert Predictions(scores, None).classes.tolist() == [1, 0, 2]


def test_one_output_is_a_probability_or_a_logit():
    assert column([0.2, 0.5, 0.7, 1.0]).classes.tolist() == [0, 0, 1, 1]
    assert column([-4.0, 0.2, 0.0, 3.0]).classes.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("form", ["numbers", "column", "one-hot", "float", "bool"])
def test_forms_of_labels(dense_model, samples, form):
    numbers = np.arange(37) % 2
    labels = {
        "numbers": numbers,
        "column": numbers[:, None],
        "one-hot": np.eye(3)[numbers],
        "float": numbers.astype(np.float32),
        "bool": numbers.astype(bool),
    }[form]
    predictions = predict(dense_model, (samples, labels), batch_size=10)
    np.testing.assert_array_equal(predictions.labels, numbers)
    assert predictions.labels.dtype == np.int64


def test_data_is_read_once_for_all_models(dense_model, dense_files, samples):
    labels = np.arange(37) % 3
    data = tf.data.Dataset.from_tensor_slices((samples, labels))
    data = data.shuffle(37, reshuffle_each_iteration=True).batch(5)
    first, second = predict_each([dense_model, dense_files["fixed"]], data)
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-6)
    np.testing.assert_array_equal(first.labels, second.labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 3]), "from 0 to 2.*Received: labels from 0 to 3"),
        (np.array([-1, 0]), "from 0 to 2.*Received: labels from -1 to 0"),
        (np.array([0.5, 1]), "not whole, such as 0.5"),
        (np.eye(4)[:2], r"Received: y of shape \(2, 4\)"),
        (np.array(["a", "b"]), "Labels must be class numbers"),
        (np.zeros((2, 3, 1)), "Labels must be class numbers"),
        ([np.array([0, 1]), np.array([0, 1])], "Labels must be class numbers"),
    ],
)
def test_labels_that_do_not_fit(dense_model, samples, labels, message):
    with pytest.raises(DataError, match=message):
        predict(dense_model, (samples[:2], labels))


def test_labels_of_a_model_with_one_output(samples):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
    assert predict(model, (samples[:2], np.array([0, 1]))).scores.shape == (2, 1)
    with pytest.raises(DataError, match="from 0 to 1"):
        predict(model, (samples[:2], np.array([0, 2])))


def test_empty_data(dense_model):
    with pytest.raises(DataError, match="empty"):
        predict(dense_model, (np.zeros((0, 2)), np.zeros(0)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_is_not_finite(dense_model, dense_files, bad):
    for subject in (dense_model, dense_files["fixed"]):
        with pytest.raises(DataError, match="x must hold finite numbers"):
            predict(subject, np.array([[0, 1], [bad, 0]], np.float32))


def test_weights_that_are_not_finite(samples):
    inputs = keras.Input((2,))
    layer = keras.layers.Dense(
        2, kernel_initializer=keras.initializers.Constant(np.nan)
    )
    model = keras.Model(inputs, layer(inputs), name="broken")
    with pytest.raises(
        ModelError, match=r"NaN or infinite weights.*the model 'broken'"
    ):
        predict(model, samples)


@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_batches_of_other_lengths(library):
    inputs = library.Input((None,))
    model = library.Model(inputs, library.layers.Embedding(3, 3)(inputs))
    data = lambda: iter([np.zeros((2, 5)), np.zeros((2, 7))])  # noqa: E731
    with pytest.raises(DataError, match=r"pad all.*\(2, 5, 3\), \(2, 7, 3\)"):
        predict(model, data)


def test_probabilities_of_logits_and_of_quantized_scores():
    logits = Predictions(np.array([[0.0, np.log(3)], [2, 2]], np.float32), None)
    np.testing.assert_allclose(logits.probabilities, [[1 / 4, 3 / 4], [1 / 2, 1 / 2]])
    stored = np.array([[0.5, 0.25, 0.0], [0, 0, 0]], np.float32)
    thirds = [[2 / 3, 1 / 3, 0], [1 / 3] * 3]
    np.testing.assert_allclose(Predictions(stored, None).probabilities, thirds)
    one = column([np.log(4), -np.log(4), 2]).probabilities[:2]
    np.testing.assert_allclose(one, [[0.2, 0.8], [0.8, 0.2]], rtol=1e-6)


def test_kinds_of_labels(samples):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    forms = {
        "classes": np.array([[1, 0], [0.25, 0.75]]),
        "multi_label": np.array([[1, 0], [1, 1]]),
        "values": np.array([[1, 0], [2, 1]]),
    }
    for kind, labels in forms.items():
        assert predict(model, (samples[:2], labels)).kind == kind
    assert predict(model, samples[:2]).kind is None


def test_padding_does_not_change_what_labels_are(samples):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    labels, weights = np.array([[1, 0], [0, 1], [-5, -5]]), np.array([1, 1, 0])
    predictions = predict(model, (samples[:3], labels, weights))
    assert predictions.labels.tolist() == [0, 1, 0]
    assert predictions.given_labels.tolist() == [[1, 0], [0, 1], [0, 0]]


def test_several_outputs_by_name(samples, make_file):
    inputs = keras.Input((2,), batch_size=1)
    outputs = {"same": inputs, "one": keras.layers.Dense(1)(inputs)}
    twice = keras.Model(inputs, outputs, name="twice")
    twice.set_weights([np.array([[2.0], [-1.0]]), np.array([0.5])])
    for subject in (twice, make_file(twice, "twice")):
        found = predict(subject, samples[:5], batch_size=1)
        assert set(found) == {"same", "one"}
        np.testing.assert_array_equal(found["same"].scores, samples[:5])
        expected = samples[:5] @ [[2.0], [-1.0]] + 0.5
        np.testing.assert_allclose(found["one"].scores, expected, atol=1e-6)
