import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from tests.distillation.programs.conftest import (
    build_small,
    build_tiny,
    check_resuming,
    compile_model,
)
from tfcompress import keras_compat
from tfcompress.distillation.programs import MutualLearning
from tfcompress.errors import ArgumentError, DataError, ModelError


def test_resumes(either_keras, blobs, tmp_path):
    either_keras.utils.set_random_seed(5)
    students = [build_tiny(either_keras), build_tiny(either_keras, width=4)]

    def run(**arguments):
        return MutualLearning(3).run(
            students,
            *blobs,
            compile_model=compile_model,
            batch_size=24,
            shuffle=False,
            verbose=0,
            **arguments,
        )

    result = check_resuming(run, tmp_path, kill_in=0, kill_at=2, left=1)
    assert result.student is result.students[0]
    assert isinstance(result.student, either_keras.Model)


@pytest.mark.parametrize("scale", [1.0, 80.0])
@pytest.mark.parametrize("peers", [2, 3])
def test_one_step_equals_the_gradient_worked_by_hand(either_keras, peers, scale):
    rng = np.random.default_rng(1)
    layers = either_keras.layers
    students, kernels = [], []
    for _ in range(peers):
        inputs = layers.Input((3,))
        student = either_keras.Model(inputs, layers.Dense(4, use_bias=False)(inputs))
        student.set_weights([(scale * rng.normal(size=(3, 4))).astype(np.float32)])
        students.append(student)
        kernels.append(student.get_weights()[0].astype(np.float64))
    x, y = rng.normal(size=(8, 3)).astype(np.float32), np.arange(8) % 4
    result = MutualLearning(1, weight=0.5, temperature=2.0).run(
        students,
        x,
        y,
        compile_model=lambda model: model.compile(
            keras.optimizers.SGD(0.1),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        ),
        batch_size=8,
        verbose=0,
    )
    logits = [x @ kernel for kernel in kernels]
    hard = soft = 0.0
    for i, z in enumerate(logits):
        gradient = (softmax(z, -1) - np.eye(4)[y]) / 8
        hard -= log_softmax(z, -1)[np.arange(8), y].mean()
        for j, other in enumerate(logits):
            if i != j:
                q, p = softmax(other / 2, -1), softmax(z / 2, -1)
                gradient += 0.5 / (peers - 1) * 2.0 * (p - q) / 8
                log = log_softmax(other / 2, -1) - log_softmax(z / 2, -1)
                soft += 4 * (q * log).sum(-1).mean() / (peers - 1)
        np.testing.assert_allclose(
            result.students[i].get_weights()[0],
            kernels[i] - 0.1 * x.T @ gradient,
            atol=1e-5 * scale,
        )
    logs = result.history["mutual_learning"]
    assert logs["student_loss"][0] == pytest.approx(hard, rel=1e-4)
    assert logs["distillation_loss"][0] == pytest.approx(soft, rel=1e-4)
    assert logs["loss"][0] == pytest.approx(hard + 0.5 * soft, rel=1e-4)
    right = np.mean([(z.argmax(-1) == y).mean() for z in logits])
    assert logs["accuracy"][0] == pytest.approx(right)


def test_regularization_and_sample_weight_count(either_keras, blobs):
    layers = either_keras.layers
    students = []
    for strength in (0.1, 0.3):
        inputs = layers.Input((4,))
        penalty = either_keras.regularizers.L2(strength)
        dense = layers.Dense(3, kernel_regularizer=penalty)
        students.append(either_keras.Model(inputs, dense(inputs)))
    result = MutualLearning(1).run(
        students,
        *blobs,
        compile_model=lambda model: model.compile(
            keras.optimizers.SGD(0.0),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ),
        sample_weight=np.zeros(96, np.float32),
        verbose=0,
    )
    kernels = [student.get_weights()[0] for student in students]
    expected = 0.1 * (kernels[0] ** 2).sum() + 0.3 * (kernels[1] ** 2).sum()
    logs = result.history["mutual_learning"]
    assert logs["loss"][0] == pytest.approx(expected, rel=1e-4)
    assert logs["distillation_loss"][0] == 0


def test_config_goes_round():
    config = MutualLearning(3, 0.5, 2.0).get_config()
    assert MutualLearning.from_config(config).get_config() == config


def test_bad_arguments(blobs):
    students = [build_tiny(keras), build_tiny(keras)]
    with pytest.raises(ArgumentError, match="epochs=0"):
        MutualLearning(0)
    with pytest.raises(ArgumentError, match="weight=-1"):
        MutualLearning(1, weight=-1)
    with pytest.raises(ArgumentError, match="temperature must be a number above 0"):
        MutualLearning(1, temperature=0)
    legacy = build_tiny(keras_compat.tf_keras())
    wide = keras.Sequential([keras.Input((4,)), keras.layers.Dense(7)])
    soft = build_small(keras, activation="softmax")
    run = MutualLearning(1).run
    with pytest.raises(ArgumentError, match="two models or more"):
        run(students[:1], *blobs, compile_model=compile_model)
    with pytest.raises(ModelError, match="one Keras"):
        run([students[0], legacy], *blobs, compile_model=compile_model)
    with pytest.raises(ModelError, match="same shape"):
        run([students[0], wide], *blobs, compile_model=compile_model)
    with pytest.raises(ModelError, match="logits"):
        run([students[0], soft], *blobs, compile_model=compile_model)
    with pytest.raises(DataError, match="no labels"):
        run(students, blobs[0], compile_model=compile_model, verbose=0)
