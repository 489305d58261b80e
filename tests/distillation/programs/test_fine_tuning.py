"""Two stages, of which the second is of the labels alone."""

import keras
import pytest

import tfcompress as tfc
from tests.distillation.programs.conftest import (
    build_tiny,
    check_resuming,
    compile_model,
)
from tfcompress.distillation.programs import Stage, TwoStage

STAGE = Stage(2, tfc.distillation.LogitsDistillation(2.0), student_loss_weight=0.1)


def test_resumes_in_the_labels_alone(small_teacher, either_keras, blobs, tmp_path):
    student = build_tiny(either_keras)

    def run(**arguments):
        return TwoStage(STAGE, Stage(3)).run(
            small_teacher,
            student,
            *blobs,
            compile_model=compile_model,
            batch_size=24,
            shuffle=False,
            verbose=0,
            **arguments,
        )

    result = check_resuming(run, tmp_path, kill_in=1, kill_at=1, left=2)
    logs = result.history["second"]
    assert logs["loss"] == pytest.approx(logs["student_loss"])
    assert logs["distillation_loss"] == [0.0, 0.0, 0.0]


def test_fine_tuning_equals_plain_training(small_teacher, blobs):
    student = build_tiny(keras)
    fit = {"batch_size": 24, "shuffle": False, "verbose": 0}
    result = TwoStage(STAGE, Stage(2)).run(
        small_teacher, student, *blobs, compile_model=compile_model, **fit
    )
    plain = result.students[0]
    compile_model(plain)
    logs = plain.fit(*blobs, epochs=2, **fit).history
    assert result.history["second"]["student_loss"] == pytest.approx(
        logs["loss"], rel=1e-5
    )
