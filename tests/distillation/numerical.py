"""Gradients of losses: ours, and by central differences of a reference."""

import numpy as np
import tensorflow as tf


def check(function, reference, teacher, student, *, rtol=2e-5, atol=2e-6):
    """Compares values and gradients of a loss with those of a NumPy reference.

    Args:
        function: Loss of float32 tensors: teacher, student.
        reference: The same of float64 arrays, in NumPy.
        teacher: Array.
        student: Array.
        rtol: Relative tolerance of the values.
        atol: Absolute tolerance of the values.
    """
    teacher, student = np.float32(teacher), np.float32(student)
    variable = tf.Variable(student)
    with tf.GradientTape() as tape:
        values = function(tf.constant(teacher), variable)
        total = tf.reduce_sum(values)
    teacher, student = np.float64(teacher), np.float64(student)
    expected = reference(teacher, student)
    assert values.dtype == tf.float32
    assert values.shape == np.shape(expected)
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=atol)
    gradient = central_differences(lambda s: np.sum(reference(teacher, s)), student)
    largest = np.abs(gradient).max()
    size = largest if largest > 1e-9 else 1.0
    np.testing.assert_allclose(
        tape.gradient(total, variable) / size, gradient / size, atol=2e-4
    )


def central_differences(function, x, step=1e-5):
    """Returns the gradient of a function of a float64 array."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = x.copy()
        moved[place] += step
        above = function(moved)
        moved[place] -= 2 * step
        gradient[place] = (above - function(moved)) / (2 * step)
    return gradient


def normal(*shape, seed=0, scale=1.0):
    """Returns random float64 numbers."""
    return np.random.default_rng(seed).normal(scale=scale, size=shape)
