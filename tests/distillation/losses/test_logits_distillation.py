import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax

import tfcompress as tfc
from tests.distillation.differences import gradient
from tests.models import build_classifier
from tfcompress.distillation import LogitsDistillation
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.schedules import Cosine, Linear


def divergence(teacher, student, temperature):
    q = softmax(teacher / temperature, -1)
    difference = log_softmax(teacher / temperature, -1) - log_softmax(
        student / temperature, -1
    )
    return temperature**2 * (q * difference).sum(-1)


def test_one_loss_for_each_sample():
    teacher, student = np.random.default_rng(0).normal(size=(2, 4, 3))
    loss = LogitsDistillation(temperature=2.0)
    values = loss.compute_loss(teacher, student)
    np.testing.assert_allclose(values, divergence(teacher, student, 2.0), rtol=1e-5)


def test_one_loss_for_each_position():
    teacher, student = np.random.default_rng(0).normal(size=(2, 4, 7, 3))
    values = LogitsDistillation(2.0).compute_loss(teacher, student)
    expected = divergence(teacher, student, 2.0)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_several_outputs_have_a_loss_each():
    rng = np.random.default_rng(0)
    teacher = {"a": rng.normal(size=(4, 3)), "b": rng.normal(size=(4, 7, 5))}
    student = {"a": rng.normal(size=(4, 3)), "b": rng.normal(size=(4, 7, 5))}
    values = LogitsDistillation(1.0).compute_loss(teacher, student)
    assert len(values) == 2
    for value, key in zip(values, "ab", strict=True):
        expected = divergence(teacher[key], student[key], 1.0)
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_a_single_column_is_the_logit_of_the_second_class():
    teacher, student = np.array([[1.5], [-2.0]]), np.array([[0.0], [1.0]])
    values = LogitsDistillation(1.0).compute_loss(teacher, student)
    q, p = 1 / (1 + np.exp(-teacher)), 1 / (1 + np.exp(-student))
    expected = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    np.testing.assert_allclose(values, expected[:, 0], rtol=1e-5)


@pytest.mark.parametrize(
    "temperature", [0, -1.0, float("nan"), float("inf"), "4", True]
)
def test_temperature_out_of_range(temperature):
    with pytest.raises(ArgumentError, match="temperature must be .* Received"):
        LogitsDistillation(temperature=temperature)


TEACHER, STUDENT = np.random.default_rng(0).normal(scale=3.0, size=(2, 4, 3))


def cross_entropy(teacher, student, temperature):
    q = softmax(teacher / temperature, -1)
    return -(temperature**2) * (q * log_softmax(student / temperature, -1)).sum(-1)


NAMED = {
    "kl_divergence": divergence,
    "KLDivergence": divergence,
    "categorical_crossentropy": cross_entropy,
    "CategoricalCrossentropy": cross_entropy,
    "reverse_kl_divergence": lambda t, s, temperature: divergence(s, t, temperature),
    "ReverseKLDivergence": lambda t, s, temperature: divergence(s, t, temperature),
    "mse": lambda t, s, temperature: ((t - s) ** 2).sum(-1),
    "MeanSquaredError": lambda t, s, temperature: ((t - s) ** 2).sum(-1),
}


@pytest.mark.parametrize("name", NAMED)
def test_names_of_functions_and_classes(name):
    values = LogitsDistillation(2.0, name).compute_loss(TEACHER, STUDENT)
    expected = NAMED[name](TEACHER, STUDENT, 2.0)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


CONFIDENT = np.array([[[80.0, 0.0]], [[0.0, 80.0]]])


@pytest.mark.parametrize("name", ["jensen_shannon", "JensenShannon"])
def test_jensen_shannon_of_confident_disagreement(name):
    values = LogitsDistillation(1.0, name).compute_loss(*CONFIDENT)
    np.testing.assert_allclose(values, [np.log(2.0)], rtol=1e-6)


@pytest.mark.parametrize("form", ["instance", "function"])
def test_losses_of_either_keras_on_probabilities_mean_the_stable_ones(
    either_keras, form
):
    losses = either_keras.losses
    forms = {
        "instance": [losses.KLDivergence(), losses.CategoricalCrossentropy()],
        "function": [losses.kl_divergence, losses.categorical_crossentropy],
    }
    for loss, reference in zip(forms[form], (divergence, cross_entropy), strict=True):
        values = LogitsDistillation(2.0, loss).compute_loss(TEACHER, STUDENT)
        expected = reference(TEACHER, STUDENT, 2.0)
        np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ["kl_divergence", "KLDivergence"])
def test_neither_saturates_nor_loses_the_gradient_where_keras_does(loss):
    distillation = LogitsDistillation(1.0, loss)
    teacher, student = np.array([[80.0, -80.0]]), np.array([[-80.0, 80.0]])
    values = distillation.compute_loss(teacher, student)
    np.testing.assert_allclose(values, [160.0], rtol=1e-6)
    slopes = gradient(lambda s: distillation.compute_loss(teacher, s), student)
    np.testing.assert_allclose(slopes, [[-1.0, 1.0]], rtol=1e-6)


def test_another_keras_loss_is_called_on_the_logits_for_each_sample(either_keras):
    loss = LogitsDistillation(2.0, either_keras.losses.MeanSquaredError())
    values = loss.compute_loss(TEACHER, STUDENT)
    expected = (((TEACHER - STUDENT) / 2.0) ** 2).mean(-1)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_function_is_called_on_the_logits():
    loss = LogitsDistillation(2.0, lambda t, s: tf.reduce_max(tf.abs(t - s), -1))
    values = loss.compute_loss(TEACHER, STUDENT)
    expected = (abs(TEACHER - STUDENT) / 2.0).max(-1)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "binary_crossentropy",
        keras.losses.BinaryCrossentropy(from_logits=True),
        keras.losses.binary_crossentropy,
    ],
)
def test_several_labels_at_once(loss):
    values = LogitsDistillation(2.0, loss).compute_loss(TEACHER, STUDENT)
    q, p = expit(TEACHER / 2), expit(STUDENT / 2)
    expected = -4 * (q * np.log(p) + (1 - q) * np.log(1 - p)).sum(-1)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_loss_for_each_output():
    loss = LogitsDistillation(2.0, ["kl_divergence", None, "mse"])
    values = loss.compute_loss([TEACHER] * 3, [STUDENT] * 3)
    np.testing.assert_allclose(values[0], divergence(TEACHER, STUDENT, 2.0), rtol=1e-5)
    np.testing.assert_array_equal(values[1], np.zeros(4))
    expected = ((TEACHER - STUDENT) ** 2).sum(-1)
    np.testing.assert_allclose(values[2], expected, rtol=1e-5)


def test_a_loss_for_each_named_output():
    loss = LogitsDistillation(loss={"b": None, "a": "mse"})
    outputs = {"a": TEACHER, "b": TEACHER}, {"b": STUDENT, "a": STUDENT}
    values = loss.compute_loss(*outputs)
    expected = ((TEACHER - STUDENT) ** 2).sum(-1)
    np.testing.assert_allclose(values, [expected, np.zeros(4)], rtol=1e-5)


@pytest.mark.parametrize("losses", [{"a": "mse", "c": "mse"}, {"a": "mse"}, ["mse"]])
def test_losses_in_another_structure_than_the_outputs(losses):
    outputs = {"a": TEACHER, "b": TEACHER}
    with pytest.raises(ModelError, match="in the structure of the outputs. Received"):
        LogitsDistillation(loss=losses).compute_loss(outputs, outputs)


@pytest.mark.parametrize("loss", ["kl_divergence", "mse", "binary_crossentropy"])
def test_mean_over_classes(loss):
    summed = LogitsDistillation(2.0, loss).compute_loss(TEACHER, STUDENT)
    mean = LogitsDistillation(2.0, loss, reduction="mean")
    values = mean.compute_loss(TEACHER, STUDENT)
    np.testing.assert_allclose(values, summed / 3, rtol=1e-6)


def test_standardized_logits_equal_numpy():
    def standardized(z):
        deviation = z.std(-1, ddof=1, keepdims=True)
        return (z - z.mean(-1, keepdims=True)) / (1e-7 + deviation)

    loss = LogitsDistillation(2.0, standardize=True)
    values = loss.compute_loss(TEACHER, STUDENT)
    expected = divergence(standardized(TEACHER), standardized(STUDENT), 2.0)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_wrong_teacher_is_corrected_by_the_label():
    teacher, student = np.array([[5.0, 1.0, 2.0]] * 2), STUDENT[:2]
    loss = LogitsDistillation(2.0, correct_teacher=True)
    values = loss.compute_loss(teacher, student, labels=np.array([2, 0]))
    corrected = np.array([[2.0, 1.0, 5.0], [5.0, 1.0, 2.0]])
    np.testing.assert_allclose(values, divergence(corrected, student, 2.0), rtol=1e-5)


def test_a_wrong_teacher_with_a_single_column_is_corrected():
    loss = LogitsDistillation(1.0, correct_teacher=True)
    values = loss.compute_loss(*np.array([[[3.0]], [[-3.0]]]), labels=np.zeros(1))
    np.testing.assert_allclose(values, [0.0], atol=1e-6)


def test_correcting_needs_labels():
    with pytest.raises(DataError, match="Received: labels=None"):
        LogitsDistillation(correct_teacher=True).compute_loss(TEACHER, STUDENT)


def test_temperature_that_moves():
    loss = LogitsDistillation(Linear(8.0, 2.0))
    assert loss.temperature(0.5) == 5.0
    [temperature] = loss.scheduled_values()
    temperature.attach(tf.Variable(0.0))
    compute = tf.function(loss.compute_loss)
    for progress, expected in ((0.0, 8.0), (0.5, 5.0), (1.0, 2.0)):
        temperature.move(progress, step=0)
        np.testing.assert_allclose(
            compute(TEACHER, STUDENT),
            divergence(TEACHER, STUDENT, expected),
            rtol=1e-5,
        )
    assert compute.experimental_get_tracing_count() == 1


def total_loss(distillation_loss, share):
    """What a distiller of a student of fixed logits minimizes, by its own account."""
    models = []
    for logits in (TEACHER, STUDENT):
        inputs = keras.Input((4,))
        layer = keras.layers.Dense(3, use_bias=False)
        models.append(keras.Model(inputs, layer(inputs)))
        layer.set_weights([logits])
    distiller = tfc.Distiller(*models, distillation_loss, student_loss_weight=share)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile("sgd", loss=loss)
    x = np.eye(4, dtype=np.float32)
    return distiller.evaluate(x, LABELS, verbose=0, return_dict=True)["loss"]


LABELS = np.array([0, 2, 1, 1])
ON_LABELS = -log_softmax(STUDENT, -1)[np.arange(4), LABELS]


def test_loss_of_tang_and_others():
    share = 0.25
    found = total_loss(LogitsDistillation(loss="mse"), share)
    on_teacher = ((TEACHER - STUDENT) ** 2).sum(-1)
    expected = (share * ON_LABELS + (1 - share) * on_teacher).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_combination_of_both_cross_entropies():
    share = 0.75
    found = total_loss(LogitsDistillation(4.0, "categorical_crossentropy"), share)
    on_teacher = cross_entropy(TEACHER, STUDENT, 4.0)
    expected = (share * ON_LABELS + (1 - share) * on_teacher).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "loss", ["hinge", 3, None, keras.losses.KLDivergence, ["kl_divergence", "hinge"]]
)
def test_unknown_loss(loss):
    with pytest.raises(ArgumentError, match="loss must .*Received: loss="):
        LogitsDistillation(loss=loss)


def test_no_loss_for_any_output():
    with pytest.raises(ArgumentError, match="one output at least.* Received: loss="):
        LogitsDistillation(loss=[None, None])


def test_label_smoothing_is_refused(either_keras):
    loss = either_keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    with pytest.raises(ArgumentError, match="label_smoothing=0.1"):
        LogitsDistillation(loss=loss)


@pytest.mark.parametrize("key", ["standardize", "correct_teacher"])
def test_labels_at_once_have_no_rank_among_them(key):
    with pytest.raises(ArgumentError, match="exclude each other.*Received"):
        LogitsDistillation(loss="binary_crossentropy", **{key: True})


def test_unknown_reduction():
    with pytest.raises(ArgumentError, match="Received: reduction='none'"):
        LogitsDistillation(reduction="none")


@pytest.mark.parametrize(
    "arguments",
    [
        {"temperature": 5.0, "loss": "categorical_crossentropy"},
        {"temperature": Cosine(8.0, 2.0), "loss": {"a": "mse", "b": None}},
        {"loss": ["KLDivergence", "jensen_shannon"], "reduction": "mean"},
        {"standardize": True, "correct_teacher": True},
    ],
)
def test_config_round_trip(arguments):
    loss = LogitsDistillation(**arguments)
    config = json.loads(json.dumps(loss.get_config()))
    again = LogitsDistillation.from_config(config)
    assert again.get_config() == loss.get_config() == config


def test_config_round_trip_of_a_keras_loss(either_keras):
    losses = either_keras.losses
    loss = LogitsDistillation(2.0, [losses.LogCosh(), None, losses.cosine_similarity])
    config = json.loads(json.dumps(loss.get_config()))
    again = LogitsDistillation.from_config(config)
    assert type(again.loss[0]) is type(loss.loss[0])
    outputs = [TEACHER] * 3, [STUDENT] * 3
    for value, expected in zip(
        again.compute_loss(*outputs), loss.compute_loss(*outputs), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


def test_a_softmax_is_no_set_of_labels(either_keras):
    teacher = build_classifier(either_keras, activation="softmax")
    with pytest.raises(ModelError, match="kl_divergence.*Received: teacher"):
        LogitsDistillation(loss="binary_crossentropy").validate_model_compatibility(
            teacher, build_classifier(keras)
        )


def test_a_sigmoid_for_each_label_is_pointed_to_its_loss(either_keras):
    teacher = build_classifier(either_keras, activation="sigmoid")
    student = build_classifier(keras)
    with pytest.raises(ModelError, match="binary_crossentropy.*Received: teacher"):
        LogitsDistillation().validate_model_compatibility(teacher, student)
    loss = LogitsDistillation(loss="binary_crossentropy")
    loss.validate_model_compatibility(teacher, student)


def test_a_teacher_that_is_no_model():
    LogitsDistillation().validate_model_compatibility(None, build_classifier(keras))


def test_losses_that_do_not_fit_the_models():
    model = build_classifier(keras)
    with pytest.raises(ModelError, match="for 1 outputs"):
        LogitsDistillation(loss=["mse", "mse"]).validate_model_compatibility(
            model, model
        )


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_student_that_ends_in_probabilities_is_refused(either_keras, activation):
    teacher = build_classifier(keras)
    student = build_classifier(either_keras, activation=activation)
    with pytest.raises(ModelError, match=f"end in logits, without {activation}"):
        LogitsDistillation().validate_model_compatibility(teacher, student)
