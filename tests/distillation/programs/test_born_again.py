import itertools

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.distillation.programs.conftest import (
    build_tiny,
    check_resuming,
    compile_model,
)
from tfcompress.distillation.programs import BornAgain, Stage
from tfcompress.errors import ArgumentError

STAGE = Stage(2, tfc.distillation.LogitsDistillation(1.0))
FIT = {"compile_model": compile_model, "batch_size": 24, "shuffle": False, "verbose": 0}


@pytest.mark.slow
def test_resumes_in_the_second_generation(small_teacher, either_keras, blobs, tmp_path):
    student = build_tiny(either_keras)

    def run(**arguments):
        either_keras.utils.set_random_seed(7)
        return BornAgain(STAGE, 3).run(
            small_teacher, student, *blobs, **FIT, **arguments
        )

    result = check_resuming(run, tmp_path, kill_in=1, kill_at=1, left=3)
    assert list(result.history) == ["generation_1", "generation_2", "generation_3"]
    assert result.student is result.students[2]


def test_each_generation_starts_anew_and_learns_from_the_last(small_teacher, blobs):
    # No epoch changes a weight, so the students are where they started.
    def stand_still(model):
        model.compile(
            keras.optimizers.SGD(0.0),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    student = build_student()
    stage = Stage(1, tfc.distillation.LogitsDistillation(1.0), student_loss_weight=0.0)
    result = BornAgain(stage, 2).run(
        small_teacher, student, *blobs, compile_model=stand_still, verbose=0
    )
    starts = [model.get_weights()[0] for model in (student, *result.students)]
    assert not any(np.allclose(a, b) for a, b in itertools.pairwise(starts))

    def divergence(teacher, pupil):
        t, s = (np.asarray(m(blobs[0]), np.float64) for m in (teacher, pupil))
        log_q, log_p = (z - np.log(np.exp(z).sum(-1, keepdims=True)) for z in (t, s))
        return (np.exp(log_q) * (log_q - log_p)).sum(-1).mean()

    first, second = result.students
    got = [result.history[name]["distillation_loss"][0] for name in result.history]
    assert got == pytest.approx(
        [divergence(small_teacher, first), divergence(first, second)], rel=1e-4
    )


def test_config_goes_round():
    config = BornAgain(STAGE, 2).get_config()
    assert BornAgain.from_config(config).get_config() == config


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="stage must be a Stage"):
        BornAgain(None)
    with pytest.raises(ArgumentError, match="generations=0"):
        BornAgain(STAGE, 0)


def build_student():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
