import numpy as np
import pytest
import tensorflow as tf

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses import relational
from tfcompress.distillation.losses.relational import RelationalDistillation
from tfcompress.errors import ArgumentError
from tfcompress.schedules import Polynomial


def huber(x):
    x = np.abs(x)
    return np.where(x <= 1, x**2 / 2, x - 0.5)


def distances(f):
    f = f.reshape(len(f), -1)
    d = np.array([[np.sqrt(((a - b) ** 2).sum()) for b in f] for a in f])
    return d / d[d > 0].mean() if len(f) > 1 else d


def angles(f):
    f = f.reshape(len(f), -1)
    n = len(f)
    result = np.zeros((n, n, n))
    for i, j, k in np.ndindex(n, n, n):
        a, b = f[j] - f[i], f[k] - f[i]
        size = np.linalg.norm(a) * np.linalg.norm(b)
        result[i, j, k] = a @ b / size if size else 0
    return result


def distance_reference(t, s):
    return huber(distances(s) - distances(t)).mean()


def angle_reference(t, s):
    return huber(angles(s) - angles(t)).mean()


def test_distances_by_hand():
    # On a line at 0, 1, 3: distances 1, 3, 2 with mean 2. Evenly at 0, 1, 2: 1, 2, 1
    # with mean 4/3. Differences 1/4, 0, 1/4 in both directions, of nine entries.
    t, s = tf.constant([[0.0], [1.0], [3.0]]), tf.constant([[0.0], [1.0], [2.0]])
    expected = 4 * 0.5 * 0.25**2 / 9
    value = relational.distance_difference(t, s)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_angles_by_hand():
    # A right angle at the first sample against one of 180 degrees; 45 and 45 against 0
    # and 0; entries (i, i, j) and those of a direction with itself are equal.
    t = tf.constant([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    s = tf.constant([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    half = 1 / np.sqrt(2)
    expected = (2 * 0.5 + 4 * 0.5 * (1 - half) ** 2) / 27
    np.testing.assert_allclose(relational.angle_difference(t, s), expected, rtol=1e-5)


@pytest.mark.parametrize("samples", [2, 4])
@pytest.mark.parametrize("scale", [1.0, 80.0])
@pytest.mark.parametrize("kind", ["distance", "angle"])
def test_values_and_gradients(samples, scale, kind):
    function = getattr(relational, f"{kind}_difference")
    reference = {"distance": distance_reference, "angle": angle_reference}[kind]
    t, s = normal(samples, 6), normal(samples, 2, 2, seed=1, scale=scale)
    numerical.check(function, reference, t, s)


def test_weights_add_up():
    t, s = normal(4, 6), normal(4, 3, seed=1)
    expected = 25 * distance_reference(t, s) + 50 * angle_reference(t, s)
    value = RelationalDistillation().compute_loss(t, s)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    loss = RelationalDistillation(distance_weight=2, angle_weight=0)
    expected = 2 * distance_reference(t, s)
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-5)


def test_values_of_far_outliers_leave_the_square():
    # One sample far away: relative distances differ by more than 1.
    t, s = normal(6, 3), normal(6, 3, seed=1)
    s[0] += 1e4
    assert np.abs(distances(s) - distances(t)).max() > 1
    numerical.check(relational.distance_difference, distance_reference, t, s, rtol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_equal_samples_give_zero_and_a_finite_gradient(samples):
    variable = tf.Variable(tf.ones((samples, 2)))
    with tf.GradientTape() as tape:
        loss = RelationalDistillation().compute_loss(tf.ones((samples, 4)), variable)
    assert loss == 0
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_weights_follow_a_schedule():
    loss = RelationalDistillation(distance_weight=Polynomial(0.0, 4.0, power=1))
    assert len(loss.scheduled_values()) == 2
    assert isinstance(loss.distance_weight, Polynomial)
    assert loss.angle_weight == 50
    t, s = normal(3, 6), normal(3, 3, seed=1)
    for value in loss.scheduled_values():
        value.move(0.5, 10)
    expected = 2 * distance_reference(t, s) + 50 * angle_reference(t, s)
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-5)
    again = RelationalDistillation.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("name", ["distance_weight", "angle_weight"])
@pytest.mark.parametrize("value", [-1, "much", float("inf")])
def test_bad_weights_are_refused(name, value):
    with pytest.raises(ArgumentError, match=f"Received: {name}="):
        RelationalDistillation(**{name: value})


def test_samples_that_are_the_same_in_the_student_alone_give_finite_gradients():
    variable = tf.Variable([[1.0, 2.0], [1.0, 2.0], [3.0, 5.0]])
    with tf.GradientTape() as tape:
        loss = RelationalDistillation().compute_loss(normal(3, 4), variable)
    assert loss > 0
    assert np.isfinite(tape.gradient(loss, variable)).all()
