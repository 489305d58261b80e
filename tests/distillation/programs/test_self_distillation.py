import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from tests.distillation.programs.conftest import (
    build_small,
    check_resuming,
    compile_model,
)
from tests.models import build_classifier
from tfcompress.distillation.programs import SelfDistillation
from tfcompress.distillation.programs.joint_step import keras_class
from tfcompress.distillation.programs.self_distillation import SelfStep
from tfcompress.errors import ArgumentError, ModelError


def test_resumes_and_drops_the_heads(either_keras, blobs, tmp_path):
    student = build_small(either_keras)

    def run(**arguments):
        either_keras.utils.set_random_seed(11)
        return SelfDistillation(["hidden", "features"], 3).run(
            student,
            *blobs,
            compile_model=compile_model,
            batch_size=24,
            shuffle=False,
            verbose=0,
            **arguments,
        )

    result = check_resuming(run, tmp_path, kill_in=0, kill_at=2, left=1)
    assert isinstance(result.student, either_keras.Model)
    assert [type(layer) for layer in result.student.layers] == [
        type(layer) for layer in student.layers
    ]
    assert len(result.student.weights) == len(student.weights)
    logs = result.history["self_distillation"]
    total = [
        0.9 * a + 0.1 * b + 1e-4 * c
        for a, b, c in zip(
            logs["student_loss"],
            logs["distillation_loss"],
            logs["feature_loss"],
            strict=True,
        )
    ]
    assert logs["loss"] == pytest.approx(total, rel=1e-4)


def test_step_equals_numpy(either_keras):
    rng = np.random.default_rng(2)
    layers = either_keras.layers
    inputs = layers.Input((3,))
    deepest = layers.Dense(2, use_bias=False)(inputs)
    logits = layers.Dense(4, use_bias=False)(deepest)
    trunk = either_keras.Model(inputs, [logits, [inputs, deepest]])
    tapped = layers.Input((3,))
    features = layers.Dense(2, use_bias=False)(tapped)
    output = layers.Dense(4, use_bias=False)(features)
    head = either_keras.Model(tapped, [features, output])
    legacy = either_keras is not keras
    learner = keras_class(SelfStep, legacy=legacy)(trunk, [head], 3.0, 0.25, 0.5)
    learner.compile(
        keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x, y = rng.normal(size=(8, 3)).astype(np.float32), np.arange(8) % 4
    d, w = (k.astype(np.float64) for k in trunk.get_weights())
    e, v = (k.astype(np.float64) for k in head.get_weights())
    history = learner.fit(x, y, batch_size=8, verbose=0).history
    z, f = x @ d @ w, x @ d
    g = x @ e
    s = g @ v
    rows = np.arange(8)
    hard = -(log_softmax(z, -1) + log_softmax(s, -1))[rows, y].mean()
    q, p = softmax(z / 3, -1), softmax(s / 3, -1)
    soft = 9 * (q * (np.log(q) - np.log(p))).sum(-1).mean()
    near = ((g - f) ** 2).sum(-1).mean()
    assert history["student_loss"][0] == pytest.approx(hard, rel=1e-4)
    assert history["distillation_loss"][0] == pytest.approx(soft, rel=1e-4)
    assert history["feature_loss"][0] == pytest.approx(near, rel=1e-4)
    # The trunk learns from the labels alone; the head from all.
    trunk_gradient = 0.75 * (softmax(z, -1) - np.eye(4)[y]) / 8
    head_gradient = 0.75 * (softmax(s, -1) - np.eye(4)[y]) / 8
    head_gradient += 0.25 * 3.0 * (p - q) / 8
    expected = [
        d - 0.1 * x.T @ trunk_gradient @ w.T,
        w - 0.1 * f.T @ trunk_gradient,
        e - 0.1 * x.T @ (head_gradient @ v.T + 0.5 * 2.0 * (g - f) / 8),
        v - 0.1 * g.T @ head_gradient,
    ]
    for got, wanted in zip(
        [*trunk.get_weights(), *head.get_weights()], expected, strict=True
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_heads_on_images(either_keras, digits):
    student = build_classifier(either_keras)
    program = SelfDistillation(["relu1", "add"], 2, feature_layer="pool")
    dataset = tf.data.Dataset.from_tensor_slices(digits[0]).batch(100)
    result = program.run(
        student,
        dataset,
        compile_model=compile_model,
        validation_data=dataset,
        verbose=0,
    )
    logs = result.history["self_distillation"]
    assert logs["loss"][1] < logs["loss"][0]
    assert logs["val_accuracy"][1] > 0.15


def test_config_goes_round():
    config = SelfDistillation(["a"], 2, "b", 4.0, 0.2, 0.0).get_config()
    assert SelfDistillation.from_config(config).get_config() == config


def test_bad_arguments(blobs):
    with pytest.raises(ArgumentError, match="layers='hidden'"):
        SelfDistillation("hidden", 1)
    with pytest.raises(ArgumentError, match="alpha=1.5"):
        SelfDistillation(["hidden"], 1, alpha=1.5)
    with pytest.raises(ArgumentError, match="temperature"):
        SelfDistillation(["hidden"], 1, temperature=-1)
    with pytest.raises(ArgumentError, match="feature_weight"):
        SelfDistillation(["hidden"], 1, feature_weight=float("nan"))
    student = build_small(keras)
    with pytest.raises(
        ModelError, match="nearest are .*hidden.*Received: layer 'hidde'"
    ):
        SelfDistillation(["hidde"], 1).run(student, *blobs, compile_model=compile_model)
    with pytest.raises(ModelError, match="Received: layer 'depth'"):
        SelfDistillation(["hidden"], 1, "depth").run(
            student, *blobs, compile_model=compile_model
        )


def test_layer_without_channels(blobs):
    inputs = keras.Input((4,))
    x = keras.layers.Reshape((2, 1, 1, 1, 2), name="deep")(inputs)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    with pytest.raises(ModelError, match=r"2 to 5 axes.*\(None, 2, 1, 1, 1, 2\)"):
        SelfDistillation(["deep"], 1).run(
            keras.Model(inputs, outputs), *blobs, compile_model=compile_model
        )
