import keras
import numpy as np
import pytest
import tf_keras
from sklearn.metrics import balanced_accuracy_score

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement import Predictions, Quality, evaluate
from tfcompress.measurement.quality.quality import score


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


def build(library, outputs, shape=(2,), name="m"):
    inputs = library.Input(shape, name="x")
    return library.Model(inputs, outputs(inputs), name=name)


def column(library, activation=None):
    """A model that gives the first number of two, or the sigmoid of it."""
    layer = library.layers.Dense(1, use_bias=False, activation=activation)
    model = build(library, layer)
    model.set_weights([np.array([[1.0], [0.0]])])
    return model


BOTH = pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])


@BOTH
@pytest.mark.parametrize("form", [(-1,), (-1, 1)])
def test_real_numbers_are_told_by_the_labels(library, samples, form):
    labels = samples[:, 0] + np.linspace(0, 1, 37)
    quality = evaluate(column(library), (samples, labels.reshape(form)))
    assert list(quality.values) == ["mae", "rmse", "r2"]
    assert quality["mae"] == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(ArgumentError, match="accuracy.*were measured"):
        _ = quality.accuracy


def test_whole_numbers_beyond_0_and_1_are_real(samples):
    labels = np.arange(37)
    found = evaluate(column(keras), (samples, labels))["mae"]
    assert found == pytest.approx(np.abs(samples[:, 0] - labels).mean())


def test_zeros_and_ones_are_real_if_asked(samples):
    labels = np.arange(37) % 2
    quality = evaluate(column(keras), (samples, labels), ["mae", "accuracy"])
    assert quality["mae"] == pytest.approx(np.abs(samples[:, 0] - labels).mean())
    assert quality.accuracy == np.mean((samples[:, 0] > 0) == labels)


def test_probabilities_and_labels_beyond_0_and_1(samples):
    model, labels = column(keras, "sigmoid"), np.arange(37) % 3
    with pytest.raises(DataError, match="from 0 to 1.*labels from 0 to 2"):
        evaluate(model, (samples, labels))
    found = evaluate(model, (samples, labels), "mae")["mae"]
    expected = np.abs(1 / (1 + np.exp(-samples[:, 0])) - labels).mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_one_hot_numbers_are_real_if_asked(dense_model, samples, expected):
    labels = np.eye(3)[np.arange(37) % 3]
    found = evaluate(dense_model, (samples, labels), ["rmse"])["rmse"]
    assert found == pytest.approx(np.sqrt(np.square(expected - labels).mean()))


def test_soft_labels_name_a_class(dense_model, samples, expected):
    soft = 0.1 / 3 + 0.9 * np.eye(3)[expected.argmax(1)]
    assert evaluate(dense_model, (samples, soft)).accuracy == 1.0


def test_several_classes_for_a_sample(dense_model, samples, expected):
    labels = (expected > 0).astype(int)
    labels[0] = 1 - labels[0]
    quality = evaluate(dense_model, (samples, labels))
    assert quality.accuracy == pytest.approx(36 / 37)
    with pytest.raises(DataError, match="'perplexity' takes.*several classes at once"):
        evaluate(dense_model, (samples, labels), "perplexity")


def test_metrics_that_do_not_fit_the_labels(dense_model, samples):
    with pytest.raises(DataError, match=r"as many as the model's.*\(37,\).*\(37, 3\)"):
        evaluate(dense_model, (samples, np.zeros(37)), "mae")
    with pytest.raises(DataError, match="'accuracy' takes.*are real numbers"):
        evaluate(column(keras), (samples, samples[:, 0]), "accuracy")


@pytest.mark.parametrize("metrics", ["accurate", ["accuracy", 3], keras.metrics.AUC])
def test_unknown_metrics(dense_model, metrics):
    with pytest.raises(
        ArgumentError, match="metrics must be names among.*top_k_accuracy"
    ):
        evaluate(dense_model, "no data", metrics)


@pytest.mark.parametrize("metrics", [[], ["mae", "mae"]])
def test_metrics_by_one_name(dense_model, metrics):
    with pytest.raises(ArgumentError, match="one or several, each of a name of its"):
        evaluate(dense_model, "no data", metrics)


def test_table(dense_model, samples, expected):
    data = (samples, expected.argmax(1))
    quality = evaluate(dense_model, data, confidence=0.95, resamples=10)
    assert "95% interval" in str(quality)
    assert "1.0000 to 1.0000" in str(quality)
    assert "Measured on 37 samples." in str(quality)
    assert quality.confusion_matrix is None


@pytest.fixture(scope="module", params=[keras, tf_keras], ids=["keras", "tf_keras"])
def two_outputs(request):
    """Gives its input as scores of two classes, and their sum as an age."""
    layers = request.param.layers
    inputs = request.param.Input((2,), name="x")
    same = layers.Activation("linear", name="class")(inputs)
    age = layers.Dense(1, use_bias=False, name="age")(inputs)
    model = request.param.Model(inputs, {"class": same, "age": age}, name="two")
    model.set_weights([np.ones((2, 1))])
    return model


def ages(samples):
    return {"class": samples.argmax(1), "age": samples.sum(1) - 0.25}


def test_several_outputs(two_outputs, samples):
    quality = evaluate(two_outputs, (samples, ages(samples)))
    measured = ["accuracy", "macro_recall", "macro_f1"], ["mae", "rmse", "r2"]
    assert set(quality.values) == {
        *(f"class/{name}" for name in measured[0]),
        *(f"age/{name}" for name in measured[1]),
    }
    assert quality["class/accuracy"] == 1.0
    assert quality["age/mae"] == pytest.approx(0.25, abs=1e-6)


def test_metrics_and_weights_by_output(two_outputs, samples):
    weights = {"age": np.arange(37.0)}
    labels = ages(samples)
    labels["age"] += np.arange(37)
    metrics = {"class": ["confusion_matrix", "accuracy"], "age": "mae"}
    data = (samples, labels, weights)
    quality = evaluate(two_outputs, data, metrics, confidence=0.9, resamples=5)
    assert list(quality.values) == ["class/accuracy", "age/mae"]
    assert set(quality.intervals) == set(quality.values)
    expected = np.average(np.abs(np.arange(37) - 0.25), weights=np.arange(37))
    assert quality["age/mae"] == pytest.approx(expected, rel=1e-6)
    matrix = np.diag(np.bincount(labels["class"]))
    np.testing.assert_array_equal(quality.confusion_matrix["class"], matrix)


def test_weights_that_outputs_share(two_outputs, samples):
    weights = np.arange(37.0)
    labels = {"class": np.zeros(37, int), "age": np.zeros(37)}
    metrics = {"age": "mae", "class": "accuracy"}
    quality = evaluate(two_outputs, (samples, labels, weights), metrics)
    right = samples[:, 0] >= samples[:, 1]
    expected = [
        np.average(np.abs(samples.sum(1)), weights=weights),
        np.average(right, weights=weights),
    ]
    assert list(quality.values.values()) == pytest.approx(expected)


def test_labels_of_some_outputs(two_outputs, samples):
    data = (samples, {"age": samples.sum(1) + 0.5})
    assert set(evaluate(two_outputs, data).values) == {"age/mae", "age/rmse", "age/r2"}
    with pytest.raises(DataError, match="no labels for output 'class'"):
        evaluate(two_outputs, data, {"class": "accuracy"})


def test_a_metric_that_does_not_fit_all_outputs(two_outputs, samples):
    with pytest.raises(DataError, match="metrics as a dict by output.*of 'age'"):
        evaluate(two_outputs, (samples, ages(samples)), ["accuracy"])


def test_confusion_matrix_alone(dense_model, samples):
    quality = evaluate(dense_model, (samples, np.zeros(37)), "confusion_matrix")
    assert str(quality) == "Measured on 37 samples. The counts are in confusion_matrix."


def test_outputs_in_order(samples):
    inputs = keras.Input((2,))
    outputs = [inputs, keras.layers.Dense(1, name="b")(inputs)]
    model = keras.Model(inputs, outputs)
    labels = [samples.argmax(1), samples.sum(1)]
    quality = evaluate(model, (samples, labels), {"b": "mae"})
    assert list(quality.values) == ["b/mae"]


def test_file_with_several_outputs(two_outputs, samples, make_file):
    name = type(two_outputs).__module__.split(".")[0]
    inputs = keras.Input((2,), batch_size=1, name="x")
    age = keras.layers.Dense(1, use_bias=False, name="age")
    outputs = {"class": inputs * 1.0, "age": age(inputs)}
    model = keras.Model(inputs, outputs)
    age.set_weights([np.ones((2, 1))])
    path = make_file(model, f"two_{name}")
    data = (samples, ages(samples))
    file, exact = evaluate(path, data), evaluate(two_outputs, data)
    assert dict(file.values) == pytest.approx(dict(exact.values), abs=1e-6)
    with pytest.raises(DataError, match=r"y as a dict.*'age', 'class'.*two_"):
        evaluate(path, (samples, [samples.argmax(1), samples.sum(1)]))


def test_names_of_outputs(two_outputs, dense_model, samples):
    with pytest.raises(ArgumentError, match=r"the outputs.*Received.*\['height'\]"):
        evaluate(two_outputs, (samples, ages(samples)), {"height": "mae"})
    with pytest.raises(ArgumentError, match="has one output.*metrics for"):
        evaluate(dense_model, (samples, np.zeros(37)), {"d": "accuracy"})
    with pytest.raises(ArgumentError, match="or not by name.*metrics for 'd'"):
        score(predictions([0, 1], [0, 1]), {"d": "accuracy"})


@BOTH
def test_language_model_with_padding(library):
    tokens = np.array([[1, 2, 0], [2, 0, 0]])
    labels = np.array([[2, 1, 9], [0, -1, 9]])
    weights = np.array([[1, 1, 0], [1, 0, 0]])
    model = build(library, library.layers.Embedding(3, 3), (3,))
    table = np.log([[1 / 3] * 3, [0.25, 0.25, 0.5], [0.5, 0.25, 0.25]])
    model.set_weights([table])
    metrics = ["perplexity", "accuracy", "top_2_accuracy"]
    quality = evaluate(model, (tokens, labels, weights), metrics)
    # 1/2 of the right token, 1/4, 1/2.
    assert quality["perplexity"] == pytest.approx((2 * 4 * 2) ** (1 / 3))
    assert quality.accuracy == pytest.approx(2 / 3)
    assert quality["top_2_accuracy"] == 1.0
    with pytest.raises(DataError, match="from 0 to 2.*from -1 to 9"):
        evaluate(model, (tokens, labels), metrics)


@pytest.mark.parametrize("form", ["numbers", "column", "one-hot"])
def test_segmentation(form, make_file):
    generator = np.random.default_rng(0)
    pictures = generator.normal(size=(4, 5, 6, 3)).astype(np.float32)
    numbers = generator.integers(0, 3, (4, 5, 6))
    labels = {
        "numbers": numbers,
        "column": numbers[..., None],
        "one-hot": np.eye(3)[numbers],
    }[form]
    model = build(keras, lambda x: x * 1.0, (5, 6, 3))
    quality = evaluate(model, (pictures, labels), ["mean_iou", "accuracy"])
    metric = keras.metrics.MeanIoU(3, sparse_y_pred=False)
    metric.update_state(numbers, pictures)
    assert quality["mean_iou"] == pytest.approx(float(metric.result()), rel=1e-6)
    assert quality.accuracy == pytest.approx((pictures.argmax(-1) == numbers).mean())


def test_segmentation_of_two_classes():
    pictures = np.array([[[[2.0], [-1.0]], [[3.0], [1.0]]]], np.float32)
    labels = np.array([[[1, 0], [1, 0]]])
    model = build(keras, lambda x: x * 1.0, (2, 2, 1))
    quality = evaluate(model, (pictures, labels), ["mean_iou", "roc_auc"])
    assert quality["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert quality["roc_auc"] == 1.0


@BOTH
def test_inputs_that_do_not_fit(library, dense_files):
    model = build(library, library.layers.Dense(3))
    data = (np.ones((4, 5), np.float32), np.zeros(4))
    with pytest.raises(DataError, match=r"fit the inputs of the model.*\(None, 2\)"):
        evaluate(model, data)
    with pytest.raises(DataError, match=r"shape \(samples, 2\).*\(4, 5\)"):
        evaluate(dense_files["free"], data)


def test_weights_of_samples(dense_model, samples, expected):
    labels = expected.argmax(1)
    labels[:5] = (labels[:5] + 1) % 3
    weights = np.where(np.arange(37) < 5, 3.0, 1.0)
    quality = evaluate(dense_model, (samples, labels, weights))
    assert quality.accuracy == pytest.approx(32 / 47)
    for bad, message in (
        (np.zeros(37), "weight above 0"),
        (-weights, "0 or more"),
        (weights[:, None, None] * np.ones(3), r"\(37,\) or \(37,\)"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(dense_model, (samples, labels, bad))
