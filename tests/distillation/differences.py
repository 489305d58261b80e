"""Gradients: of our code by TensorFlow, of formulas by central differences."""

import numpy as np
import tensorflow as tf

from tests.distillation import numerical


def gradient(loss, student):
    """The gradient of the sum of `loss(student)`, in float32."""
    student = tf.Variable(student, dtype=tf.float32)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss(student))
    return tape.gradient(total, student).numpy()


def central_differences(formula, student):
    """The same of a formula in NumPy, in float64."""
    student = np.array(student, np.float64)
    return numerical.central_differences(lambda s: np.sum(formula(s)), student)
