import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

import tfcompress as tfc
from tests.distillation.programs.conftest import (
    KillAt,
    Killed,
    assert_same_weights,
    build_small,
    build_tiny,
    check_resuming,
    compile_model,
)
from tfcompress import keras_compat
from tfcompress.distillation.losses.feature_distillation import FeatureDistillation
from tfcompress.distillation.programs import Stage, TwoStage
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError
from tfcompress.schedules import Linear

SOFT = tfc.distillation.LogitsDistillation(2.0)
PROGRAM = TwoStage(
    Stage(2, SOFT, student_loss_weight=0.0), Stage(3, SOFT, student_loss_weight=0.5)
)
FIT = {"compile_model": compile_model, "batch_size": 16, "shuffle": False, "verbose": 0}


@pytest.fixture
def student(either_keras):
    either_keras.utils.set_random_seed(3)
    return build_small(either_keras)


def test_killed_in_the_second_stage_it_ends_in_the_same_weights(
    small_teacher, student, either_keras, blobs, tmp_path
):
    before = [w.copy() for w in student.get_weights()]

    def run(**arguments):
        return PROGRAM.run(small_teacher, student, *blobs, **FIT, **arguments)

    result = check_resuming(run, tmp_path / "run", kill_in=1, kill_at=2, left=1)
    assert isinstance(result.student, either_keras.Model)
    assert list(result.history) == ["first", "second"]
    assert len(result.history["second"]["accuracy"]) == 3
    for old, new in zip(before, student.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_later_call_may_bring_the_student_newly_drawn(small_teacher, blobs, tmp_path):
    student = build_tiny(keras)
    whole = PROGRAM.run(small_teacher, student, *blobs, **FIT)
    with pytest.raises(Killed):
        PROGRAM.run(
            small_teacher,
            student,
            *blobs,
            directory=tmp_path,
            callbacks=[KillAt(0, 0)],
            **FIT,
        )
    again = PROGRAM.run(
        small_teacher, build_tiny(keras), *blobs, directory=tmp_path, **FIT
    )
    assert_same_weights(again.student, whole.student)


def test_stages_equal_gradient_steps_worked_by_hand(either_keras):
    layers = either_keras.layers
    inputs = layers.Input((3,))
    student = either_keras.Model(inputs, layers.Dense(2, use_bias=False)(inputs))
    teacher = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)).astype(np.float32), np.arange(8) % 2
    program = TwoStage(Stage(1, SOFT, student_loss_weight=0.0), Stage(1))
    result = program.run(
        teacher,
        student,
        x,
        y,
        compile_model=lambda model: model.compile(
            keras.optimizers.SGD(0.1),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ),
        batch_size=8,
        verbose=0,
    )
    kernel = student.get_weights()[0].astype(np.float64)
    targets = np.asarray(teacher(x), np.float64)
    soft = 2.0 * (softmax(x @ kernel / 2, -1) - softmax(targets / 2, -1))
    kernel = kernel - 0.1 * x.T @ soft / 8
    np.testing.assert_allclose(result.students[0].get_weights()[0], kernel, atol=1e-6)
    kernel = kernel - 0.1 * x.T @ (softmax(x @ kernel, -1) - np.eye(2)[y]) / 8
    np.testing.assert_allclose(result.student.get_weights()[0], kernel, atol=1e-6)


def test_hints_and_schedules_go_on(small_teacher, student, blobs, tmp_path):
    hints = FeatureDistillation("mse", "hidden", "hidden")  # 16 and 6 features
    soft = tfc.distillation.LogitsDistillation(Linear(4.0, 1.0))
    program = TwoStage(
        Stage(3, [hints, soft], [1.0, Linear(0.0, 1.0)], student_loss_weight=0.0),
        Stage(1),
    )
    assert TwoStage.from_config(program.get_config()).get_config() == (
        program.get_config()
    )

    def run(**arguments):
        keras_compat.keras_of(student).utils.set_random_seed(4)
        return program.run(small_teacher, student, *blobs, **FIT, **arguments)

    result = check_resuming(run, tmp_path, kill_in=0, kill_at=2, left=2)
    assert len(result.student.weights) == len(student.weights)


def test_seeded_dropout_goes_on_where_it_was(small_teacher, blobs, tmp_path):
    student = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, activation="relu"),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(3),
        ]
    )

    def run(**arguments):
        return PROGRAM.run(small_teacher, student, *blobs, **FIT, **arguments)

    check_resuming(run, tmp_path, kill_in=0, kill_at=1, left=4)


def test_killed_after_the_last_epoch_of_a_stage(
    small_teacher, student, blobs, tmp_path
):
    class KillAtTheEnd(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            raise Killed

    whole = PROGRAM.run(small_teacher, student, *blobs, **FIT)
    arguments = {**FIT, "directory": tmp_path}
    with pytest.raises(Killed):
        PROGRAM.run(
            small_teacher, student, *blobs, callbacks=[KillAtTheEnd()], **arguments
        )
    resumed = PROGRAM.run(small_teacher, student, *blobs, **arguments)
    assert_same_weights(resumed.student, whole.student)
    assert resumed.history == whole.history


def test_data_sets_and_validation(small_teacher, student, blobs):
    dataset = tf.data.Dataset.from_tensor_slices(blobs).batch(32)
    result = PROGRAM.run(
        small_teacher,
        student,
        dataset,
        compile_model=compile_model,
        validation_data=dataset,
        verbose=0,
    )
    assert len(result.history["second"]["val_accuracy"]) == 3


def test_config_goes_round(small_teacher, blobs):
    config = json.loads(json.dumps(PROGRAM.get_config()))
    again = TwoStage.from_config(config)
    assert again.get_config() == PROGRAM.get_config()
    assert again.second.distillation_losses[0].get_config() == SOFT.get_config()


# Bad input.


def test_folder_of_another_run(small_teacher, blobs, tmp_path):
    student = build_tiny(keras)
    arguments = {**FIT, "directory": tmp_path}
    PROGRAM.run(small_teacher, student, *blobs, **arguments)
    other = TwoStage(PROGRAM.first, Stage(4))
    with pytest.raises(OutputError, match="differs in configuration.*Received: dir"):
        other.run(small_teacher, student, *blobs, **arguments)
    with pytest.raises(OutputError, match="differs in teacher"):
        PROGRAM.run(build_tiny(keras), student, *blobs, **arguments)
    with pytest.raises(OutputError, match="differs in students"):
        PROGRAM.run(small_teacher, build_tiny(keras, width=7), *blobs, **arguments)
    with pytest.raises(OutputError, match="differs in fit_arguments"):
        PROGRAM.run(small_teacher, student, *blobs, **{**arguments, "batch_size": 8})
    with pytest.raises(OutputError, match="differs in data"):
        PROGRAM.run(small_teacher, student, *(p[:9] for p in blobs), **arguments)


def test_folder_of_something_else(small_teacher, blobs, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        PROGRAM.run(small_teacher, build_tiny(keras), *blobs, directory=tmp_path, **FIT)
    with pytest.raises(OutputError, match="Cannot use the folder"):
        PROGRAM.run(
            small_teacher,
            build_tiny(keras),
            *blobs,
            directory=tmp_path / "thesis.txt",
            **FIT,
        )


def test_damaged_stage(small_teacher, blobs, tmp_path):
    arguments = {**FIT, "directory": tmp_path}
    PROGRAM.run(small_teacher, build_tiny(keras), *blobs, **arguments)
    (tmp_path / "second.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(OutputError, match=r"second\.npz cannot be read"):
        PROGRAM.run(small_teacher, build_tiny(keras), *blobs, **arguments)


def test_bad_arguments_of_run(small_teacher, blobs):
    student = build_tiny(keras)
    with pytest.raises(ArgumentError, match="compile_model='adam'"):
        PROGRAM.run(small_teacher, student, *blobs, compile_model="adam")
    with pytest.raises(ArgumentError, match="must call compile"):
        PROGRAM.run(small_teacher, student, *blobs, compile_model=lambda model: None)
    with pytest.raises(ArgumentError, match="epochs=3"):
        PROGRAM.run(small_teacher, student, *blobs, epochs=3, **FIT)
    with pytest.raises(DataError, match="iterator can be read only once"):
        PROGRAM.run(small_teacher, student, iter([blobs]), **FIT)
    with pytest.raises(ModelError, match="student must be a Keras 3 or tf_keras"):
        PROGRAM.run(small_teacher, "student", *blobs, **FIT)


def test_student_that_a_technique_was_applied_to(small_teacher, blobs):
    twin = keras_compat.to_tf_keras(build_tiny(keras))  # what techniques work on
    with pytest.raises(ModelError, match="run the program on the plain model"):
        PROGRAM.run(small_teacher, twin, *blobs, **FIT)


@pytest.mark.parametrize("epochs", [0, 1.5, True, "3"])
def test_bad_epochs(epochs):
    with pytest.raises(ArgumentError, match="epochs must be a whole number"):
        Stage(epochs)


def test_bad_stages():
    with pytest.raises(ArgumentError, match="must be a DistillationLoss"):
        Stage(1, "kl_divergence")
    with pytest.raises(ArgumentError, match="without losses"):
        Stage(1, distillation_loss_weights=2.0)
    with pytest.raises(ArgumentError, match="labels alone"):
        Stage(1, student_loss_weight=0.5)
    with pytest.raises(ArgumentError, match="second must be a Stage"):
        TwoStage(Stage(1), 5)
