import os

import pytest

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.keras_compat import tf_keras
from tfcompress.pipeline import ClassifierTraining, RunDirectory, distil_prune_quantize


@pytest.fixture(scope="module")
def shipment(teacher, digits, tmp_path_factory):
    directory = RunDirectory(tmp_path_factory.mktemp("run"))
    seen = []
    student = build_classifier(tf_keras(), name="student")
    shipped = distil_prune_quantize(
        teacher,
        student,
        *digits,
        directory=directory,
        training=ClassifierTraining(epochs=16),
        on_step=lambda name, epochs: seen.append((name, epochs)) or (),
    )
    return shipped, directory, seen


def test_steps_and_their_epochs(shipment):
    assert shipment[2] == [
        ("distilled", 16),
        ("distilled + pruned", 16),
        ("distilled + pruned + quantized", 4),
        ("shipped file", 0),
    ]


def test_students_of_tf_keras_stay_there(shipment):
    for model in shipment[0].models.values():
        assert isinstance(model, tf_keras().Model)


def test_a_model_and_a_file_for_each_step(shipment):
    names = ["distilled", "distilled-pruned", "distilled-pruned-quantized"]
    files = [f"{name}.tflite" for name in [*names, "shipped-file"]]
    expected = [f"{name}.keras" for name in names]
    expected += [*files, *(f"{name}.json" for name in files)]
    assert sorted(os.listdir(shipment[1].path)) == sorted(expected)


def test_shipped_file_does_the_job(shipment, digits):
    artifact = shipment[0].artifacts["shipped file"]
    assert tfc.measurement.evaluate(artifact, digits[1]).accuracy > 0.8
    assert artifact.float_operations == ()
    assert tfc.measurement.count_weights(artifact).sparsity >= 0.798


@pytest.mark.parametrize("number", [0, -1, 1.5])
def test_numbers_of_a_training(number):
    with pytest.raises(ArgumentError, match=f"Received: epochs={number}"):
        ClassifierTraining(epochs=number)
    with pytest.raises(ArgumentError, match=f"Received: batch_size={number}"):
        ClassifierTraining(epochs=1, batch_size=number)


def test_bad_models_and_data_are_found_before_training(teacher, digits, tmp_path):
    (x, y), validation = digits

    def run(student, train):
        distil_prune_quantize(
            teacher,
            student,
            train,
            validation,
            directory=RunDirectory(tmp_path),
            training=ClassifierTraining(epochs=1),
        )

    student = build_classifier(tf_keras(), name="student")
    with pytest.raises(ModelError, match="softmax"):
        run(build_classifier(tf_keras(), activation="softmax"), (x, y))
    with pytest.raises(DataError, match="class numbers"):
        run(student, (x, y + 1))
    with pytest.raises(DataError, match="finite"):
        run(student, (x * float("nan"), y))
    assert os.listdir(tmp_path) == []
