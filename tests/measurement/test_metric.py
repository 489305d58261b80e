import keras
import numpy as np
import pytest

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.quality.metric import METRICS, find_metric


@pytest.fixture(scope="module")
def two_outputs():
    inputs = keras.Input((2,))
    outputs = {"class": inputs, "age": keras.layers.Dense(1, name="age")(inputs)}
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[1.0], [1.0]]), np.array([0.0])])
    return model


def test_names():
    for name in (*METRICS, "top_3_accuracy"):
        assert find_metric(name, None)[0].removeprefix("negative_") == name


def test_larger_is_better(dense_model, samples, expected):
    labels = expected.argmax(1)
    name, measure = find_metric("perplexity", dense_model)
    powers = np.exp(expected)
    own = (powers / powers.sum(1, keepdims=True))[np.arange(37), labels]
    assert name == "negative_perplexity"
    found = measure(dense_model, (samples, labels))
    assert found == pytest.approx(-np.exp(-np.log(own).mean()), rel=1e-5)


def test_agreement_needs_no_labels(dense_model, dense_files, samples):
    name, measure = find_metric("agreement", dense_model)
    assert (name, measure(dense_files["fixed"], samples)) == ("agreement", 1.0)


def test_metric_of_one_of_several_outputs(two_outputs, samples):
    labels = {"class": np.argmax(samples, 1), "age": samples.sum(1) + 0.5}
    name, measure = find_metric("class/accuracy", two_outputs)
    assert (name, measure(two_outputs, (samples, labels))) == ("class/accuracy", 1.0)
    name, measure = find_metric("age/mae", two_outputs)
    assert name == "negative_age/mae"
    assert measure(two_outputs, (samples, labels)) == pytest.approx(-0.5, abs=1e-6)


def test_function(dense_model):
    def samples_in(model, data):
        return len(data)

    name, measure = find_metric(samples_in, dense_model)
    assert name.endswith("samples_in")
    assert measure(dense_model, [1, 2, 3]) == 3.0
    with pytest.raises(DataError, match="one finite number.*nan"):
        find_metric(lambda model, data: np.nan, None)[1](None, None)


@pytest.mark.parametrize("metric", ["accurate", "confusion_matrix", 3, None, dict])
def test_unknown(metric):
    with pytest.raises(ArgumentError, match="metric must be one of.*'agreement'"):
        find_metric(metric, None)
