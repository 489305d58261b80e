"""Learns for each weight of a layer whether to round it up or down."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfcompress.quantization.kernel_grid import grid_scale

# The rectified sigmoid reaches from below 0 to above 1, so that both are reached.
LOW, HIGH = -0.1, 1.1
LEARNING_RATE = 3e-2
BATCH_SIZE = 256
WARM_UP = 0.2  # Share of the steps before weights are drawn to 0 and 1.
FIRST_POWER, LAST_POWER = 20.0, 2.0
PULL = 10.0  # Of all weights at one half; the error of nearest rounding counts 1.
_ENDS = 1e-4  # How close to the end of the grid a weight counts as standing there.

_ACTIVATIONS = {"relu": tf.nn.relu, "relu6": tf.nn.relu6}


@dataclasses.dataclass(frozen=True, eq=False)
class LayerSamples:
    """What a layer takes in and should give back.

    Attributes:
        rows: What it takes in behind rounded layers: `(rows, groups, length)`.
        targets: What the float layer makes of the float model's inputs, before its
            activation: `(rows, groups, outputs)`.
        bias: `(groups, outputs)`.
        activation: Name of the activation behind it.
    """

    rows: np.ndarray
    targets: np.ndarray
    bias: np.ndarray
    activation: str


def rectified_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """Returns `clip(sigmoid(x) * (HIGH - LOW) + LOW, 0, 1)`, equation 23."""
    return tf.clip_by_value(tf.sigmoid(x) * (HIGH - LOW) + LOW, 0.0, 1.0)


def inverse_rectified_sigmoid(share: np.ndarray) -> np.ndarray:
    """Returns where the rectified sigmoid is this number between 0 and 1."""
    return -np.log((HIGH - LOW) / (share - LOW) - 1.0)


def learn_rounding(
    matrix: np.ndarray, samples: LayerSamples, *, bits: int, steps: int, seed: int
) -> np.ndarray:
    """Returns a matrix on the grid of its outputs that gives what it should.

    Weights at the end of the grid stay there, so that the grid stays as it is. An
    output that learned rounding serves worse than nearest rounding, over all rows, is
    rounded to nearest.

    Args:
        matrix: The kernel: `(groups, length, outputs)`.
        samples: What the layer takes in and should give back.
        bits: From 2 to 8.
        steps: Steps of training.
        seed: Of the choice of rows in each step.

    Returns:
        An array like `matrix`.
    """
    limit = 2 ** (bits - 1) - 1
    scale = grid_scale(matrix, bits, axes=(0, 2))
    steps_up = matrix / scale
    floor = np.floor(steps_up)
    at_end = np.abs(steps_up) > limit - _ENDS
    start = inverse_rectified_sigmoid(steps_up - floor)
    learned = _train(
        tf.constant(start, tf.float32),
        tf.constant(floor, tf.float32),
        tf.constant(scale, tf.float32),
        tf.constant(samples.rows, tf.float32),
        tf.constant(samples.targets, tf.float32),
        tf.constant(samples.bias, tf.float32),
        tf.constant(_importance(matrix, scale, samples), tf.float32),
        limit=limit,
        steps=tf.constant(steps),
        seed=tf.constant(seed),
        activation=samples.activation,
    )
    nearest = np.rint(steps_up)
    ups = np.where(at_end, nearest, np.clip(floor + learned.numpy(), -limit, limit))
    better = _errors(ups * scale, samples) <= _errors(nearest * scale, samples)
    chosen = np.where(better[:, np.newaxis], ups, nearest) * scale
    return chosen.astype(matrix.dtype)


def _importance(
    matrix: np.ndarray, scale: np.ndarray, samples: LayerSamples
) -> np.ndarray:
    """Returns by what the error of each output counts: `(groups, outputs)`.

    Outputs have no weights in common, so each is measured in its own error of nearest
    rounding; together they count 1.
    """
    errors = _errors(np.rint(matrix / scale) * scale, samples)
    wrong = errors > 0.0
    return np.where(wrong, 1.0 / np.where(wrong, errors, 1.0), 0.0) / errors.size


def _errors(matrix: np.ndarray, samples: LayerSamples) -> np.ndarray:
    """Returns the mean squared error of each output: `(groups, outputs)`."""
    made = _outputs(
        tf.constant(samples.rows, tf.float32), tf.constant(matrix, tf.float32)
    )
    activate = _ACTIVATIONS.get(samples.activation, tf.identity)
    wanted = activate(tf.constant(samples.targets + samples.bias, tf.float32))
    error = activate(made + tf.constant(samples.bias, tf.float32)) - wanted
    return tf.reduce_mean(tf.square(error), axis=0).numpy()


def _outputs(rows: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Returns the products: `(rows, groups, outputs)`."""
    return tf.einsum("ngk,gko->ngo", rows, matrix)


@tf.function(reduce_retracing=True)
def _train(
    variables: tf.Tensor,
    floor: tf.Tensor,
    scale: tf.Tensor,
    rows: tf.Tensor,
    targets: tf.Tensor,
    bias: tf.Tensor,
    importance: tf.Tensor,
    *,
    limit: int,
    steps: tf.Tensor,
    seed: tf.Tensor,
    activation: str,
) -> tf.Tensor:
    """Returns whether each weight is to be rounded up, 0 or 1, after Adam's steps."""
    activate = _ACTIVATIONS.get(activation, tf.identity)
    count = tf.shape(rows)[0]
    pull = PULL / tf.cast(tf.size(variables), tf.float32)
    mean, square = tf.zeros_like(variables), tf.zeros_like(variables)
    warm_up = WARM_UP * tf.cast(steps, tf.float32)
    for step in tf.range(steps):
        chosen = tf.random.stateless_uniform(
            [BATCH_SIZE], tf.stack([seed, step]), maxval=count, dtype=tf.int32
        )
        x, wanted = tf.gather(rows, chosen), tf.gather(targets, chosen)
        now = tf.cast(step, tf.float32)
        done = (now - warm_up) / (tf.cast(steps, tf.float32) - warm_up)
        power = LAST_POWER + (FIRST_POWER - LAST_POWER) * 0.5 * (
            1.0 + tf.cos(np.pi * tf.maximum(done, 0.0))
        )
        with tf.GradientTape() as tape:
            tape.watch(variables)
            share = rectified_sigmoid(variables)
            values = tf.clip_by_value(floor + share, -limit, limit) * scale
            error = activate(_outputs(x, values) + bias) - activate(wanted + bias)
            loss = tf.reduce_sum(importance * tf.reduce_mean(tf.square(error), axis=0))
            between = 1.0 - tf.abs(2.0 * share - 1.0) ** power
            loss += tf.where(done > 0.0, pull, 0.0) * tf.reduce_sum(between)
        gradient = tape.gradient(loss, variables)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * tf.square(gradient)
        corrected = mean / (1.0 - 0.9 ** (now + 1.0))
        root = tf.sqrt(square / (1.0 - 0.999 ** (now + 1.0)))
        variables -= LEARNING_RATE * corrected / (root + 1e-8)
    return tf.round(rectified_sigmoid(variables))
