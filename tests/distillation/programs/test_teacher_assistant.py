import numpy as np
import pytest

import tfcompress as tfc
from tests.distillation.programs.conftest import (
    build_tiny,
    check_resuming,
    compile_model,
)
from tfcompress.distillation.programs import Stage, TeacherAssistant
from tfcompress.errors import ArgumentError

STAGE = Stage(2, tfc.distillation.LogitsDistillation(2.0))
FIT = {"compile_model": compile_model, "batch_size": 24, "shuffle": False, "verbose": 0}


def test_resumes_with_the_student(small_teacher, either_keras, blobs, tmp_path):
    models = [build_tiny(either_keras, width=8), build_tiny(either_keras, width=3)]

    def run(**arguments):
        return TeacherAssistant([STAGE, Stage(3, STAGE.distillation_losses)]).run(
            small_teacher, models, *blobs, **FIT, **arguments
        )

    result = check_resuming(run, tmp_path, kill_in=1, kill_at=2, left=1)
    assert list(result.history) == ["assistant_1", "student"]
    assert [m.layers[1].units for m in result.students] == [8, 3]
    assert result.student is result.students[-1]


def test_the_student_learns_from_the_assistant(small_teacher, either_keras, blobs):
    soft = Stage(1, tfc.distillation.LogitsDistillation(1.0), student_loss_weight=0.0)
    assistant, student = build_tiny(either_keras), build_tiny(either_keras)
    result = TeacherAssistant(soft).run(
        small_teacher,
        [assistant, student],
        *blobs,
        compile_model=lambda model: model.compile("sgd", loss="mse"),
        batch_size=96,
        verbose=0,
    )
    # One step of one batch: its loss is that before the step.
    t = np.asarray(result.students[0](blobs[0]), np.float64)
    s = np.asarray(student(blobs[0]), np.float64)
    log_q, log_p = (z - np.log(np.exp(z).sum(-1, keepdims=True)) for z in (t, s))
    expected = (np.exp(log_q) * (log_q - log_p)).sum(-1).mean()
    got = result.history["student"]["distillation_loss"][0]
    assert got == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("stages", [STAGE, [STAGE, STAGE]])
def test_config_goes_round(stages):
    config = TeacherAssistant(stages).get_config()
    assert TeacherAssistant.from_config(config).get_config() == config


def test_bad_arguments(small_teacher, either_keras, blobs):
    with pytest.raises(ArgumentError, match="stages must be a Stage"):
        TeacherAssistant([])
    with pytest.raises(ArgumentError, match="stages must be a Stage"):
        TeacherAssistant([STAGE, 3])
    student = build_tiny(either_keras)
    with pytest.raises(ArgumentError, match="1 stages, 2 students"):
        TeacherAssistant([STAGE]).run(small_teacher, [student] * 2, *blobs, **FIT)
    with pytest.raises(ArgumentError, match="students must be a list"):
        TeacherAssistant(STAGE).run(small_teacher, student, *blobs, **FIT)
