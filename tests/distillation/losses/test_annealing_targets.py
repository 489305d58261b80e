import json

import numpy as np
import pytest
import tensorflow as tf

from tests.distillation.differences import central_differences, gradient
from tfcompress.distillation.losses.annealing_targets import (
    AnnealingDistillation,
    annealed_error,
)
from tfcompress.errors import ArgumentError

TEACHER, STUDENT = np.random.default_rng(0).normal(scale=3.0, size=(2, 4, 5))


def test_worked_by_hand():
    # Half of (2, 80) is (1, 40): 1 + 120².
    value = annealed_error([[2.0, 80.0]], [[0.0, -80.0]], 0.5)
    np.testing.assert_allclose(value, [14401.0], rtol=1e-6)


def test_equal_stages():
    loss = AnnealingDistillation(4)
    [share] = loss.scheduled_values()
    share.attach(tf.Variable(0.0))
    compute = tf.function(loss.compute_loss)
    for progress, expected in (
        (0.0, 0.25),
        (0.24, 0.25),
        (0.25, 0.5),
        (0.5, 0.75),
        (0.76, 1.0),
        (1.0, 1.0),
    ):
        share.move(progress, step=0)
        values = compute(TEACHER, STUDENT)
        by_numpy = ((expected * TEACHER - STUDENT) ** 2).sum(-1)
        np.testing.assert_allclose(values, by_numpy, rtol=1e-5)
    assert compute.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("rows", [1, 4])
def test_gradient_equals_differences(rows):
    loss = AnnealingDistillation(10)
    teacher, student = TEACHER[:rows], STUDENT[:rows]
    found = gradient(lambda s: loss.compute_loss(teacher, s), student)
    expected = central_differences(lambda s: ((teacher / 10 - s) ** 2).sum(-1), student)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_one_stage_is_the_whole_teacher():
    values = AnnealingDistillation(1).compute_loss(TEACHER, STUDENT)
    np.testing.assert_allclose(values, ((TEACHER - STUDENT) ** 2).sum(-1), rtol=1e-5)


def test_mean_over_two_classes_and_several_outputs():
    teacher, student = TEACHER[:, :2], STUDENT[:, :2]
    loss = AnnealingDistillation(2, reduction="mean")
    values = loss.compute_loss([teacher] * 2, [student] * 2)
    expected = ((teacher / 2 - student) ** 2).mean(-1)
    np.testing.assert_allclose(values, [expected, expected], rtol=1e-5)


@pytest.mark.parametrize("stages", [0, -1, 2.0, True, "10"])
def test_stages_out_of_range(stages):
    with pytest.raises(ArgumentError, match="whole number above 0. Received: stages="):
        AnnealingDistillation(stages)


def test_unknown_reduction():
    with pytest.raises(ArgumentError, match="Received: reduction='batch'"):
        AnnealingDistillation(reduction="batch")


def test_config_round_trip():
    loss = AnnealingDistillation(5, reduction="mean")
    config = json.loads(json.dumps(loss.get_config()))
    assert config == {"stages": 5, "reduction": "mean"}
    assert AnnealingDistillation.from_config(config).get_config() == config
