"""`compress` with each kind of demand, on real data."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

import tfcompress as tfc
from tests.models import build_classifier, train
from tfcompress.pipeline import Pipeline, Training
from tfcompress.pipeline.ladder import is_trained

pytestmark = pytest.mark.slow
EPOCHS = 4


@pytest.fixture(scope="module")
def digits_task():
    """A convolutional network, and digits in an order that mixes their writers."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images = (images[order].reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    labels = labels[order]
    split = (images[:1200], labels[:1200]), (images[1200:], labels[1200:])
    keras.utils.set_random_seed(0)
    model = build_classifier(keras, width=32)
    train(model, split[0], epochs=15)
    return model, *split


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One run that several demands go on with."""
    return tmp_path_factory.mktemp("compress") / "run"


def compress(task, folder, **demands):
    return tfc.compress(
        *task,
        directory=folder,
        training=Training(epochs=EPOCHS),
        verbose=0,
        **demands,
    )


def test_bytes(digits_task, folder):
    result = compress(digits_task, folder, max_bytes=14_000)
    assert result.met
    assert result.artifact.bytes <= 14_000
    *before, chosen = result.attempts
    assert chosen is result.chosen
    assert chosen.name.startswith("narrower")
    assert all(attempt.bytes > 14_000 for attempt in before)
    # What could not become small enough was not trained, and the result says so.
    trained = [e.name for e in before if e.artifact and is_trained(e.pipeline)]
    assert trained == []
    assert "taught, taught_longer" in result.describe()
    assert "not trained, for it is too large" in result.describe()


def test_bytes_and_quality_keep_both(digits_task, folder):
    result = compress(digits_task, folder, max_bytes=14_000, max_drop=0.08)
    assert result.met
    assert result.artifact.bytes <= 14_000
    quality = tfc.measurement.evaluate(result.artifact, digits_task[2]).accuracy
    assert quality >= result.original.quality - 0.08


def test_what_cannot_be_met_gives_the_nearest_trained(digits_task, folder):
    result = compress(digits_task, folder, max_bytes=1_000, max_drop=0.5)
    assert not result.met
    sizes = [attempt.bytes for attempt in result.attempts]
    assert result.artifact.bytes == min(sizes)
    assert result.shortfall["max_bytes"] == result.artifact.bytes - 1_000
    assert "Nothing that was tried meets that" in result.describe()
    # It was trained, so it knows its digits.
    assert result.chosen.quality > 0.5


def test_quality(digits_task, folder):
    result = compress(digits_task, folder, max_drop=0.01)
    assert result.met
    assert result.chosen.drop <= 0.01
    assert "prune_channels" not in [s.kind for s in result.pipeline.stages]


def test_milliseconds_that_any_file_takes(digits_task, folder):
    result = compress(digits_task, folder, max_latency_ms=1_000)
    assert result.met
    assert result.chosen.name == "after_training"


def test_milliseconds_that_none_can_take(digits_task, tmp_path):
    result = compress(
        digits_task, tmp_path / "run", max_latency_ms=1e-6, target="gpu", max_drop=0.5
    )
    assert not result.met
    assert set(result.shortfall) == {"max_latency_ms"}
    assert result.artifact.target.name == "gpu"
    names = [attempt.name for attempt in result.attempts]
    assert names[0] == "after_training"
    assert names[-1] == "narrower_70"


def test_no_demand_is_the_recipe_balanced(digits_task, folder):
    result = compress(digits_task, folder)
    assert result.met
    assert [attempt.name for attempt in result.attempts] == ["balanced"]
    kinds = [stage.kind for stage in result.pipeline.stages]
    balanced = Pipeline.from_recipe("balanced").stages
    assert kinds == [stage.kind for stage in balanced if stage.kind != "evaluate"]
    assert result.chosen.drop < 0.08


@pytest.fixture(scope="module")
def diabetes():
    """How far a disease got, from ten measures of a patient; 442 of them."""
    x, y = load_diabetes(return_X_y=True)
    x = (x / x.std(axis=0)).astype(np.float32)
    y = ((y - y.mean()) / y.std()).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    model.fit(x[:300], y[:300], epochs=20, verbose=0)
    return model, (x[:300], y[:300]), (x[300:], y[300:])


def test_regression_is_measured_by_r2(diabetes, tmp_path):
    result = compress(diabetes, tmp_path / "run", max_bytes=4_000, max_drop=0.2)
    assert result.metric == "r2"
    assert result.met
    assert result.original.quality > 0.3
    assert result.chosen.quality > result.original.quality - 0.2


def test_an_error_may_rise_by_a_share(diabetes, tmp_path):
    result = compress(diabetes, tmp_path / "run", max_drop=0.2, metric="mae")
    assert result.met
    assert result.metric == "mae"
    assert result.comparison.lower_is_better == ("mae",)
    before, after = result.original.quality, result.chosen.quality
    assert result.chosen.drop == pytest.approx((after - before) / before)


def test_no_channels_to_spare(digits_task, tmp_path):
    """A single layer has none, so it keeps them, and the recipe goes on."""
    _, training, validation = digits_task
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    train(model, training, epochs=5)
    with pytest.warns(UserWarning, match="No channel of the model can be removed"):
        result = compress((model, training, validation), tmp_path / "run")
    assert result.met
    assert [attempt.name for attempt in result.attempts] == ["balanced"]
    assert result.chosen.drop < 0.02
