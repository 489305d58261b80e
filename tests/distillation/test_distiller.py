import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, DataError, ModelError


def distil(teacher, student, **arguments):
    loss = tfc.distillation.LogitsDistillation(temperature=4)
    distiller = tfc.Distiller(teacher, student, loss, **arguments)
    distiller.compile(
        "sgd",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return distiller


@pytest.fixture(scope="module")
def student(either_keras):
    either_keras.utils.set_random_seed(2)
    return build_classifier(either_keras, name="student")


def test_is_a_model_of_the_students_keras(teacher, student, either_keras):
    distiller = distil(teacher, student)
    assert issubclass(tfc.Distiller, keras.Model)
    assert isinstance(distiller, either_keras.Model)
    assert "train_step" in dir(distiller)
    assert distiller.student is student
    assert distiller.teacher is teacher


def test_losses_equal_numpy(teacher, student, digits):
    x, y = digits[1][0][:64], digits[1][1][:64]
    logs = distil(teacher, student, student_loss_weight=0.25).evaluate(
        x, y, batch_size=32, return_dict=True, verbose=0
    )
    t, s = np.asarray(teacher(x)), np.asarray(student(x))
    q = softmax(t / 4, -1)
    soft = 16 * (q * (log_softmax(t / 4, -1) - log_softmax(s / 4, -1))).sum(-1).mean()
    hard = -log_softmax(s, -1)[np.arange(64), y].mean()
    assert logs["student_loss"] == pytest.approx(hard, rel=1e-4)
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-4)
    assert logs["loss"] == pytest.approx(0.25 * hard + 0.75 * soft, rel=1e-4)
    assert logs["accuracy"] == pytest.approx((s.argmax(-1) == y).mean())


def test_distilling_teaches_without_labels(teacher, either_keras, digits):
    either_keras.utils.set_random_seed(0)
    student = build_classifier(either_keras, name="unlabelled")
    distiller = tfc.Distiller(
        teacher,
        student,
        tfc.distillation.LogitsDistillation(4),
        student_loss_weight=0.0,
    )
    distiller.compile(keras.optimizers.Adam(3e-3))
    distiller.fit(digits[0][0], epochs=6, verbose=0)
    x, _ = digits[1]
    agreement = np.asarray(student(x)).argmax(-1) == np.asarray(teacher(x)).argmax(-1)
    assert agreement.mean() > 0.8


def test_one_step_of_sgd_equals_the_gradient_worked_by_hand(either_keras):
    layers = either_keras.layers
    inputs = layers.Input((3,))
    student = either_keras.Model(inputs, layers.Dense(4, use_bias=False)(inputs))
    teacher = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)).astype(np.float32), np.arange(8) % 4
    kernel = student.get_weights()[0].astype(np.float64)
    distiller = tfc.Distiller(
        teacher, student, tfc.distillation.LogitsDistillation(2.0), None, 0.3
    )
    distiller.compile(
        keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    logits, targets = x @ kernel, np.asarray(teacher(x))
    hard = softmax(logits, -1) - np.eye(4)[y]
    soft = 2.0 * (softmax(logits / 2, -1) - softmax(targets / 2, -1))
    gradient = x.T @ (0.3 * hard + 0.7 * soft) / 8
    distiller.fit(x, y, batch_size=8, epochs=1, verbose=0)
    expected = kernel - 0.1 * gradient
    np.testing.assert_allclose(student.get_weights()[0], expected, atol=1e-6)


def test_regularization_counts_once_and_whole(either_keras, teacher, digits):
    layers = either_keras.layers
    inputs = layers.Input((8, 8, 1))
    dense = layers.Dense(10, kernel_regularizer=either_keras.regularizers.L2(0.01))
    student = either_keras.Model(inputs, dense(layers.Flatten()(inputs)))
    logs = distil(teacher, student).evaluate(*digits[1], return_dict=True, verbose=0)
    penalty = 0.01 * (np.asarray(dense.kernel) ** 2).sum()
    parts = 0.5 * logs["student_loss"] + 0.5 * logs["distillation_loss"]
    assert logs["loss"] == pytest.approx(parts + penalty, rel=1e-4)


def test_sample_weight_of_zero_takes_a_sample_out(teacher, student, digits):
    x, y = digits[1][0][:32], digits[1][1][:32]
    distiller = distil(teacher, student)
    weights = np.zeros(32, np.float32)
    logs = distiller.evaluate(x, y, sample_weight=weights, return_dict=True, verbose=0)
    assert logs["distillation_loss"] == 0
    assert logs["student_loss"] == pytest.approx(0, abs=1e-6)


def test_evaluate_twice_is_the_same_and_changes_no_weight(teacher, student, digits):
    distiller = distil(teacher, student)
    before = [w.copy() for w in student.get_weights()]
    first = distiller.evaluate(*digits[1], return_dict=True, verbose=0)
    assert distiller.evaluate(*digits[1], return_dict=True, verbose=0) == first
    for old, new in zip(before, student.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_teacher_is_neither_trained_nor_frozen_nor_tracked(either_keras, digits):
    teacher = build_classifier(keras, name="untouched")
    student = build_classifier(either_keras, name="pupil")
    before = [w.copy() for w in teacher.get_weights()]
    distiller = distil(teacher, student)
    distiller.fit(*digits[0], epochs=1, verbose=0)
    assert teacher.trainable
    assert len(distiller.trainable_weights) == len(student.trainable_weights)
    assert len(distiller.weights) < len(student.weights) + len(teacher.weights)
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_teacher_runs_in_inference_mode(either_keras, digits):
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Dropout(0.9)(layers.Flatten()(inputs))
    noisy = keras.Model(inputs, layers.Dense(10)(x))
    x, _ = digits[1]
    student = build_classifier(either_keras, name="calm")
    distiller = tfc.Distiller(
        noisy, student, tfc.distillation.LogitsDistillation(1.0), None, 0.0
    )
    distiller.compile(keras.optimizers.SGD(0.0))
    once = distiller.fit(x[:32], batch_size=32, verbose=0).history["loss"]
    assert distiller.fit(x[:32], batch_size=32, verbose=0).history[
        "loss"
    ] == pytest.approx(once)


def test_with_the_hard_loss_alone_the_teacher_is_not_called(student, digits):
    calls = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    inputs = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(Counting()(inputs))
    teacher = keras.Model(inputs, keras.layers.Dense(10)(flat))
    calls.clear()
    distiller = distil(teacher, student, student_loss_weight=1.0)
    logs = distiller.evaluate(*digits[1], return_dict=True, verbose=0)
    assert distiller.fit(*digits[1], verbose=0).history["distillation_loss"] == [0]
    assert not calls
    assert logs["distillation_loss"] == 0
    assert logs["loss"] == pytest.approx(logs["student_loss"])


def test_probabilities_of_a_teacher_become_its_logits(either_keras, digits):
    logits = build_classifier(either_keras, name="logits")
    softened = build_classifier(either_keras, name="softmax", activation="softmax")
    softened.set_weights(logits.get_weights())
    student = build_classifier(keras, name="listener")
    figures = [
        distil(model, student).evaluate(*digits[1], return_dict=True, verbose=0)
        for model in (logits, softened)
    ]
    assert figures[0]["distillation_loss"] == pytest.approx(
        figures[1]["distillation_loss"], rel=1e-4
    )


def test_datasets_generators_and_validation(teacher, student, digits):
    (x, y), test = digits
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(64)
    history = distil(teacher, student).fit(
        dataset, validation_data=test, epochs=2, verbose=0
    )
    assert len(history.history["val_distillation_loss"]) == 2
    assert history.history["loss"][1] < history.history["loss"][0]


def test_losses_of_keras_distillation_plug_in(teacher, either_keras, digits):
    loss = keras.distillation.LogitsDistillation(4.0, loss=keras.losses.KLDivergence())
    student = build_classifier(either_keras, name="plugged")
    theirs = tfc.Distiller(teacher, student, loss)
    theirs.compile(
        "sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    x, y = digits[1][0][:32], digits[1][1][:32]
    got = theirs.evaluate(x, y, batch_size=32, return_dict=True, verbose=0)
    ours = distil(teacher, student).evaluate(
        x, y, batch_size=32, return_dict=True, verbose=0
    )
    assert got["distillation_loss"] == pytest.approx(
        ours["distillation_loss"], rel=1e-3
    )


def test_callbacks_of_keras_3(teacher, student, digits):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(sorted(logs))

    distil(teacher, student).fit(
        *digits[1], validation_data=digits[1], callbacks=[Watch()], verbose=0
    )
    names = ["accuracy", "distillation_loss", "loss", "student_loss"]
    assert seen == [sorted([*names, *(f"val_{name}" for name in names)])]


# Bad input.


def test_subclassed_student(teacher):
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ModelError, match=r"functional or Sequential.*keras\.Input"):
        distil(teacher, Subclassed())


def test_unbuilt_student(teacher, either_keras):
    student = either_keras.Sequential([either_keras.layers.Dense(10)])
    with pytest.raises(ModelError, match="build"):
        distil(teacher, student)


def test_different_numbers_of_classes(teacher, either_keras):
    layers = either_keras.layers
    inputs = layers.Input((8, 8, 1))
    student = either_keras.Model(inputs, layers.Dense(7)(layers.Flatten()(inputs)))
    with pytest.raises(ModelError, match=r"teacher outputs \(None, 10\), student outp"):
        distil(teacher, student)


def test_student_that_ends_in_softmax(teacher, either_keras):
    student = build_classifier(either_keras, activation="softmax")
    with pytest.raises(ModelError, match=r"logits, without softmax.*from_logits"):
        distil(teacher, student)


def test_weights_that_are_not_finite(teacher, either_keras):
    student = build_classifier(either_keras)
    weights = student.get_weights()
    weights[0][0] = np.nan
    student.set_weights(weights)
    with pytest.raises(ModelError, match=r"finite.*conv1/kernel"):
        distil(teacher, student)


def test_inputs_that_are_not_finite(teacher, student, digits):
    x, y = digits[1][0].copy(), digits[1][1]
    x[7, 0, 0, 0] = np.inf
    with pytest.raises(DataError, match="finite numbers only.*sample 7"):
        distil(teacher, student).fit(x, y, verbose=0)


@pytest.mark.parametrize("label", [-1, 10])
def test_labels_outside_the_classes(teacher, student, digits, label):
    x, y = digits[1][0], digits[1][1].copy()
    y[3] = label
    with pytest.raises(DataError, match="class numbers from 0 to 9"):
        distil(teacher, student).fit(x, y, verbose=0)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(64)
    with pytest.raises(DataError, match="class numbers from 0 to 9"):
        distil(teacher, student).fit(dataset, verbose=0)


def test_labels_of_the_validation_data_outside_the_classes(teacher, student, digits):
    x, y = digits[1]
    with pytest.raises(DataError, match="validation_data must hold class numbers"):
        distil(teacher, student).fit(x, y, validation_data=(x, y + 5), verbose=0)


def test_empty_data(teacher, student):
    x, y = np.zeros((0, 8, 8, 1), np.float32), np.zeros((0,), np.int64)
    with pytest.raises(DataError, match="one sample at least"):
        distil(teacher, student).fit(x, y, verbose=0)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    with pytest.raises(DataError, match="empty"):
        distil(teacher, student).fit(dataset, verbose=0)


def test_share_out_of_range(teacher, student):
    with pytest.raises(ArgumentError, match=r"from 0 to 1\. Received: student_loss_we"):
        distil(teacher, student, student_loss_weight=1.2)


def test_weights_that_do_not_match_the_losses(teacher, student):
    with pytest.raises(ArgumentError, match="2 weights for 1 losses"):
        distil(teacher, student, distillation_loss_weights=[1.0, 2.0])


def test_something_else_than_a_loss(teacher, student):
    with pytest.raises(ArgumentError, match="must be a DistillationLoss"):
        tfc.Distiller(teacher, student, "kl_divergence")


def test_certain_teachers_give_finite_losses(either_keras, digits):
    layers = either_keras.layers
    x, _ = digits[1]
    for activation, width in {"softmax": 10, "sigmoid": 1}.items():
        inputs = layers.Input((8, 8, 1))
        outputs = layers.Dense(width, activation=activation)(layers.Flatten()(inputs))
        certain = either_keras.Model(inputs, outputs)
        certain.set_weights([100 * w for w in certain.get_weights()])
        outputs = layers.Dense(width)(layers.Flatten()(inputs))
        student = either_keras.Model(inputs, outputs)
        distiller = tfc.Distiller(
            certain, student, tfc.distillation.LogitsDistillation(2), None, 0.0
        )
        distiller.compile(keras.optimizers.Adam(1e-3))
        assert np.isfinite(distiller.fit(x, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_probabilities_that_no_layer_tells_of(teacher, either_keras, digits, role):
    layers = either_keras.layers
    parts = [
        build_classifier(either_keras, name=name, activation="softmax")
        for name in ("first", "second")
    ]
    inputs = layers.Input((8, 8, 1))
    mixture = layers.Average()([part(inputs) for part in parts])
    ensemble = either_keras.Model(inputs, mixture)
    plain = build_classifier(either_keras)
    pair = (ensemble, plain) if role == "teacher" else (teacher, ensemble)
    with pytest.raises(ModelError, match=f"The {role} gives probabilities"):
        distil(*pair).fit(*digits[1], verbose=0)


def test_weights_of_positions(either_keras):
    layers = either_keras.layers
    inputs = layers.Input((7, 3))
    student = either_keras.Model(inputs, layers.Dense(4)(inputs))
    other = keras.Sequential([keras.Input((7, 3)), keras.layers.Dense(4)])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 7, 3)).astype(np.float32)
    y, weight = rng.integers(0, 4, (8, 7)), rng.uniform(size=(8, 7)).astype(np.float32)
    logs = distil(other, student).evaluate(
        x, y, sample_weight=weight, batch_size=8, return_dict=True, verbose=0
    )
    t, s = np.asarray(other(x)), np.asarray(student(x))
    q = softmax(t / 4, -1)
    soft = 16 * (q * (log_softmax(t / 4, -1) - log_softmax(s / 4, -1))).sum(-1)
    expected = (soft * weight).mean()
    assert logs["distillation_loss"] == pytest.approx(expected, rel=1e-4)


def test_evaluate_gives_each_figure_once(teacher, student, digits):
    distiller = distil(teacher, student)
    logs = distiller.evaluate(*digits[1], return_dict=True, verbose=0)
    assert sorted(logs) == ["accuracy", "distillation_loss", "loss", "student_loss"]
    assert distiller.evaluate(*digits[1], verbose=0)[0] == pytest.approx(logs["loss"])


def test_isinstance_holds_for_students_of_either_keras(teacher, student):
    assert isinstance(distil(teacher, student), tfc.Distiller)


def test_no_labels(teacher, student, digits):
    with pytest.raises(DataError, match="student_loss_weight=0"):
        distil(teacher, student).fit(digits[1][0], verbose=0)


def test_data_that_ruins_the_student_in_a_later_batch(teacher, either_keras, digits):
    x, y = digits[0][0].copy(), digits[0][1]
    x[500] = np.nan
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(64)
    student = build_classifier(either_keras)
    with pytest.raises(ModelError, match="trained student must be finite"):
        distil(teacher, student).fit(dataset, verbose=0)


def test_teacher_of_several_labels_at_once(either_keras):
    model = build_classifier(either_keras, activation="sigmoid")
    with pytest.raises(ModelError, match="several labels at once"):
        distil(model, build_classifier(either_keras))
