"""What a teacher teaches follows from the task."""

import keras
import numpy as np
import pytest

from tfcompress.distillation import (
    CorrelationDistillation,
    DecoupledDistillation,
    LogitsDistillation,
    RegressionDistillation,
)
from tfcompress.errors import ArgumentError
from tfcompress.pipeline import Distillation
from tfcompress.pipeline.fitting import find_task
from tfcompress.pipeline.fitting.teaching import (
    build_distiller,
    choose_loss,
    join_teachers,
)

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")


def model(width, activation=None):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(width, activation)])


CASES = {
    "classes": (model(3), np.arange(12) % 3),
    "labels": (model(3, "sigmoid"), X[:, :3] > 0),
    "numbers": (model(1), X[:, 0]),
}


@pytest.mark.parametrize(
    ("case", "wanted", "kind", "inner"),
    [
        ("classes", "auto", LogitsDistillation, "kl_divergence"),
        ("classes", "logits", LogitsDistillation, "kl_divergence"),
        ("classes", "decoupled", DecoupledDistillation, None),
        ("classes", "correlation", CorrelationDistillation, None),
        ("labels", "auto", LogitsDistillation, "binary_crossentropy"),
        ("numbers", "auto", RegressionDistillation, "mse"),
    ],
)
def test_the_task_chooses_the_loss(case, wanted, kind, inner):
    student, labels = CASES[case]
    task = find_task(student, (X, labels))

    loss = choose_loss(Distillation(loss=wanted, temperature=2.5), task, student)

    assert type(loss) is kind
    if inner is not None:
        assert loss.loss == inner
    if kind is not RegressionDistillation:
        assert loss.temperature == 2.5


@pytest.mark.parametrize(
    ("case", "wanted"), [("numbers", "logits"), ("labels", "decoupled")]
)
def test_what_the_task_has_not_cannot_be_taught(case, wanted):
    student, labels = CASES[case]
    task = find_task(student, (X, labels))

    with pytest.raises(ArgumentError, match=f"Received: loss='{wanted}'"):
        choose_loss(Distillation(loss=wanted), task, student)


def test_weights_are_shares_of_their_sum():
    student, labels = CASES["classes"]
    task = find_task(student, (X, labels))
    taught = Distillation(weight=2.0, student_loss_weight=3.0)

    distiller = build_distiller(taught, task, model(3), student)

    assert distiller.student_loss_weight == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("case", "average"),
    [("classes", "probabilities"), ("labels", "logits"), ("numbers", "logits")],
)
def test_several_teachers_teach_their_average(case, average):
    student, labels = CASES[case]
    task = find_task(student, (X, labels))

    together = join_teachers([student, student], task)

    assert together.average == average
    assert len(together.teachers) == 2
    assert join_teachers(student, task) is student
