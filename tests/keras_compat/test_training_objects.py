from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError

MODULES = {"keras": keras, "tf_keras": tf_keras}
OTHER = {"keras": "tf_keras", "tf_keras": "keras"}


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    return x, (x.sum(1) > 0).astype("int32")


class KerasModel(keras_compat.AcceptsEitherKeras, keras.Model):
    pass


def build(home):
    """A model of one Keras that accepts training objects of either."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(8, activation="tanh")(inputs)
    model = KerasModel(inputs, keras.layers.Dense(2, activation="softmax")(x))
    if home == "keras":
        return model
    return keras_compat.to_tf_keras(keras.Model(model.inputs[0], model.outputs[0]))


def train(model, optimizer, data, loss="sparse_categorical_crossentropy", **kwargs):
    model.compile(optimizer, loss, metrics=kwargs.pop("metrics", ["accuracy"]))
    return model.fit(*data, batch_size=8, shuffle=False, verbose=0, **kwargs)


def optimizers(module):
    schedules = module.optimizers.schedules
    decay = schedules.CosineDecay(0.05, 20)
    steps = schedules.PiecewiseConstantDecay([4, 8], [0.05, 0.02, 0.01])
    return {
        "Adam": module.optimizers.Adam(0.01, beta_1=0.8, amsgrad=True),
        "AdamW": module.optimizers.AdamW(0.01, weight_decay=0.1),
        "SGD": module.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "RMSprop": module.optimizers.RMSprop(0.01, rho=0.8, centered=True),
        "Adamax": module.optimizers.Adamax(0.01),
        "Nadam": module.optimizers.Nadam(0.01),
        "Lion": module.optimizers.Lion(0.001),
        "Adagrad": module.optimizers.Adagrad(0.05),
        "Ftrl": module.optimizers.Ftrl(0.05),
        "schedule": module.optimizers.SGD(decay),
        "steps": module.optimizers.Adam(steps),
        "clipnorm": module.optimizers.SGD(0.5, clipnorm=0.01),
        "clipvalue": module.optimizers.SGD(0.5, clipvalue=0.01),
        "global_clipnorm": module.optimizers.SGD(0.5, global_clipnorm=0.01),
        "ema": module.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
    }


FAST = {"Adam", "schedule", "clipnorm", "ema"}
NAMES = [
    name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
    for name in optimizers(keras)
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("home", MODULES)
def test_optimizer_of_the_other_keras_trains_to_the_same_weights(home, name, data):
    own, other = build(home), build(home)
    train(own, optimizers(MODULES[home])[name], data)
    train(other, optimizers(MODULES[OTHER[home]])[name], data)
    assert (
        keras_compat.keras_of(other).optimizers.Optimizer
        in type(other.optimizer).__mro__
    )
    for first, second in zip(own.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=2e-5)


def test_optimizer_without_a_twin_is_an_error():
    with pytest.raises(ArgumentError, match="tf_keras has no optimizer Lamb"):
        keras_compat.cross(keras.optimizers.Lamb(), keras="tf_keras")


def test_setting_without_a_twin_is_an_error():
    optimizer = keras.optimizers.Adam(gradient_accumulation_steps=4)
    with pytest.raises(ArgumentError, match="gradient_accumulation_steps=4"):
        keras_compat.cross(optimizer, keras="tf_keras")


def test_loss_scaling_crosses():
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5))
    crossed = keras_compat.cross(scaled, keras="tf_keras")
    assert isinstance(crossed, tf_keras.mixed_precision.LossScaleOptimizer)
    assert float(crossed.inner_optimizer.learning_rate) == 0.5


def test_what_belongs_and_what_is_not_keras_is_left_alone():
    optimizer = keras.optimizers.Adam()
    nest = {"a": ["mse", optimizer], "b": (None, 0.5)}
    crossed = keras_compat.cross(nest, keras="keras")
    assert crossed == nest
    assert crossed["a"][1] is optimizer


CLASSES = (
    "CategoricalCrossentropy",
    "KLDivergence",
    "MeanSquaredError",
    "Huber",
    "CosineSimilarity",
    "CategoricalHinge",
)


@pytest.mark.parametrize("home", MODULES)
@pytest.mark.parametrize("name", CLASSES)
def test_losses_cross_with_their_numbers(name, home):
    generator = np.random.default_rng(2)
    true = generator.dirichlet(np.ones(3), 5).astype("float32")
    predicted = generator.dirichlet(np.ones(3), 5).astype("float32")
    weights = generator.uniform(size=5).astype("float32")
    loss = getattr(MODULES[home].losses, name)(reduction="sum")
    crossed = keras_compat.cross(loss, keras=OTHER[home])
    assert type(crossed) is getattr(MODULES[OTHER[home]].losses, name)
    first = float(loss(true, predicted, sample_weight=weights))
    assert float(crossed(true, predicted, sample_weight=weights)) == pytest.approx(
        first, rel=1e-5
    )


def test_losses_and_metrics_of_the_users_own_are_wrapped(data):
    class Squared(keras.losses.Loss):
        def call(self, y_true, y_pred):
            hot = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), 2)
            return keras.ops.mean((keras.ops.squeeze(hot) - y_pred) ** 2, axis=-1)

    class Largest(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="largest")
            self.value = self.add_weight(name="value", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(keras.ops.maximum(self.value, keras.ops.max(y_pred)))

        def result(self):
            return self.value

    model = build("tf_keras")
    history = train(
        model, keras.optimizers.SGD(0.5), data, Squared(), metrics=[Largest()], epochs=3
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    predicted = model.predict(data[0], verbose=0)
    loss, largest = model.evaluate(*data, verbose=0)
    hot = np.eye(2)[data[1]]
    assert loss == pytest.approx(((hot - predicted) ** 2).mean(), rel=1e-5)
    assert largest == pytest.approx(predicted.max(), rel=1e-6)


def test_schedule_of_the_users_own_is_wrapped(data):
    class Halving(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5 / (1.0 + keras.ops.cast(step, "float32"))

    model = build("tf_keras")
    train(model, keras.optimizers.SGD(Halving()), data)
    assert float(model.optimizer.learning_rate) == pytest.approx(
        0.5 / 8
    )  # of the last step


@pytest.mark.parametrize("home", MODULES)
def test_the_users_own_callback_sees_every_event(home, data):
    other = MODULES[OTHER[home]]
    seen = []

    class Watching(other.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("begin")

        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, sorted(logs)))

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_test_end(self, logs=None):
            seen.append("test")

        def on_predict_end(self, logs=None):
            seen.append("predict")

    model = build(home)
    watching = Watching()
    train(model, "sgd", data, validation_data=data, callbacks=[watching])
    model.predict(data[0], callbacks=[watching], verbose=0)
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert seen == ["begin", *range(8), "test", (0, names), "predict"]
    assert watching.model is model


def callbacks(module, folder):
    kinds = module.callbacks
    return {
        "EarlyStopping": kinds.EarlyStopping(
            "val_accuracy", patience=0, min_delta=2.0, restore_best_weights=True
        ),
        "ModelCheckpoint": kinds.ModelCheckpoint(
            folder / "best.weights.h5",
            monitor="val_accuracy",
            save_best_only=True,
            save_weights_only=True,
        ),
        "ReduceLROnPlateau": kinds.ReduceLROnPlateau(
            "loss", factor=0.5, patience=1, min_delta=10.0, min_lr=0.0
        ),
        "LearningRateScheduler": kinds.LearningRateScheduler(lambda epoch: 0.5**epoch),
        "CSVLogger": kinds.CSVLogger(folder / "log.csv"),
        "BackupAndRestore": kinds.BackupAndRestore(folder / "backup"),
        "TensorBoard": kinds.TensorBoard(folder / "logs", histogram_freq=1),
        "LambdaCallback": kinds.LambdaCallback(
            on_epoch_end=lambda epoch, logs: (folder / f"epoch{epoch}").touch()
        ),
    }


@pytest.mark.parametrize("name", callbacks(keras, Path()))
@pytest.mark.parametrize("home", MODULES)
def test_stock_callbacks_of_the_other_keras_work(home, name, data, tmp_path):
    callback = callbacks(MODULES[OTHER[home]], tmp_path)[name]
    model = build(home)
    history = train(
        model,
        MODULES[OTHER[home]].optimizers.SGD(1.0),
        data,
        epochs=4,
        validation_data=data,
        callbacks=[callback],
    )
    rate = float(model.optimizer.learning_rate)
    if name == "EarlyStopping":
        assert len(history.epoch) == 2
        assert callback.stopped_epoch == 1
        assert callback.best == history.history["val_accuracy"][0]
    elif name == "ModelCheckpoint":
        assert (tmp_path / "best.weights.h5").exists()
    elif name in ("ReduceLROnPlateau", "LearningRateScheduler"):
        assert rate == pytest.approx(0.125)
    elif name == "CSVLogger":
        lines = (tmp_path / "log.csv").read_text().splitlines()
        assert len(lines) == 5
        assert {"accuracy", "val_loss"} <= set(lines[0].split(","))
    elif name == "TensorBoard":
        files = sorted((tmp_path / "logs").rglob("events.out.tfevents*"))
        tags = {
            value.tag
            for file in files
            for event in tf.compat.v1.train.summary_iterator(str(file))
            for value in event.summary.value
        }
        assert {"epoch_loss", "epoch_accuracy"} <= tags
    elif name == "LambdaCallback":
        assert (tmp_path / "epoch3").exists()
    assert len(history.epoch) == (2 if name == "EarlyStopping" else 4)


@pytest.mark.parametrize("home", MODULES)
def test_datasets_of_the_other_keras_are_read(home, data):
    epochs = []

    class Batches(MODULES[OTHER[home]].utils.Sequence):
        def __len__(self):
            return 8

        def __getitem__(self, index):
            rows = slice(8 * index, 8 * index + 8)
            return data[0][rows], data[1][rows]

        def on_epoch_end(self):
            epochs.append(1)

    first, second = build(home), build(home)
    for model in (first, second):
        model.compile(
            MODULES[home].optimizers.SGD(0.1), "sparse_categorical_crossentropy"
        )
    first.fit(Batches(), validation_data=Batches(), shuffle=False, epochs=2, verbose=0)
    second.fit(*data, batch_size=8, shuffle=False, epochs=2, verbose=0)
    for one, two in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    assert first.evaluate(Batches(), verbose=0) == pytest.approx(
        first.evaluate(*data, verbose=0), rel=1e-5
    )
    assert first.predict(Batches(), verbose=0).shape == (64, 2)
    assert len(epochs) >= 2
