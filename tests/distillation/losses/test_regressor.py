import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.distillation.numerical import normal
from tfcompress.distillation.losses.regressor import build_regressor, fit_to_teacher
from tfcompress.errors import ModelError

PAIRS = [
    ((6,), (9,)),
    ((5, 6), (5, 9)),
    ((12, 6), (5, 9)),
    ((5, 6), (12, 9)),
    ((8, 8, 4), (8, 8, 6)),
    ((8, 8, 4), (4, 4, 6)),
    ((4, 4, 4), (8, 8, 6)),
    ((13, 13, 4), (7, 7, 6)),
    ((7, 7, 4), (13, 13, 6)),
    ((10, 10, 4), (9, 9, 6)),
    ((32, 8, 4), (7, 8, 4)),
    ((9, 3, 4), (3, 9, 6)),
    ((4, 6, 4, 3), (2, 6, 9, 5)),
    ((6, 6, 4), (9,)),
    ((6,), (4, 4, 9)),
    ((7, 4), (9,)),
    ((2, 2, 2, 3), (9,)),
]


@pytest.mark.parametrize(("student", "teacher"), PAIRS)
def test_any_two_shapes_fit(either_keras, student, teacher):
    regressor = build_regressor(
        (None, *student), (None, *teacher), either_keras, "hint"
    )
    t = tf.constant(normal(2, *teacher), tf.float32)
    with tf.GradientTape() as tape:
        fitted, projected = fit_to_teacher(t, tf.ones((2, *student)), regressor)
        loss = tf.reduce_mean(tf.square(projected - fitted))
    assert projected.shape == fitted.shape
    assert projected.shape[-1] == teacher[-1]
    if len(student) > 1 or len(teacher) == 1:
        assert fitted is t
    variables = regressor.trainable_variables
    gradients = tape.gradient(loss, variables)
    assert variables
    assert all(gradient is not None for gradient in gradients)
    assert any(np.abs(gradient).max() > 0 for gradient in gradients)


@pytest.mark.parametrize(("student", "teacher"), PAIRS)
def test_sizes_that_are_not_known_fit(either_keras, student, teacher):
    known_student = (None, *(None for _ in student[:-1]), student[-1])
    known_teacher = (None, *(None for _ in teacher[:-1]), teacher[-1])
    regressor = build_regressor(known_student, known_teacher, either_keras, "hint")

    @tf.function(
        input_signature=[tf.TensorSpec(known_teacher), tf.TensorSpec(known_student)]
    )
    def run(t, s):
        return fit_to_teacher(t, s, regressor)

    fitted, projected = run(tf.ones((2, *teacher)), tf.ones((2, *student)))
    assert projected.shape == fitted.shape


def kinds(regressor):
    return [type(layer).__name__ for layer in regressor.layers]


@pytest.mark.parametrize(
    ("student", "teacher", "expected"),
    [
        ((6,), (9,), ["Dense"]),
        ((5, 6), (5, 9), ["Dense"]),
        ((None, 6), (None, 9), ["Dense"]),
        ((8, 8, 4), (8, 8, 6), ["Conv2D"]),
        ((8, 8, 4), (4, 4, 6), ["Conv2D"]),
        ((4, 4, 4), (8, 8, 6), ["Conv2DTranspose"]),
        ((9, 3, 4), (3, 9, 6), ["Conv2D", "Conv2DTranspose"]),
        ((12, 6), (5, 9), ["Conv1D"]),
        ((4, 4, 4, 3), (2, 2, 2, 5), ["Conv3D"]),
        ((6, 6, 4), (9,), ["GlobalAveragePooling2D", "Dense"]),
        ((6,), (4, 4, 9), ["Dense"]),
    ],
)
def test_layers_are_chosen_by_shape(either_keras, student, teacher, expected):
    regressor = build_regressor((None, *student), (None, *teacher), either_keras, "r")
    assert kinds(regressor) == expected


def test_strides_and_kernels_of_halving_and_doubling(either_keras):
    halving = build_regressor((None, 8, 8, 4), (None, 4, 4, 6), either_keras, "a")
    doubling = build_regressor((None, 4, 4, 4), (None, 8, 8, 6), either_keras, "b")
    equal = build_regressor((None, 8, 8, 4), (None, 8, 8, 6), either_keras, "c")
    layers = [regressor.layers[0] for regressor in (halving, doubling, equal)]
    assert [tuple(layer.strides) for layer in layers] == [(2, 2), (2, 2), (1, 1)]
    assert [tuple(layer.kernel_size) for layer in layers] == [(3, 3), (4, 4), (1, 1)]


@pytest.mark.parametrize(
    ("student", "teacher", "strides"), [(13, 7, 2), (10, 9, 1), (55, 28, 2), (7, 13, 2)]
)
def test_strides_are_the_nearest_multiple(student, teacher, strides):
    shapes = (None, student, 4), (None, teacher, 6)
    layer = build_regressor(*shapes, keras, "r").layers[0]
    assert getattr(layer, "strides", (1,)) == (strides,)


def test_projection_of_equal_maps_is_a_matrix_product(either_keras):
    regressor = build_regressor((None, 3, 3, 4), (None, 3, 3, 6), either_keras, "r")
    s, t = normal(2, 3, 3, 4), tf.zeros((2, 3, 3, 6))
    _, projected = fit_to_teacher(t, tf.constant(s, tf.float32), regressor)
    kernel, bias = regressor.get_weights()
    np.testing.assert_allclose(projected, s @ kernel[0, 0] + bias, atol=1e-5)


def test_map_against_vector_takes_the_mean_over_positions(either_keras):
    t = normal(2, 3, 4, 6)
    regressor = build_regressor((None, 5), (None, 3, 4, 6), either_keras, "r")
    fitted, projected = fit_to_teacher(tf.constant(t), tf.ones((2, 5)), regressor)
    np.testing.assert_allclose(fitted, t.mean((1, 2)), rtol=1e-12)
    assert projected.shape == (2, 6)


def test_names_derive_from_the_name_given(either_keras):
    names = []
    for _ in range(2):
        regressor = build_regressor((None, 6), (None, 9), either_keras, "a_to_b")
        names.append([regressor.name, *(layer.name for layer in regressor.layers)])
    assert names[0] == names[1] == ["a_to_b", "a_to_b_dense"]


def test_weights_save_and_load(either_keras, tmp_path):
    first, second = (
        build_regressor((None, 8, 8, 4), (None, 4, 4, 6), either_keras, "r")
        for _ in range(2)
    )
    first.save_weights(tmp_path / "r.weights.h5")
    second.load_weights(tmp_path / "r.weights.h5")
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_computes_in_float32_under_a_policy_of_half_precision(either_keras):
    policy = either_keras.mixed_precision
    before = (
        policy.global_policy()
        if hasattr(policy, "global_policy")
        else policy.dtype_policy()
    )
    policy.set_global_policy("mixed_float16")
    try:
        regressor = build_regressor((None, 4, 4, 6), (None, 9), either_keras, "r")
    finally:
        policy.set_global_policy(before)
    assert regressor(tf.ones((1, 4, 4, 6))).dtype == tf.float32


@pytest.mark.parametrize(
    ("student", "teacher"),
    [((None, 8, 8, 4), (None, 8, 6)), ((None,), (None, 3)), ((None, None), (None, 3))],
)
def test_shapes_that_cannot_be_fitted_are_refused(either_keras, student, teacher):
    with pytest.raises(ModelError, match="Received: regressor 'a_to_b'"):
        build_regressor(student, teacher, either_keras, "a_to_b")
