import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tests.models import build_classifier
from tfcompress import keras_compat
from tfcompress.distillation.distiller import Distiller
from tfcompress.distillation.losses.feature_distillation import FeatureDistillation
from tfcompress.errors import ArgumentError, ModelError


def mean(values):
    """Means of samples; of sequences, means of positions."""
    if values.ndim == 3:
        return values.mean(-1)
    return values.reshape(len(values), -1).mean(1)


def squares(t, s):
    return mean((s - t) ** 2)


def absolutes(t, s):
    return mean(np.abs(s - t))


def cosines(t, s):
    t = t / np.linalg.norm(t, axis=-1, keepdims=True)
    s = s / np.linalg.norm(s, axis=-1, keepdims=True)
    return mean(-(t * s).sum(-1, keepdims=True))


def hubers(t, s):
    x = np.abs(s - t)
    return mean(np.where(x <= 1, x**2 / 2, x - 0.5))


def given_function(teacher, student):
    return tf.reduce_sum(tf.square(student - teacher))


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        ("mse", squares),
        ("MeanSquaredError", squares),
        ("mean_squared_error", squares),
        ("mae", absolutes),
        ("huber", hubers),
        ("cosine_similarity", cosines),
        ("CosineSimilarity", cosines),
        (keras.losses.MeanSquaredError(), squares),
        (keras.losses.MeanSquaredError(reduction="sum"), squares),
        (keras.losses.mean_absolute_error, absolutes),
        (tf_keras.losses.MeanSquaredError(), squares),
        (tf_keras.losses.CosineSimilarity(), cosines),
        (keras.losses.serialize(keras.losses.MeanAbsoluteError()), absolutes),
    ],
)
@pytest.mark.parametrize("shape", [(2, 4), (1, 3, 2), (2, 2, 2, 3)])
def test_values_and_gradients(loss, reference, shape):
    t, s = normal(*shape, scale=2), normal(*shape, seed=1, scale=2)
    numerical.check(FeatureDistillation(loss).compute_loss, reference, t, s)


def test_mean_over_the_batch_is_what_keras_gives():
    t, s = np.float32(normal(4, 3, 5)), np.float32(normal(4, 3, 5, seed=1))
    for name in ("mse", "mae", "cosine_similarity"):
        theirs = keras.distillation.FeatureDistillation(name).compute_loss(t, s)
        ours = tf.reduce_mean(FeatureDistillation(name).compute_loss(t, s))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_extreme_features():
    t, s = np.full((1, 2), 80.0), np.full((1, 2), -80.0)
    loss = FeatureDistillation().compute_loss(np.float16(t), np.float16(s))
    np.testing.assert_allclose(loss, [25600.0])


def test_function_that_gives_one_number():
    t, s = normal(2, 3), normal(2, 3, seed=1)
    value = FeatureDistillation(given_function).compute_loss(t, s)
    np.testing.assert_allclose(value, ((s - t) ** 2).sum(), rtol=1e-5)


@pytest.mark.parametrize("keys", [None, ["x", "y", "z"]])
def test_one_loss_for_each_output_and_none_leaves_one_out(keys):
    t = [normal(2, 3, seed=i) for i in (0, 1, 2)]
    s = [normal(2, 3, seed=3), normal(2, 9, seed=4), normal(2, 3, seed=5)]
    losses = ["mse", None, "mae"]
    expected = squares(t[0], s[0]) + absolutes(t[2], s[2])
    if keys:
        t, s, losses = (dict(zip(keys, x, strict=True)) for x in (t, s, losses))
    value = FeatureDistillation(losses).compute_loss(t, s)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_one_loss_serves_all_outputs():
    t = [normal(2, 3), normal(2, 4)]
    s = [normal(2, 3, seed=1), normal(2, 4, seed=2)]
    value = FeatureDistillation("mae").compute_loss(t, s)
    np.testing.assert_allclose(value, absolutes(t[0], s[0]) + absolutes(t[1], s[1]))


def test_one_loss_for_each_layer_with_regressors(either_keras):
    loss = FeatureDistillation(
        ["mse", None, "mae"], ["t1", "t2", "t3"], ["s1", "s2", "s3"]
    )
    loss.build([(None, 5)] * 3, [(None, 3)] * 3, either_keras)
    names = [regressor.name for regressor in loss.regressors]
    assert names == ["s1_to_t1_regressor", "s3_to_t3_regressor"]
    t = [normal(2, 5, seed=i) for i in range(3)]
    s = [normal(2, 3, seed=i) for i in range(3)]
    (a, a_bias), (b, b_bias) = (r.get_weights() for r in loss.regressors)
    expected = squares(t[0], s[0] @ a + a_bias) + absolutes(t[2], s[2] @ b + b_bias)
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ((4, 4, 6), (8, 8, 3)),
        ((8, 8, 6), (4, 4, 3)),
        ((6,), (4, 4, 3)),
        ((4, 4, 6), (3,)),
        ((7, 6), (3, 5)),
    ],
)
def test_hint_of_any_shape_is_learned(either_keras, teacher, student):
    loss = FeatureDistillation("mse", "hint", "guided")
    loss.build((None, *teacher), (None, *student), either_keras)
    t = normal(4, *teacher).astype(np.float32)
    s = normal(4, *student, seed=1).astype(np.float32)
    (regressor,) = loss.regressors
    assert regressor.name == "guided_to_hint_regressor"
    values = []
    for _ in range(30):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss.compute_loss(t, s))
        variables = regressor.trainable_variables
        for variable, gradient in zip(
            variables, tape.gradient(value, variables), strict=True
        ):
            variable.assign_sub(0.05 * gradient)
        values.append(float(value))
    assert values[-1] < values[0]


def test_unequal_features_are_refused_without_a_regressor():
    loss = FeatureDistillation(regressor=None)
    with pytest.raises(ModelError, match="FeatureDistillation cannot compare"):
        loss.build((None, 4), (None, 5), keras)
    with pytest.raises(ModelError, match=r"\(2, 4\) and the student's \(2, 5\)"):
        loss.compute_loss(np.ones((2, 4)), np.ones((2, 5)))


@pytest.mark.parametrize(
    "outputs", [[np.ones((2, 3))] * 3, {"a": np.ones((2, 3)), "b": np.ones((2, 3))}]
)
def test_losses_that_are_not_as_the_outputs_are_refused(outputs):
    loss = FeatureDistillation(["mse", "mae"])
    with pytest.raises(ModelError, match="one loss for all outputs"):
        loss.compute_loss(outputs, outputs)
    with pytest.raises(ModelError, match="1 output"):
        loss.build((None, 3), (None, 3), keras)


@pytest.mark.parametrize("loss", ["mmse", 3, ["mse", "mmse"], [None], None])
def test_bad_losses_are_refused(loss):
    with pytest.raises(ArgumentError, match="Received: loss="):
        FeatureDistillation(loss)


def test_one_name_alone_is_an_error_unlike_in_keras():
    with pytest.raises(ArgumentError, match="give both, or neither"):
        FeatureDistillation("mse", student_layer_name="conv")


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        keras.losses.MeanSquaredError(),
        tf_keras.losses.MeanAbsoluteError(),
        keras.losses.mean_absolute_error,
        keras.losses.Huber(0.3),
        tf_keras.losses.Huber(0.3),
        ["mse", None, keras.losses.CosineSimilarity(axis=1)],
        {"a": "mse", "b": keras.losses.MeanAbsoluteError()},
    ],
)
def test_config_gives_the_same_loss(loss):
    first = FeatureDistillation(loss)
    second = FeatureDistillation.from_config(first.get_config())
    assert second.get_config() == json.loads(json.dumps(first.get_config()))
    t, s = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    if isinstance(loss, list):
        t, s = [t] * 3, [s] * 3
    if isinstance(loss, dict):
        t, s = {"a": t, "b": t}, {"a": s, "b": s}
    np.testing.assert_array_equal(second.compute_loss(t, s), first.compute_loss(t, s))


def test_hint_trains_a_student_through_its_regressor(either_keras):
    either_keras.utils.set_random_seed(0)
    teacher = build_classifier(either_keras, width=6, name="teacher")
    student = build_classifier(either_keras, width=3, name="student")
    loss = FeatureDistillation("mse", ["relu1", "pool"], ["relu1", "relu2"])
    loss.validate_model_compatibility(teacher, student)
    tapped_teacher = keras_compat.tap(teacher, loss.teacher_layers)
    tapped_student = keras_compat.tap(student, loss.student_layers)
    loss.build(
        [tuple(tensor.shape) for tensor in tapped_teacher.output[1]],
        [tuple(tensor.shape) for tensor in tapped_student.output[1]],
        either_keras,
    )
    x = tf.constant(normal(8, 8, 8, 1), tf.float32)
    layers = [student.get_layer("conv1"), student.get_layer("conv2"), *loss.regressors]
    variables = [v for layer in layers for v in layer.trainable_variables]
    assert len(variables) == 6
    optimizer = either_keras.optimizers.Adam(0.01)
    _, hints = tapped_teacher(x, training=False)
    values = []
    for _ in range(20):
        with tf.GradientTape() as tape:
            _, guided = tapped_student(x, training=True)
            value = tf.reduce_mean(loss.compute_loss(hints, guided))
        gradients = tape.gradient(value, variables)
        assert all(gradient is not None for gradient in gradients)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        values.append(float(value))
    assert values[-1] < 0.7 * values[0]


def test_sequences_that_change_their_length_have_a_loss_for_each_sample(either_keras):
    loss = FeatureDistillation("mse", "t", "s")
    loss.build((None, 6, 2), (None, 3, 2), either_keras)
    assert loss.compute_loss(tf.ones((4, 6, 2)), tf.ones((4, 3, 2))).shape == (4,)


def test_sequences_beside_vectors_have_a_loss_for_each_sample():
    t, s = [normal(3, 3, 2), normal(3, 2)], [normal(3, 3, 2, seed=1), normal(3, 2)]
    value = FeatureDistillation("mse").compute_loss(t, s)
    expected = ((s[0] - t[0]) ** 2).mean((1, 2)) + ((s[1] - t[1]) ** 2).mean(1)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def build_reader(library, width, name):
    tokens = library.layers.Input((None,), dtype="int32")
    x = library.layers.Embedding(9, width, mask_zero=True)(tokens)
    x = library.layers.LSTM(width, return_sequences=True, name="states")(x)
    x = library.layers.GlobalAveragePooling1D()(x)
    return library.Model(tokens, library.layers.Dense(3)(x), name=name)


def test_padding_does_not_count(either_keras):
    either_keras.utils.set_random_seed(0)
    teacher, student = (build_reader(either_keras, w, f"r{w}") for w in (6, 4))
    loss = FeatureDistillation("mse", "states", "states")
    distiller = Distiller(teacher, student, loss, student_loss_weight=0)
    distiller.compile("sgd", loss=either_keras.losses.MeanSquaredError())
    tokens = np.random.default_rng(0).integers(1, 9, (4, 5))
    padded = np.concatenate([tokens, np.zeros_like(tokens)], axis=1)
    labels = np.zeros((4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        plain = distiller.evaluate(tokens, labels, verbose=0, return_dict=True)
    beside = distiller.evaluate(padded, labels, verbose=0, return_dict=True)
    assert plain["distillation_loss"] > 0
    np.testing.assert_allclose(
        beside["distillation_loss"], plain["distillation_loss"], rtol=1e-5
    )
