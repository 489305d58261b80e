import os

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.export import to_tflite
from tfcompress.measurement import count_weights, size
from tfcompress.report import compare


def network(library, name, width):
    library.utils.set_random_seed(0)
    inputs = library.Input((4, 4, 1), name=f"{name}_input")
    x = library.layers.Flatten()(inputs)
    x = library.layers.Dense(width, activation="relu")(x)
    return library.Model(inputs, library.layers.Dense(3)(x), name=name)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(50, 4, 4, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def teacher():
    return network(keras, "teacher", 512)


@pytest.fixture(scope="module")
def labels(teacher, images):
    chosen = np.argmax(teacher(images).numpy(), axis=1)
    chosen[:5] = (chosen[:5] + 1) % 3
    return chosen


@pytest.fixture(scope="module")
def file(tmp_path_factory, teacher):
    path = tmp_path_factory.mktemp("files") / "teacher.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(teacher).convert())
    return path


@pytest.fixture(scope="module")
def comparison(teacher, file, images, labels, tmp_path_factory):
    path = tmp_path_factory.mktemp("artifact") / "int8.tflite"
    models = {
        "teacher": teacher,
        "student": network(tf_keras, "student", 4),
        "file": file,
        "text": os.fspath(file),
        "artifact": to_tflite(
            teacher, path, target="cpu_int8", representative_data=images
        ),
    }
    return compare(models, (images, labels), seconds=0.5)


def test_rows_stand_in_the_order_of_the_models(comparison):
    names = [row.name for row in comparison.rows]
    assert names == ["teacher", "student", "file", "text", "artifact"]
    assert comparison.reference == "teacher"
    assert comparison.samples == 50


def test_quality_is_that_of_the_files(comparison, images, labels):
    student = network(tf_keras, "student", 4)
    chosen = np.argmax(student(images).numpy(), axis=1)
    assert comparison["teacher"].accuracy == pytest.approx(45 / 50)
    assert comparison["file"].accuracy == pytest.approx(45 / 50)
    assert comparison["student"].accuracy == pytest.approx(np.mean(chosen == labels))


def test_agreement_is_with_the_reference(comparison, teacher, images):
    student = network(tf_keras, "student", 4)
    same = np.argmax(student(images), axis=1) == np.argmax(teacher(images), axis=1)
    assert comparison["teacher"].agreement == 1.0
    assert comparison["file"].agreement == 1.0
    assert comparison["student"].agreement == pytest.approx(np.mean(same))


def test_cost_is_that_of_the_files(comparison, file):
    row = comparison["file"]
    assert (row.bytes, row.gzip_bytes) == (size(file).bytes, size(file).gzip_bytes)
    assert row.parameters == count_weights(file).parameters
    assert comparison["student"].parameters < 100 < comparison["teacher"].parameters
    assert comparison["student"].bytes < comparison["teacher"].bytes / 5
    assert comparison["artifact"].bytes < comparison["teacher"].bytes / 2
    assert comparison["student"].latency_ms < comparison["teacher"].latency_ms


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
    with pytest.raises(ArgumentError, match=r"\['a'\].*Received: reference='c'"):
        compare({"a": file}, (images, labels), reference="c")


def test_bad_arguments(file, images, labels):
    with pytest.raises(ArgumentError, match="one model at least"):
        compare({}, (images, labels))
    with pytest.raises(ArgumentError, match=r"Received: builtins\.int"):
        compare({"a": 3}, (images, labels))
    with pytest.raises(DataError, match="Labels are needed"):
        compare({"a": file}, images)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        compare({"a": "none.tflite"}, (images, labels))
    with pytest.raises(DataError, match=r"Received: an array of shape \(50, 16\)"):
        compare({"a": file}, (images.reshape(50, 16), labels))
