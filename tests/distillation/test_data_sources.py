"""Every form of data and every setting of `fit` takes the steps worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from scipy.special import log_softmax, softmax

import tfcompress as tfc
from tfcompress.distillation import LogitsDistillation
from tfcompress.schedules import Polynomial

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 3)).astype("float32")
Y = RANDOM.integers(0, 4, 24)
WEIGHT = RANDOM.uniform(0.2, 1.8, 24).astype("float32")
TEACHER = RANDOM.normal(size=(3, 4)).astype("float32")
KERNEL = RANDOM.normal(size=(3, 4)).astype("float32")
BATCH, RATE, TEMPERATURE, SHARE = 6, 0.3, 2.0, 0.3


def linear(module, kernel):
    layer = module.layers.Dense(4, use_bias=False)
    model = module.Sequential([module.layers.Input((3,)), layer])
    model.set_weights([kernel])
    return model


def make(module, temperature=TEMPERATURE, **settings):
    distiller = tfc.Distiller(
        linear(keras, TEACHER),
        linear(module, KERNEL),
        LogitsDistillation(temperature),
        student_loss_weight=SHARE,
    )
    distiller.compile(
        module.optimizers.SGD(RATE),
        loss=module.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **settings,
    )
    return distiller


def losses(kernel, x, y, weight, temperature=TEMPERATURE):
    """Returns hard and soft losses of a batch, and the total, by SciPy."""
    s, t = x @ kernel, x @ TEACHER.astype("float64")
    hard = -log_softmax(s, -1)[np.arange(len(x)), y]
    q = softmax(t / temperature, -1)
    difference = np.log(q) - log_softmax(s / temperature, -1)
    soft = temperature**2 * (q * difference).sum(-1)
    hard, soft = (weight * hard).mean(), (weight * soft).mean()
    return np.array([hard, soft, SHARE * hard + (1 - SHARE) * soft])


def by_hand(x, y, weight=None, temperatures=None, epochs=2):
    """Trains in float64; returns the kernel and each epoch's mean of the losses."""
    kernel, means = KERNEL.astype("float64"), []
    weight = np.ones(len(x)) if weight is None else weight
    steps = len(x) // BATCH
    temperatures = temperatures or [TEMPERATURE] * epochs * steps
    for epoch in range(epochs):
        seen = []
        for step in range(steps):
            part = slice(step * BATCH, (step + 1) * BATCH)
            temperature = temperatures[epoch * steps + step]
            batch = x[part].astype("float64"), y[part], weight[part]
            seen.append(losses(kernel, *batch, temperature))
            s, t = batch[0] @ kernel, batch[0] @ TEACHER.astype("float64")
            hard = softmax(s, -1) - np.eye(4)[batch[1]]
            soft = softmax(s / temperature, -1) - softmax(t / temperature, -1)
            rows = SHARE * hard + (1 - SHARE) * temperature * soft
            rows *= batch[2][:, None] / BATCH
            kernel = kernel - RATE * batch[0].T @ rows
        means.append(np.mean(seen, 0))
    return kernel, np.array(means)


def assert_trained(distiller, history, expected):
    kernel, means = expected
    keys = ("student_loss", "distillation_loss", "loss")
    found = np.transpose([history.history[key] for key in keys])
    np.testing.assert_allclose(found, means, rtol=1e-5)
    np.testing.assert_allclose(distiller.student.get_weights()[0], kernel, atol=1e-5)


class Batches(keras.utils.PyDataset):
    """A data set of Keras 3."""

    def __len__(self):
        return len(X) // BATCH

    def __getitem__(self, index):
        part = slice(index * BATCH, (index + 1) * BATCH)
        return X[part], Y[part], WEIGHT[part]


class Sequence(tf_keras.utils.Sequence):
    """The same of tf_keras."""

    __len__, __getitem__ = Batches.__len__, Batches.__getitem__


def tensors(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH)


def generator(*arrays):
    while True:
        yield from tensors(*arrays).as_numpy_iterator()


ARRAYS = {"batch_size": BATCH, "shuffle": False}
SOURCES = {
    "arrays": lambda: {"x": X, "y": Y, "sample_weight": WEIGHT, **ARRAYS},
    "tensors": lambda: {
        "x": tf.constant(X),
        "y": tf.constant(Y),
        "sample_weight": tf.constant(WEIGHT),
        **ARRAYS,
    },
    "tf.data": lambda: {"x": tensors(X, Y, WEIGHT)},
    "endless tf.data": lambda: {
        "x": tensors(X, Y, WEIGHT).repeat(),
        "steps_per_epoch": 4,
    },
    "PyDataset": lambda: {"x": Batches(), "shuffle": False},
    "Sequence": lambda: {"x": Sequence(), "shuffle": False},
    "generator": lambda: {"x": generator(X, Y, WEIGHT), "steps_per_epoch": 4},
}


@pytest.mark.parametrize("source", SOURCES)
def test_sources(either_keras, source):
    distiller = make(either_keras)
    history = distiller.fit(**SOURCES[source](), epochs=2, verbose=0)
    assert_trained(distiller, history, by_hand(X, Y, WEIGHT))


@pytest.mark.parametrize(
    "settings",
    [
        {"run_eagerly": True},
        {"jit_compile": True},
        {"steps_per_execution": 2},
        {"steps_per_execution": 3},
        {"jit_compile": True, "steps_per_execution": 4},
    ],
    ids=str,
)
def test_settings(either_keras, settings):
    distiller = make(either_keras, **settings)
    history = distiller.fit(tensors(X, Y, WEIGHT), epochs=2, verbose=0)
    assert_trained(distiller, history, by_hand(X, Y, WEIGHT))
    logs = distiller.evaluate(tensors(X, Y), return_dict=True, verbose=0)
    kernel = by_hand(X, Y, WEIGHT)[0]
    assert logs["loss"] == pytest.approx(losses(kernel, X, Y, 1.0)[2], rel=1e-4)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_temperature_moves_at_each_execution(either_keras, steps):
    """Steps of one execution share the value at its start."""
    distiller = make(
        either_keras, Polynomial(6.0, 2.0, power=1), steps_per_execution=steps
    )
    history = distiller.fit(tensors(X, Y), epochs=2, verbose=0)
    temperatures = [6.0 - 4.0 * (step // steps * steps) / 8 for step in range(8)]
    assert_trained(distiller, history, by_hand(X, Y, temperatures=temperatures))


def test_class_weight(either_keras):
    class_weight = {0: 0.5, 1: 2.0, 2: 0.0, 3: 1.5}
    weight = np.array([class_weight[label] for label in Y])
    distiller = make(either_keras)
    history = distiller.fit(
        X, Y, class_weight=class_weight, epochs=2, verbose=0, **ARRAYS
    )
    assert_trained(distiller, history, by_hand(X, Y, weight))


def test_validation_split(either_keras):
    distiller = make(either_keras)
    history = distiller.fit(X, Y, validation_split=0.25, epochs=2, verbose=0, **ARRAYS)
    expected = by_hand(X[:18], Y[:18])
    assert_trained(distiller, history, expected)
    total = losses(expected[0], X[18:], Y[18:], 1.0)[2]
    assert history.history["val_loss"][-1] == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("form", ["arrays", "tf.data", "PyDataset"])
def test_validation_data(either_keras, form):
    given = {
        "arrays": (X, Y, WEIGHT),
        "tf.data": tensors(X, Y, WEIGHT),
        "PyDataset": Batches(),
    }[form]
    distiller = make(either_keras)
    history = distiller.fit(
        X[:12], Y[:12], validation_data=given, epochs=2, verbose=0, **ARRAYS
    )
    kernel, means = by_hand(X[:12], Y[:12])
    assert_trained(distiller, history, (kernel, means))
    hard, soft, total = losses(kernel, X, Y, WEIGHT)
    found = history.history
    assert found["val_student_loss"][-1] == pytest.approx(hard, rel=1e-4)
    assert found["val_distillation_loss"][-1] == pytest.approx(soft, rel=1e-4)
    assert found["val_loss"][-1] == pytest.approx(total, rel=1e-4)
    names = {"loss", "student_loss", "distillation_loss", "accuracy"}
    assert set(found) == names | {f"val_{name}" for name in names}


def test_batches_one_by_one(either_keras):
    distiller = make(either_keras)
    begin = losses(KERNEL, X[:6], Y[:6], WEIGHT[:6])
    measured = distiller.test_on_batch(X[:6], Y[:6], WEIGHT[:6], return_dict=True)
    distiller.reset_metrics()
    trained = distiller.train_on_batch(X[:6], Y[:6], WEIGHT[:6], return_dict=True)
    for logs in (measured, trained):
        assert logs["student_loss"] == pytest.approx(begin[0], rel=1e-5)
        assert logs["distillation_loss"] == pytest.approx(begin[1], rel=1e-5)
        assert logs["loss"] == pytest.approx(begin[2], rel=1e-5)
    kernel = by_hand(X[:6], Y[:6], WEIGHT[:6], epochs=1)[0]
    np.testing.assert_allclose(distiller.student.get_weights()[0], kernel, atol=1e-5)
    np.testing.assert_allclose(distiller.predict(X, verbose=0), X @ kernel, atol=1e-5)
    np.testing.assert_allclose(distiller.predict_on_batch(X), X @ kernel, atol=1e-5)


def test_early_stopping_restores_the_best_weights(either_keras):
    kernels = []
    watch = either_keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kernels.append(
            distiller.student.get_weights()[0].copy()
        )
    )
    stop = either_keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=2, restore_best_weights=True
    )
    distiller = make(either_keras)
    # Labels that the teacher does not give: the validation loss rises at once.
    contrary = np.argmin(X @ TEACHER, -1)
    history = distiller.fit(
        X,
        Y,
        epochs=9,
        validation_data=(X, contrary),
        callbacks=[watch, stop],
        verbose=0,
        **ARRAYS,
    )
    found = history.history["val_loss"]
    assert len(found) < 9
    best = int(np.argmin(found))
    assert best == len(found) - 3
    np.testing.assert_array_equal(distiller.student.get_weights()[0], kernels[best])


def test_unlabelled_data(either_keras):
    distiller = tfc.Distiller(
        linear(keras, TEACHER),
        linear(either_keras, KERNEL),
        LogitsDistillation(TEMPERATURE),
        student_loss_weight=0.0,
    )
    distiller.compile(either_keras.optimizers.SGD(0.0), metrics=["accuracy"])
    soft = losses(KERNEL, X, Y, 1.0)[1]
    for data in ({"x": X, "batch_size": BATCH}, {"x": tensors(X)}):
        history = distiller.fit(**data, validation_data=(X, Y), verbose=0).history
        assert history["loss"] == [pytest.approx(soft, rel=1e-5)]
        assert history["val_loss"] == [pytest.approx(soft, rel=1e-5)]
        right = (np.argmax(X @ KERNEL, -1) == Y).mean()
        assert history["val_accuracy"] == [pytest.approx(right)]
