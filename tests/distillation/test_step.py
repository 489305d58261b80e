"""What one step of a distiller does: outputs, masks, weights, features, precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from scipy.special import log_softmax, softmax

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.distillation import DistillationLoss, LogitsDistillation
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.schedules import OfStep, Polynomial


def kl(teacher, student, temperature):
    """T² · KL by SciPy, of each sample or position."""
    q = softmax(teacher / temperature, -1)
    log_p = log_softmax(student / temperature, -1)
    return temperature**2 * (q * (np.log(q) - log_p)).sum(-1)


def two_outputs(module, structure, seed):
    module.utils.set_random_seed(seed)
    inputs = module.layers.Input((5,))
    hidden = module.layers.Dense(6, activation="tanh", name="hidden")(inputs)
    first = module.layers.Dense(3, name="first")(hidden)
    second = module.layers.Dense(4, name="second")(hidden)
    outputs = [first, second]
    if structure is dict:
        outputs = {"second": second, "first": first}
    return module.Model(inputs, outputs)


def hard(module):
    return module.losses.SparseCategoricalCrossentropy(from_logits=True)


RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(16, 5)).astype("float32")
FIRST, SECOND = RANDOM.integers(0, 3, 16), RANDOM.integers(0, 4, 16)


@pytest.mark.parametrize("structure", [dict, list])
def test_students_of_several_outputs(either_keras, structure):
    teacher = two_outputs(keras, structure, 1)
    student = two_outputs(either_keras, structure, 2)
    distiller = tfc.Distiller(teacher, student, LogitsDistillation(2), None, 0.25)
    weights, labels = [2.0, 0.5], [FIRST, SECOND]
    loss = [hard(either_keras), hard(either_keras)]
    sample_weight = [RANDOM.uniform(size=16), RANDOM.uniform(size=16)]
    if structure is dict:
        names = ("first", "second")
        weights, labels, loss, sample_weight = (
            dict(zip(names, value, strict=True))
            for value in (weights, labels, loss, sample_weight)
        )
    distiller.compile("sgd", loss=loss, loss_weights=weights)
    logs = distiller.evaluate(
        X, labels, sample_weight=sample_weight, return_dict=True, verbose=0
    )
    flat = [tf.nest.flatten(model(X)) for model in (teacher, student)]
    given = tf.nest.flatten(sample_weight)
    soft = sum(
        (w * kl(np.asarray(t), np.asarray(s), 2)).mean()
        for t, s, w in zip(*flat, given, strict=True)
    )
    own = sum(
        share * (-w * log_softmax(np.asarray(s), -1)[np.arange(16), y]).mean()
        for s, y, w, share in zip(
            flat[1], (FIRST, SECOND), given, (2.0, 0.5), strict=True
        )
    )
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-4)
    assert logs["student_loss"] == pytest.approx(own, rel=1e-4)
    assert logs["loss"] == pytest.approx(0.25 * own + 0.75 * soft, rel=1e-4)
    history = distiller.fit(X, labels, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_a_teacher_for_each_output(either_keras):
    student = two_outputs(either_keras, dict, 2)
    parts = two_outputs(keras, list, 3)
    teachers = {
        name: keras.Model(parts.inputs, output)
        for name, output in zip(("first", "second"), parts.outputs, strict=True)
    }
    distiller = tfc.Distiller(teachers, student, LogitsDistillation(2), None, 0.0)
    distiller.compile("sgd")
    logs = distiller.evaluate(X, return_dict=True, verbose=0)
    said = student(X)
    soft = sum(
        kl(np.asarray(model(X)), np.asarray(said[name]), 2).mean()
        for name, model in teachers.items()
    )
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-4)
    teachers["third"] = teachers.pop("first")
    with pytest.raises(ModelError, match="third"):
        tfc.Distiller(teachers, student, LogitsDistillation(2))


def tagger(module, seed):
    module.utils.set_random_seed(seed)
    tokens = module.layers.Input((6,), dtype="int32")
    x = module.layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = module.layers.LSTM(5, return_sequences=True)(x)
    model = module.Model(tokens, module.layers.Dense(3)(x))
    model.set_weights([8 * weight for weight in model.get_weights()])
    return model


def test_padding_does_not_count(either_keras):
    tokens = RANDOM.integers(1, 9, (8, 6))
    tokens[:, 4:] = 0
    tokens[0, 2:] = 0
    labels = RANDOM.integers(0, 3, (8, 6))
    teacher, student = tagger(keras, 1), tagger(either_keras, 2)
    distiller = tfc.Distiller(teacher, student, LogitsDistillation(3))
    distiller.compile("sgd", loss=hard(either_keras))
    logs = distiller.evaluate(tokens, labels, return_dict=True, verbose=0)
    valid = tokens != 0
    t, s = np.asarray(teacher(tokens)), np.asarray(student(tokens))
    soft = kl(t, s, 3)[valid].mean()
    rows = -np.take_along_axis(log_softmax(s, -1), labels[..., None], -1)[..., 0]
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-4)
    assert logs["student_loss"] == pytest.approx(rows[valid].mean(), rel=1e-4)


def test_class_weights_count_in_both_losses(either_keras, digits):
    x, y = digits[1][0][:64], digits[1][1][:64]
    teacher = build_classifier(keras, name="teacher")
    student = build_classifier(either_keras)
    distiller = tfc.Distiller(teacher, student, LogitsDistillation(4))
    distiller.compile(keras.optimizers.SGD(0.0), loss=hard(either_keras))
    weight = {label: float(label == 3) for label in range(10)}
    logs = distiller.fit(x, y, batch_size=64, class_weight=weight, verbose=0).history
    assert logs["distillation_loss"][0] > 0
    none = dict.fromkeys(range(10), 0.0)
    logs = distiller.fit(x, y, batch_size=64, class_weight=none, verbose=0).history
    assert logs["loss"][0] == pytest.approx(0, abs=1e-6)


class Counting(keras.layers.Layer):
    calls = 0

    def call(self, x):
        type(self).calls += 1
        return x


class Features(DistillationLoss):
    """Mean squared difference of two features of the same shape."""

    def __init__(self, teacher_layer, student_layer):
        self.teacher_layers = (teacher_layer,)
        self.student_layers = (student_layer,)

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        difference = tf.square(teacher_outputs - student_outputs)
        return tf.reduce_mean(tf.reshape(difference, (tf.shape(difference)[0], -1)), 1)

    def get_config(self):
        return {
            "teacher_layer": self.teacher_layers[0],
            "student_layer": self.student_layers[0],
        }


def test_the_student_runs_once_however_many_losses_look_at_it(digits):
    x, y = digits[1]
    inputs = keras.Input((8, 8, 1))
    seen = Counting()(inputs)
    hidden = keras.layers.Conv2D(8, 3, padding="same", name="conv2")(seen)
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(hidden))
    student = keras.Model(inputs, outputs)
    teacher = build_classifier(keras, name="teacher")
    losses = [
        Features("conv1", "conv2"),
        Features("conv2", "conv2"),
        LogitsDistillation(2),
    ]
    distiller = tfc.Distiller(teacher, student, losses, [3.0, 2.0, 1.0])
    distiller.compile("sgd", loss=hard(keras), run_eagerly=True)
    Counting.calls = 0
    distiller.train_on_batch(x[:8], y[:8])
    assert Counting.calls == 1
    values = [
        keras.Model(teacher.inputs, teacher.get_layer(name).output)(x)
        for name in ("conv1", "conv2")
    ]
    own = keras.Model(inputs, hidden)(x)
    first, second = (((np.asarray(v) - np.asarray(own)) ** 2).mean() for v in values)
    soft = kl(np.asarray(teacher(x)), np.asarray(student(x)), 2).mean()
    logs = distiller.evaluate(x, y, batch_size=len(x), return_dict=True, verbose=0)
    expected = 3 * first + 2 * second + soft
    assert logs["distillation_loss"] == pytest.approx(expected, rel=1e-4)


def test_features_of_both_kerases(either_keras, digits):
    x, y = digits[1][0][:64], digits[1][1][:64]
    teacher, student = build_classifier(tf_keras), build_classifier(either_keras)
    distiller = tfc.Distiller(teacher, student, Features("relu1", "relu1"), None, 0.5)
    distiller.compile(keras.optimizers.Adam(3e-3), loss=hard(either_keras))
    history = distiller.fit(x, y, epochs=8, verbose=0).history["distillation_loss"]
    assert history[-1] < history[0]


def test_features_need_no_equal_heads(either_keras, digits):
    teacher = build_classifier(keras, activation="softmax")
    inputs = either_keras.layers.Input((8, 8, 1))
    hidden = either_keras.layers.Conv2D(8, 3, padding="same", name="conv2")(inputs)
    flat = either_keras.layers.Flatten()(hidden)
    head = either_keras.layers.Dense(2, activation="softmax")(flat)
    student = either_keras.Model(inputs, head)
    distiller = tfc.Distiller(teacher, student, Features("conv1", "conv2"))
    distiller.compile("sgd", loss="sparse_categorical_crossentropy")
    x, y = digits[1]
    history = distiller.fit(x, y % 2, epochs=3, verbose=0).history
    assert history["distillation_loss"][-1] < history["distillation_loss"][0]


def test_names_of_layers_that_are_not_there(either_keras):
    teacher, student = build_classifier(keras), build_classifier(either_keras)
    with pytest.raises(ModelError, match=r"student has no layer 'conf2'.*'conv2'"):
        tfc.Distiller(teacher, student, Features("conv2", "conf2"))
    with pytest.raises(ModelError, match="teacher has no layer 'conf2'"):
        tfc.Distiller(teacher, student, Features("conf2", "conv2"))
    with pytest.raises(ModelError, match="one model has layers"):
        tfc.Distiller([teacher, teacher], student, Features("conv2", "conv2"))


def test_losses_of_activations_count_once(either_keras, digits):
    x, y = digits[1]
    layers = either_keras.layers
    inputs = layers.Input((8, 8, 1))
    hidden = layers.Dense(
        4, name="conv2", activity_regularizer=either_keras.regularizers.L2(0.1)
    )(layers.Flatten()(inputs))
    student = either_keras.Model(inputs, layers.Dense(10)(hidden))
    teacher = build_classifier(keras)
    distiller = tfc.Distiller(
        teacher,
        student,
        [LogitsDistillation(2), Squares()],
    )
    distiller.compile(keras.optimizers.SGD(0.0), loss=hard(either_keras))
    logs = distiller.evaluate(x, y, batch_size=len(x), return_dict=True, verbose=0)
    values = np.asarray(either_keras.Model(inputs, hidden)(x))
    penalty = 0.1 * (values**2).sum() / len(x)
    parts = 0.5 * logs["student_loss"] + 0.5 * logs["distillation_loss"]
    assert logs["loss"] == pytest.approx(parts + penalty, rel=1e-4)
    history = distiller.fit(x, y, batch_size=len(x), epochs=2, verbose=0).history
    assert history["loss"][0] == pytest.approx(logs["loss"], rel=1e-4)
    assert history["loss"][1] == pytest.approx(logs["loss"], rel=1e-4)


class Squares(DistillationLoss):
    """Looks at a layer, for the sake of looking."""

    student_layers = ("conv2",)

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return 0.0 * tf.reduce_sum(student_outputs, 1)

    def get_config(self):
        return {}


def test_an_exact_teacher_teaches_a_student_of_mixed_precision(either_keras, digits):
    teacher = build_classifier(keras)
    either_keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        student = build_classifier(either_keras)
        distiller = tfc.Distiller(teacher, student, LogitsDistillation(4))
        distiller.compile(keras.optimizers.Adam(1e-3), loss=hard(either_keras))
        history = distiller.fit(*digits[1], epochs=3, verbose=0).history["loss"]
    finally:
        either_keras.mixed_precision.set_global_policy("float32")
    assert np.isfinite(history).all()
    assert history[-1] < history[0]


def test_a_function_teaches(either_keras):
    student = two_outputs(either_keras, list, 2)
    student = either_keras.Model(student.inputs, student.outputs[0])
    matrix = RANDOM.normal(size=(5, 3)).astype("float32")
    distiller = tfc.Distiller(
        lambda x: tf.matmul(x, matrix), student, LogitsDistillation(2), None, 0.0
    )
    distiller.compile("sgd")
    logs = distiller.evaluate(X, return_dict=True, verbose=0)
    soft = kl(X @ matrix, np.asarray(student(X)), 2).mean()
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-4)


def test_a_saved_model_teaches(either_keras, tmp_path):
    teacher = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
    teacher.export(tmp_path / "teacher", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "teacher"))
    student = either_keras.Sequential(
        [either_keras.layers.Input((5,)), either_keras.layers.Dense(3)]
    )
    figures = []
    for given in (
        teacher,
        tfc.distillation.FunctionTeacher(loaded.serve, gives="softmax"),
    ):
        distiller = tfc.Distiller(given, student, LogitsDistillation(2), None, 0.0)
        distiller.compile("sgd")
        figures.append(distiller.evaluate(X, return_dict=True, verbose=0)["loss"])
    assert figures[0] == pytest.approx(figures[1], rel=1e-4)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_an_ensemble_teaches_the_average(either_keras, average):
    teachers = [
        keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]),
        tf_keras.Sequential(
            [tf_keras.Input((5,)), tf_keras.layers.Dense(3, activation="softmax")]
        ),
    ]
    student = either_keras.Sequential(
        [either_keras.layers.Input((5,)), either_keras.layers.Dense(3)]
    )
    ensemble = tfc.distillation.Ensemble(teachers, weights=[3, 1], average=average)
    distiller = tfc.Distiller(ensemble, student, LogitsDistillation(2), None, 0.0)
    distiller.compile("sgd")
    logs = distiller.evaluate(X, return_dict=True, verbose=0)
    logits = np.asarray(teachers[0](X), np.float64)
    probabilities = np.asarray(teachers[1](X), np.float64)
    if average == "probabilities":
        mean = np.log(0.75 * softmax(logits, -1) + 0.25 * probabilities)
    else:
        mean = 0.75 * logits + 0.25 * np.log(probabilities)
    soft = kl(mean, np.asarray(student(X)), 2).mean()
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-4)


def test_bad_ensembles():
    teacher = build_classifier(keras)
    with pytest.raises(ArgumentError, match="one teacher at least"):
        tfc.distillation.Ensemble([])
    with pytest.raises(ArgumentError, match=r"Received: weights=\[1\]"):
        tfc.distillation.Ensemble([teacher, teacher], weights=[1])
    with pytest.raises(ArgumentError, match="Received: average='median'"):
        tfc.distillation.Ensemble([teacher], average="median")


def test_values_move_without_tracing_again(either_keras, digits):
    x, y = digits[1][0][:64], digits[1][1][:64]
    traces = []

    class Watched(LogitsDistillation):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            traces.append(1)
            return 0.0 * tf.reduce_sum(student_outputs, 1) + self._temperature()

    loss = Watched(Polynomial(8.0, 0.5, power=1))
    share = OfStep(lambda step: 0.0 if step < 8 else 0.5)
    distiller = tfc.Distiller(
        build_classifier(keras), build_classifier(either_keras), loss, [2.0], share
    )
    distiller.compile(keras.optimizers.SGD(0.0), loss=hard(either_keras))
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(logs["distillation_loss"]))

    distiller.fit(x, y, batch_size=16, epochs=4, callbacks=[Watch()], verbose=0)
    # tf_keras traces again once the optimizer has its variables.
    assert len(traces) <= 2
    # 16 steps; the logs are means over the steps of an epoch so far.
    values = [2 * (8.0 - 7.5 * step / 16) for step in range(16)]
    means = [np.mean(values[4 * (step // 4) : step + 1]) for step in range(len(values))]
    np.testing.assert_allclose(seen, means, rtol=1e-5)


def test_temperature_out_of_range_along_the_way():
    with pytest.raises(ArgumentError, match="temperature=-2"):
        LogitsDistillation(Polynomial(4.0, -2.0, power=1))
