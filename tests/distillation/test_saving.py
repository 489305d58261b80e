"""A distiller that is saved, loaded and trained on; checkpoints; resuming."""

import keras
import numpy as np
import pytest
import tf_keras

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ModelError
from tfcompress.schedules import Polynomial


def new_teacher(module=keras, seed=1):
    module.utils.set_random_seed(seed)
    return build_classifier(module, width=16, name="teacher")


def new_student(module, seed=2):
    module.utils.set_random_seed(seed)
    return build_classifier(module, name="student")


def new_distiller(module, teacher=None, **arguments):
    losses = [
        tfc.distillation.LogitsDistillation(4),
        tfc.distillation.FeatureDistillation("mse", "conv2", "conv2"),
    ]
    distiller = tfc.Distiller(
        new_teacher() if teacher is None else teacher,
        new_student(module),
        losses,
        [1.0, 10.0],
        **arguments,
    )
    distiller.compile(
        keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return distiller


def fit(distiller, data, epochs=1, **arguments):
    x, y = data
    return distiller.fit(
        x[:256], y[:256], epochs=epochs, shuffle=False, verbose=0, **arguments
    ).history["loss"]


def test_a_loaded_distiller_goes_on_as_the_saved_one(either_keras, digits, tmp_path):
    data = digits[0]
    distiller = new_distiller(either_keras)
    fit(distiller, data, epochs=2)
    path = tmp_path / "distiller.keras"
    distiller.save(path)
    loaded = either_keras.models.load_model(path)
    assert isinstance(loaded, tfc.Distiller)
    assert type(loaded.student) is type(distiller.student)
    for old, new in zip(
        distiller.teacher.get_weights(), loaded.teacher.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    first, second = (m.evaluate(*data, verbose=0) for m in (distiller, loaded))
    assert first == second
    assert int(loaded.optimizer.iterations) == int(distiller.optimizer.iterations)
    assert fit(loaded, data, epochs=3) == fit(distiller, data, epochs=3)
    for old, new in zip(
        distiller.student.get_weights(), loaded.student.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_values_that_moved_are_saved(either_keras, digits, tmp_path):
    temperature = Polynomial(8.0, 1.0, power=1)
    distiller = tfc.Distiller(
        new_teacher(),
        new_student(either_keras),
        tfc.distillation.LogitsDistillation(temperature),
        student_loss_weight=Polynomial(0.0, 1.0, power=1),
    )
    distiller.compile("sgd", loss="sparse_categorical_crossentropy")
    fit(distiller, digits[0], epochs=2)
    distiller.save(tmp_path / "distiller.keras")
    loaded = either_keras.models.load_model(tmp_path / "distiller.keras")
    x, y = digits[1]
    before = distiller.evaluate(x, y, return_dict=True, verbose=0)
    assert loaded.evaluate(x, y, return_dict=True, verbose=0) == before
    # 16 steps, the last of which was begun with 15 sixteenths done.
    share = 15 / 16
    parts = share * before["student_loss"] + (1 - share) * before["distillation_loss"]
    assert before["loss"] == pytest.approx(parts, rel=1e-4)


def test_checkpoints_hold_no_teacher(either_keras, digits, tmp_path):
    distiller = new_distiller(either_keras)
    path = tmp_path / "checkpoint.weights.h5"
    distiller.save_weights(path)
    other = new_distiller(either_keras, teacher=new_teacher(seed=9))
    kept = other.teacher.get_weights()
    other.load_weights(path)
    for old, new in zip(kept, other.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(
        distiller.student.get_weights(), other.student.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    held = sum(int(np.prod(v.shape)) for v in distiller.weights)
    student = sum(int(np.prod(v.shape)) for v in distiller.student.weights)
    regressor = sum(
        int(np.prod(w.shape)) for layer in distiller.regressors for w in layer.weights
    )
    assert held <= student + regressor + 20  # and the states of metrics


def test_teachers_that_are_saved_with_it(either_keras, digits, tmp_path):
    two = tfc.distillation.Ensemble(
        [new_teacher(), new_teacher(tf_keras, seed=5)], weights=[3, 1]
    )
    distiller = tfc.Distiller(
        two, new_student(either_keras), tfc.distillation.LogitsDistillation(2), None, 0
    )
    distiller.compile("sgd")
    path = tmp_path / "distiller.keras"
    distiller.save(path)
    loaded = either_keras.models.load_model(path)
    x, _ = digits[1]
    assert loaded.evaluate(x, verbose=0) == distiller.evaluate(x, verbose=0)


def test_a_teacher_that_is_a_function_cannot_be_saved(either_keras, tmp_path):
    distiller = tfc.Distiller(
        lambda x: x, new_student(either_keras), tfc.distillation.LogitsDistillation(2)
    )
    distiller.compile("sgd", loss="mse")
    with pytest.raises(ModelError, match=r"save\s+distiller\.student"):
        distiller.save(tmp_path / "distiller.keras")
    assert not (tmp_path / "distiller.keras").exists()


class Killed(Exception):
    """Stands for the end of the process."""


class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise Killed


def test_goes_on_after_a_kill(either_keras, digits, tmp_path):
    def started():
        return new_distiller(
            either_keras,
            student_loss_weight=Polynomial(0.1, 0.9, power=1),
        )

    undisturbed = started()
    expected = fit(undisturbed, digits[0], epochs=4)
    killed = started()
    backup = [keras.callbacks.BackupAndRestore(tmp_path / "backup"), Kill()]
    with pytest.raises(Killed):
        fit(killed, digits[0], epochs=4, callbacks=backup)
    again = started()
    callbacks = [keras.callbacks.BackupAndRestore(tmp_path / "backup")]
    losses = fit(again, digits[0], epochs=4, callbacks=callbacks)
    assert losses == pytest.approx(expected[2:], rel=1e-5)
    for old, new in zip(
        undisturbed.student.get_weights(), again.student.get_weights(), strict=True
    ):
        np.testing.assert_allclose(old, new, atol=1e-6)


def test_checkpoints_of_the_student(either_keras, digits, tmp_path):
    distiller = new_distiller(either_keras)
    path = tmp_path / "best.weights.h5"
    callback = keras.callbacks.ModelCheckpoint(
        path,
        monitor="val_accuracy",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    fit(distiller, digits[0], callbacks=[callback], validation_data=digits[1])
    before = [w.copy() for w in distiller.student.get_weights()]
    fit(distiller, digits[0])
    distiller.load_weights(path)
    for old, new in zip(before, distiller.student.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
