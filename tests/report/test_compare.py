import gzip
import os
import tracemalloc

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
import tf_keras

from tests.report.page_reader import PageReader
from tfcompress.errors import ArgumentError, DataError, ExportError, ModelError
from tfcompress.export import to_tflite, write_metadata
from tfcompress.report import LayerCost, compare
from tfcompress.report.layer_bars import pair_layers


def network(library, name, width, outputs=3):
    library.utils.set_random_seed(0)
    inputs = library.Input((8, 8, 1), name=f"{name}_input")
    x = library.layers.Flatten(name="flat")(inputs)
    given = {"bias_initializer": "random_normal"}  # Zeros would be left out of a file.
    x = library.layers.Dense(width, activation="relu", name="hidden", **given)(x)
    x = library.layers.Dense(outputs, name="scores", **given)(x)
    return library.Model(inputs, x, name=name)


def write(model, path):
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(50, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def teacher():
    return network(keras, "teacher", 512)


@pytest.fixture(scope="module")
def student():
    return network(tf_keras, "student", 4)


@pytest.fixture(scope="module")
def labels(teacher, images):
    chosen = np.argmax(teacher(images).numpy(), axis=1)
    chosen[:5] = (chosen[:5] + 1) % 3
    return chosen


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def file(folder, teacher):
    return write(teacher, folder / "teacher.tflite")


@pytest.fixture(scope="module")
def ten_classes(folder):
    return write(network(keras, "ten", 4, outputs=10), folder / "ten.tflite")


@pytest.fixture(scope="module")
def comparison(teacher, student, file, images, labels, folder):
    models = {
        "teacher": teacher,
        "file": file,
        "text": os.fspath(file),
        "artifact": to_tflite(
            teacher,
            folder / "int8.tflite",
            target="cpu_int8",
            representative_data=images,
        ),
        "student": student,
    }
    return compare(models, (images, labels), seconds=0.5, confidence=0.9)


def test_rows_stand_in_the_order_of_the_models(comparison):
    names = [row.name for row in comparison.rows]
    assert names == ["teacher", "file", "text", "artifact", "student"]
    assert comparison.reference == "teacher"
    assert comparison.samples == 50


def test_quality_is_that_of_the_files(comparison, student, images, labels):
    chosen = np.argmax(student(images).numpy(), axis=1)
    assert comparison["teacher"].accuracy == pytest.approx(45 / 50)
    assert comparison["file"].accuracy == pytest.approx(45 / 50)
    row = comparison["student"]
    assert list(row.quality) == ["accuracy", "macro_recall", "macro_f1"]
    assert row.accuracy == pytest.approx(np.mean(chosen == labels))
    assert row.macro_f1 == pytest.approx(
        sklearn.metrics.f1_score(labels, chosen, average="macro")
    )


def test_intervals_hold_the_numbers(comparison):
    for row in comparison.rows:
        for name, (low, high) in row.intervals.items():
            assert low <= row.quality[name] <= high
            assert low < high
    assert "90% confidence" in comparison.describe()
    assert " to " in str(comparison)


def test_agreement_is_with_the_reference(comparison, teacher, student, images):
    same = np.argmax(student(images), axis=1) == np.argmax(teacher(images), axis=1)
    assert comparison["teacher"].agreement == 1.0
    assert comparison["file"].agreement == 1.0
    assert comparison["student"].agreement == pytest.approx(np.mean(same))


def test_cost_is_that_of_the_files(comparison, file):
    row = comparison["file"]
    assert row.bytes == os.path.getsize(file)
    assert row.gzip_bytes == len(gzip.compress(file.read_bytes(), 9))
    assert row.parameters == comparison["teacher"].parameters == weights_of(512)
    assert comparison["student"].parameters == weights_of(4)
    assert comparison["student"].bytes < comparison["teacher"].bytes / 5
    assert comparison["artifact"].bytes < comparison["teacher"].bytes / 2


def weights_of(width):
    """Of 64 pixels, a hidden layer and three scores, with biases."""
    return (64 + 1) * width + (width + 1) * 3


def test_layers_of_the_first_and_the_last(comparison, file):
    layers = comparison.details.layers
    assert list(layers) == ["teacher", "student"]
    pairs = pair_layers(layers["teacher"], layers["student"])
    found = {name: both for name, *both in pairs if any(part.bytes for part in both)}
    # Weights without biases, and biases, of 64 pixels, 512 or 4 units, and 3 scores.
    sizes = {
        "hidden": [(64 * 512, 512), (64 * 4, 4)],
        "scores": [(512 * 3, 3), (4 * 3, 3)],
    }
    assert found == {
        name: [
            LayerCost(own, 4 * (weights + biases), weights + biases, 0, weights)
            for own, (weights, biases) in zip((f"{name}_1", name), both, strict=True)
        ]
        for name, both in sizes.items()
    }


def test_confusion_matrices(comparison, student, images, labels):
    matrices = comparison.details.confusion_matrices
    chosen = np.argmax(student(images).numpy(), axis=1)
    expected = sklearn.metrics.confusion_matrix(labels, chosen)
    np.testing.assert_array_equal(matrices["student"].toarray(), expected)
    assert matrices["teacher"].trace() == 45


def test_thousands_of_classes_take_little_memory(folder, images, tmp_path):
    path = write(network(keras, "many", 1, outputs=5000), folder / "many.tflite")
    tracemalloc.start()
    result = compare({"a": path}, (images, np.arange(50) * 100), seconds=0.01)
    result.to_html(tmp_path / "page.html")
    values = result.to_dict()
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < 50e6  # 5,000 x 5,000 numbers are 200 MB.
    entries = values["confusion_matrices"]["a"]
    assert [label for label, _, _ in entries] == list(range(0, 5000, 100))
    assert "of 5000 classes" in (tmp_path / "page.html").read_text("utf-8")


def test_samples_that_changed(comparison, teacher, student, images, labels, file):
    before, after = (np.argmax(m(images), axis=1) for m in (teacher, student))
    changes = comparison.details.changes
    differs = before != after
    lost = differs & (before == labels)
    won = differs & (after == labels)
    assert (changes.count, changes.lost, changes.won) == (
        differs.sum(),
        lost.sum(),
        won.sum(),
    )
    order = [*np.flatnonzero(lost), *np.flatnonzero(differs & ~lost)][:24]
    assert [change.index for change in changes.shown] == order
    first = changes.shown[0]
    assert (first.before, first.after, first.label) == tuple(
        str(part[order[0]]) for part in (before, after, labels)
    )
    assert first.picture.startswith("data:image/png;base64,")


def test_how_rows_were_made(comparison):
    assert comparison["artifact"].target == "cpu_int8"
    assert comparison["teacher"].target == ""
    made = comparison["artifact"].made
    for words in ("int8.tflite for cpu_int8", "to_tflite", "representative_data"):
        assert words in made
    assert "Keras model 'student'" in comparison["student"].made
    assert "no account" in comparison["file"].made


def test_accounts_of_files_are_found_beside_them(comparison, folder, images, labels):
    path = folder / "int8.tflite"
    (row,) = compare({"a": path}, (images, labels), seconds=0.01).rows
    assert (row.target, row.made) == ("cpu_int8", comparison["artifact"].made)


def test_page_of_a_comparison(comparison, tmp_path):
    comparison.to_html(tmp_path / "report.html")
    reader = PageReader((tmp_path / "report.html").read_text("utf-8"))
    assert reader.tags.count("img") == len(comparison.details.changes.shown)
    assert "int8.tflite for cpu_int8" in reader.text
    assert "hidden" in reader.text


def test_what_it_was_measured_with(comparison):
    assert set(comparison.versions) >= {"tfcompress", "tensorflow", "ai-edge-litert"}
    assert "1 thread" in comparison.describe()
    assert comparison.machine in comparison.describe()


def test_models_are_not_changed_and_nothing_is_left(
    teacher, images, labels, tmp_path, monkeypatch
):
    before = [array.copy() for array in teacher.get_weights()]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    compare({"a": teacher}, (images, labels), seconds=0.1)
    for array, kept in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert not list(tmp_path.iterdir())


def test_reference_by_name(file, images, labels):
    result = compare(
        {"a": file, "b": file}, (images, labels), reference="b", seconds=0.1
    )
    assert result.reference == "b"
    assert result.details.changes is None
    with pytest.raises(ArgumentError, match=r"\['a'\].*Received: reference='c'"):
        compare({"a": file}, (images, labels), reference="c")


def test_metrics_and_names_of_classes(file, ten_classes, images, labels):
    names = ["cat", "dog", "cow"]
    metrics = ["perplexity", "top_2_accuracy", sklearn.metrics.log_loss]
    result = compare(
        {"a": file},
        (images, labels),
        metrics=metrics,
        class_names=names,
        seconds=0.01,
    )
    (row,) = result.rows
    assert list(row.quality) == ["perplexity", "top_2_accuracy", "log_loss"]
    assert row.quality["perplexity"] == pytest.approx(np.exp(row.quality["log_loss"]))
    assert "perplexity" in result.lower_is_better
    assert result.details.classes == ("cat", "dog", "cow")


def test_names_of_classes_in_a_file(comparison, file, images, labels, tmp_path):
    path = tmp_path / "labelled.tflite"
    path.write_bytes(file.read_bytes())
    write_metadata(path, labels=["cat", "dog", "cow"])
    result = compare({"a": file, "b": path}, (images, labels), seconds=0.01)
    assert result.details.classes == ("cat", "dog", "cow")
    assert comparison.details.classes == ("0", "1", "2")


def test_data_is_read_once(file, images, labels):
    reads = []

    def batches():
        reads.append(1)
        yield images, labels

    result = compare({"a": file, "b": file}, batches, seconds=0.01)
    assert len(reads) == 1
    assert result.details.changes.count == 0
    assert result.details.changes.p_value == 1.0


@pytest.fixture(scope="module")
def regressor():
    keras.utils.set_random_seed(1)
    inputs = [keras.Input((5,), name=name) for name in ("after", "before")]
    x = keras.layers.Concatenate()(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="values")(x))


def two_inputs():
    generator = np.random.default_rng(0)
    after, before, y = (generator.normal(size=(40, n)) for n in (5, 5, 2))
    return {"after": after.astype("f4"), "before": before.astype("f4")}, y


def test_regression_of_two_inputs_of_one_shape(regressor):
    generator = np.random.default_rng(0)
    x = {
        n: generator.normal(size=(40, 5)).astype("float32") for n in ("after", "before")
    }
    y = generator.normal(size=(40, 2))
    scores = np.asarray(regressor([x["after"], x["before"]]))
    result = compare({"a": regressor, "b": regressor}, (x, y), seconds=0.01)
    row = result["a"]
    assert list(row.quality) == ["mae", "rmse", "r2"]
    assert row.quality["mae"] == pytest.approx(np.abs(scores - y).mean(), rel=1e-5)
    assert row.quality["r2"] == pytest.approx(sklearn.metrics.r2_score(y, scores))
    assert row.agreement is None
    assert result.lower_is_better == ("mae", "rmse")
    assert "accuracy" not in str(result)
    assert not result.details.confusion_matrices
    assert result.details.changes.shown == ()


@pytest.mark.slow
def test_numbers_that_are_farthest_apart(regressor, folder):
    generator = np.random.default_rng(0)
    x = {
        n: generator.normal(size=(40, 5)).astype("float32") for n in ("after", "before")
    }
    y = generator.normal(size=(40, 2))
    other = keras.models.clone_model(regressor)
    other.set_weights([1.5 * array for array in regressor.get_weights()])
    result = compare({"a": regressor, "b": other}, (x, y), seconds=0.01)
    first, second = (
        np.asarray(m([x["after"], x["before"]])) for m in (regressor, other)
    )
    distance = np.abs(first - second).sum(axis=1)
    changes = result.details.changes
    assert (changes.count, changes.p_value) == (None, None)
    assert [c.index for c in changes.shown] == np.argsort(-distance)[:24].tolist()
    worst = changes.shown[0]
    assert worst.before == " ".join(f"{v:.4g}" for v in first[worst.index])
    assert worst.label == " ".join(f"{v:.4g}" for v in y[worst.index])
    assert worst.picture == ""
    assert worst.words.startswith(f"after: {x['after'][worst.index, 0]:.3g} ")


def test_a_class_for_every_pixel(tmp_path):
    def segmenter(seed):
        keras.utils.set_random_seed(seed)
        layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, padding="same")]
        return keras.Sequential(layers)

    x = np.random.default_rng(0).uniform(size=(6, 8, 8, 3)).astype("float32")
    first, second = segmenter(0), segmenter(1)
    y = np.argmax(first(x), axis=-1)
    data = (x, y)
    result = compare({"a": first, "b": second}, data, metrics="mean_iou", seconds=0.01)
    same = np.argmax(second(x), axis=-1) == y
    assert result["a"].quality == {"mean_iou": 1.0}
    assert result["b"].agreement == pytest.approx(same.mean())
    assert result.details.confusion_matrices["b"].sum() == 6 * 64
    shown = result.details.changes.shown
    assert [c.index for c in shown] == np.argsort(same.mean(axis=(1, 2))).tolist()
    assert shown[0].before == "100.0% right"
    assert shown[0].after == f"{same[shown[0].index].mean():.1%} right"
    result.to_html(tmp_path / "report.html")
    text = PageReader((tmp_path / "report.html").read_text("utf-8")).text
    assert "6 samples on which the two are farthest apart" in text


def test_several_outputs(tmp_path):
    def model(seed):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((4,))
        return keras.Model(
            inputs,
            {
                "kind": keras.layers.Dense(3, name="kind")(inputs),
                "price": keras.layers.Dense(1, name="price")(inputs),
            },
        )

    generator = np.random.default_rng(0)
    x = generator.normal(size=(30, 4)).astype("float32")
    y = {"kind": generator.integers(0, 3, 30), "price": generator.normal(size=(30, 1))}
    models = {"a": model(0), "b": model(1)}
    result = compare(models, (x, y), seconds=0.01)
    said = {name: each(x) for name, each in models.items()}
    chosen = {name: np.argmax(each["kind"], axis=1) for name, each in said.items()}
    row = result["b"]
    assert row.quality["kind/accuracy"] == pytest.approx(
        (chosen["b"] == y["kind"]).mean()
    )
    assert row.quality["price/mae"] == pytest.approx(
        np.abs(said["b"]["price"] - y["price"]).mean(), rel=1e-5
    )
    assert row.agreement == pytest.approx((chosen["a"] == chosen["b"]).mean())
    assert list(result.details.confusion_matrices) == [
        "a, output kind",
        "b, output kind",
    ]
    result.to_html(tmp_path / "report.html")
    text = PageReader((tmp_path / "report.html").read_text("utf-8")).text
    assert "Output kind: a and b answer" in text


def test_bad_arguments(file, images, labels):
    with pytest.raises(ArgumentError, match="one model at least"):
        compare({}, (images, labels))
    for models in ([file], {1: file}):
        with pytest.raises(ArgumentError, match="models must be .* by the name"):
            compare(models, (images, labels))
    with pytest.raises(ArgumentError, match=r"Row 'a': .*Received: builtins\.int"):
        compare({"a": 3}, (images, labels))
    with pytest.raises(DataError, match="Labels are needed"):
        compare({"a": file}, images)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        compare({"a": "none.tflite"}, (images, labels))
    with pytest.raises(DataError, match=r"Received: an array of shape \(50, 16\)"):
        compare({"a": file}, (images.reshape(200, 16)[:50], labels))
    for arguments, message in (
        ({"seconds": 0}, "Received: seconds=0"),
        ({"threads": 0}, "Received: seconds=1.0, threads=0"),
        ({"confidence": 95}, "Received: confidence=95"),
        ({"metrics": "speed"}, "Received: 'speed'"),
        ({"metrics": "confusion_matrix"}, "confusion matrices only"),
        ({"class_names": ["cat", "dog"]}, r"3 names.*Received: class_names=\['cat'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            compare({"a": file}, (images, labels), **arguments)


def test_errors_name_the_row(file, ten_classes, images, labels, tmp_path):
    data = (images, labels)
    with pytest.raises(ModelError, match=r"Row 'ten': .*\(10,\) beside .*\(3,\)"):
        compare({"a": file, "ten": ten_classes}, data)
    with pytest.raises(DataError, match=r"Row 'a': Real numbers as labels"):
        compare({"a": file}, (images, labels), metrics="mae")
    other = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)])
    with pytest.raises(DataError, match="Row 'narrow': "):
        compare({"a": file, "narrow": write(other, tmp_path / "narrow.tflite")}, data)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"no model")
    with pytest.raises(ModelError, match="Row 'damaged': "):
        compare({"a": file, "damaged": damaged}, data)


def test_a_model_that_cannot_be_exported(file, images, labels):
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.layers[-1].kernel.assign(np.full((64, 3), np.nan))
    with pytest.raises((ModelError, ExportError), match="Row 'broken': "):
        compare({"a": file, "broken": model}, (images, labels))
