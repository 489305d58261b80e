"""What every loss on outputs does, whatever it teaches."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tfcompress.distillation import LogitsDistillation
from tfcompress.distillation.losses.annealing_targets import AnnealingDistillation
from tfcompress.distillation.losses.correlation import CorrelationDistillation
from tfcompress.distillation.losses.decoupled import DecoupledDistillation
from tfcompress.distillation.losses.hard_targets import HardTargets
from tfcompress.distillation.losses.regression import RegressionDistillation
from tfcompress.distillation.losses.teacher_annealing import TeacherAnnealing
from tfcompress.distillation.losses.virtual_teacher import VirtualTeacher

OF_CLASSES = [
    *(
        LogitsDistillation(loss=name)
        for name in (
            "kl_divergence",
            "categorical_crossentropy",
            "reverse_kl_divergence",
            "jensen_shannon",
            "binary_crossentropy",
            "mse",
        )
    ),
    LogitsDistillation(standardize=True, correct_teacher=True),
    HardTargets(),
    DecoupledDistillation(),
    CorrelationDistillation(),
    VirtualTeacher(),
    TeacherAnnealing(0.5),
    AnnealingDistillation(),
]
OF_NUMBERS = [RegressionDistillation(loss) for loss in ("mse", "mixed", "bounded")]

every_loss = pytest.mark.parametrize("loss", OF_CLASSES + OF_NUMBERS)
TEACHER, STUDENT = (
    np.random.default_rng(0).normal(scale=3, size=(2, 6, 4)).astype(np.float32)
)


def labels_for(loss):
    if isinstance(loss, RegressionDistillation):
        return np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    return np.arange(6) % 4


def small(module, outputs=1):
    inputs = module.layers.Input((5,))
    columns = {
        name: module.layers.Dense(4, name=name)(inputs)
        for name in ("first", "second")[:outputs]
    }
    return module.Model(inputs, columns if outputs > 1 else columns["first"])


@every_loss
def test_a_value_for_each_sample_in_float32(loss):
    halves = TEACHER.astype(np.float16), STUDENT.astype(np.float16)
    values = loss.compute_loss(*halves, labels=labels_for(loss))
    assert (values.dtype, values.shape) == (tf.float32, (6,))
    assert np.isfinite(values).all()


@every_loss
def test_compiled_by_xla_it_is_the_same(loss):
    labels = labels_for(loss)
    compiled = tf.function(loss.compute_loss, jit_compile=True)
    np.testing.assert_allclose(
        compiled(TEACHER, STUDENT, labels=labels),
        loss.compute_loss(TEACHER, STUDENT, labels=labels),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("loss", OF_CLASSES)
@pytest.mark.parametrize("size", [80.0, 1e4])
def test_extreme_logits_have_values_and_gradients(loss, size):
    teacher = tf.constant([[size, -size, 0.0], [-size, 0.0, size]])
    student = tf.Variable(-teacher)
    with tf.GradientTape() as tape:
        values = loss.compute_loss(teacher, student, labels=np.array([0, 1]))
        total = tf.reduce_sum(values)
    assert np.isfinite(values).all()
    assert np.isfinite(tape.gradient(total, student)).all()


@pytest.mark.parametrize("loss", OF_CLASSES)
def test_equal_logits_have_values_and_gradients(loss):
    student = tf.Variable(tf.zeros((6, 4)))
    with tf.GradientTape() as tape:
        values = loss.compute_loss(TEACHER, student, labels=labels_for(loss))
        total = tf.reduce_sum(values)
    assert np.isfinite(values).all()
    assert np.isfinite(tape.gradient(total, student)).all()


@every_loss
def test_written_out_and_read_again_it_is_the_same(loss):
    config = json.loads(json.dumps(loss.get_config()))
    again = type(loss).from_config(config)
    labels = labels_for(loss)
    np.testing.assert_array_equal(
        again.compute_loss(TEACHER, STUDENT, labels=labels),
        loss.compute_loss(TEACHER, STUDENT, labels=labels),
    )


@every_loss
def test_trains_a_student_of_either_keras(either_keras, loss):
    numbers = isinstance(loss, RegressionDistillation)
    on_labels = (
        "mse"
        if numbers
        else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    student = small(either_keras)
    before = student.get_weights()[0]
    distiller = tfc.Distiller(small(keras), student, loss, student_loss_weight=0.0)
    distiller.compile(keras.optimizers.SGD(0.01), loss=on_labels)
    x = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    logs = distiller.fit(x, labels_for(loss), verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert not np.allclose(student.get_weights()[0], before)


@pytest.mark.parametrize("loss", OF_CLASSES)
def test_adds_the_losses_of_named_outputs(loss):
    keras.utils.set_random_seed(0)
    teacher, student = small(keras, outputs=2), small(keras, outputs=2)
    distiller = tfc.Distiller(teacher, student, loss, student_loss_weight=0.0)
    on_labels = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile("sgd", loss={"first": on_labels, "second": on_labels})
    x = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    labels = {"first": np.arange(6) % 4, "second": np.arange(6) % 3}
    found = distiller.evaluate(x, labels, verbose=0, return_dict=True)["loss"]
    said = teacher(x), student(x)
    expected = sum(
        loss.compute_loss(said[0][name], said[1][name], labels=labels[name])
        for name in labels
    )
    np.testing.assert_allclose(found, np.mean(expected), rtol=1e-4)
