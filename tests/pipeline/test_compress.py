import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tfcompress.errors import (
    ArgumentError,
    DataError,
    ExportError,
    ModelError,
    OutputError,
)
from tfcompress.pipeline import Compression, Training


@pytest.fixture(scope="module")
def blobs():
    """Three clouds of points in the plane, and a model that tells them apart."""
    random = np.random.default_rng(0)
    labels = np.arange(96) % 3
    centres = np.array([[0.0, 4.0], [4.0, -4.0], [-4.0, -4.0]])
    points = (centres[labels] + random.normal(size=(96, 2))).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(points, labels, epochs=10, batch_size=16, verbose=0)
    return model, (points[:64], labels[:64]), (points[64:], labels[64:])


@pytest.mark.parametrize(
    "demand",
    [
        {"max_bytes": 0},
        {"max_bytes": -5},
        {"max_bytes": 0.5},
        {"max_bytes": True},
        {"max_bytes": "20 kB"},
        {"max_bytes": float("nan")},
        {"max_latency_ms": 0},
        {"max_latency_ms": -1.0},
        {"max_latency_ms": float("inf")},
        {"max_latency_ms": "1"},
        {"max_drop": 5},
        {"max_drop": 1.0},
        {"max_drop": -0.01},
        {"max_drop": False},
        {"training": 5},
        {"training": {"epochs": 5}},
        {"strategy": "mirrored"},
        {"seed": -1},
        {"verbose": "auto"},
        {"target": "cpu_int9"},
        {"target": 8},
        {"metric": "acuracy"},
    ],
)
def test_bad_arguments_are_found_before_anything_is_written(blobs, demand, tmp_path):
    (name,) = demand
    with pytest.raises(ArgumentError, match=f"Received: .*{name}="):
        tfc.compress(*blobs, directory=tmp_path / "run", **demand)
    assert not (tmp_path / "run").exists()


def test_bad_models_and_data_are_found_before_anything_is_written(blobs, tmp_path):
    model, train, validation = blobs
    with pytest.raises(ModelError):
        tfc.compress("model", train, validation, directory=tmp_path / "run")
    with pytest.raises(DataError):
        tfc.compress(model, train[0], validation, directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_folder_of_something_else_is_left_alone(blobs, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        tfc.compress(*blobs, directory=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.fixture(scope="module")
def found(blobs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compress") / "run"
    return tfc.compress(*blobs, max_drop=0.1, directory=folder, verbose=0)


def test_stops_at_the_first_that_meets_the_demand(found):
    assert isinstance(found, Compression)
    assert found.met
    assert dict(found.shortfall) == {}
    assert [attempt.name for attempt in found.attempts] == ["after_training"]
    assert found.pipeline.name == "after_training"
    assert found.artifact.target.name == "cpu_int8"
    assert found.chosen.bytes == found.artifact.path.stat().st_size
    assert found.metric == "accuracy"


def test_drop_is_that_of_the_file_beside_the_float_file(found, blobs):
    quality = tfc.measurement.evaluate(found.artifact, blobs[2]).accuracy
    assert found.chosen.quality == quality
    assert found.chosen.drop == found.original.quality - quality
    original = tfc.measurement.evaluate(blobs[0], blobs[2]).accuracy
    assert found.original.quality == pytest.approx(original)


def test_shows_itself(found):
    assert "after_training" in str(found)
    assert "a drop of 0.1 at most" in found.describe()
    plain = json.loads(found.to_json())
    assert plain["met"] is True
    assert plain["attempts"][0]["bytes"] == found.chosen.bytes
    assert plain == json.loads((found.directory / "results.json").read_text())


def test_page_has_all_files_as_they_were_measured(found):
    page = (found.directory / "report.html").read_text()
    assert "after_training" in page
    original, chosen = found.comparison.rows
    assert (original.name, chosen.name) == ("original", "after_training")
    assert (original.accuracy, chosen.accuracy) == (
        found.original.quality,
        found.chosen.quality,
    )
    assert (original.latency_ms, chosen.latency_ms) == (
        found.original.latency_ms,
        found.chosen.latency_ms,
    )
    assert found.comparison.samples == 32


def test_table_fits_a_terminal(found):
    lines = str(found).splitlines()
    assert max(map(len, lines[: lines.index("Demanded: a drop of 0.1 at most.")])) < 80
    assert "yes, chosen" in str(found)


def test_saves_the_file_with_its_account(found, tmp_path):
    copy = found.save(tmp_path / "small.tflite")
    assert (
        tfc.export.Artifact.read(tmp_path / "small.tflite").bytes == found.chosen.bytes
    )
    assert copy.path.read_bytes() == found.artifact.path.read_bytes()


def test_same_call_again_does_nothing_twice(found, blobs):
    file = found.artifact.path
    before = file.stat().st_mtime_ns
    again = tfc.compress(*blobs, max_drop=0.1, directory=found.directory, verbose=0)
    assert again.artifact.path == file
    assert file.stat().st_mtime_ns == before


@pytest.fixture(scope="module")
def uneven():
    """A table of which one column decides, and another is a thousand times as wide."""
    random = np.random.default_rng(0)
    table = random.normal(size=(192, 2)).astype(np.float32)
    labels = (table[:, 0] > 0).astype(np.int64)
    table[:, 1] *= 1000
    weights = [np.array([[-4.0, 4.0], [0.0, 0.0]]), np.zeros(2)]
    normalization = keras.layers.Normalization()
    normalization.adapt(table)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            normalization,
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights(weights)
    return model, (table[:128], labels[:128]), (table[128:], labels[128:])


@pytest.mark.slow
def test_any_cpu_takes_a_file_in_float_where_whole_numbers_lose(uneven):
    result = tfc.compress(*uneven, max_drop=0.02, verbose=0)
    assert result.met
    whole, first = result.attempts[:2]
    assert not whole.met
    assert (first.name, result.chosen.name) == ("weights_8_bits", "weights_8_bits")
    assert result.loss is None


@pytest.mark.slow
def test_target_is_kept_to_and_a_loss_is_told(uneven):
    with pytest.warns(UserWarning, match="accuracy is .* of the original.*epochs"):
        result = tfc.compress(
            *uneven,
            max_bytes=100_000,
            target="cpu_int8",
            training=Training(epochs=1),
            verbose=0,
        )
    assert result.artifact.target.name == "cpu_int8"
    assert result.original.quality - result.chosen.quality > 0.05
    # It meets the demands, so nothing was tried that takes more from the network.
    assert [attempt.name for attempt in result.attempts] == ["after_training", "taught"]


@pytest.mark.slow
def test_without_demands_much_is_not_lost(uneven):
    result = tfc.compress(*uneven, training=Training(epochs=1), verbose=0)
    assert result.met
    assert result.chosen.drop <= 0.05


def in_float(file, data):
    """A metric of which whole numbers have nothing."""
    return float(file.target.activations == "float32")


@pytest.mark.slow
def test_ways_that_begin_alike_train_that_once(blobs, tmp_path):
    _, train, validation = blobs
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(128, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(3)])
    demands = {"max_bytes": 9_000, "max_drop": 0.5, "metric": in_float}
    settings = {
        "directory": tmp_path / "run",
        "training": Training(epochs=1),
        "strategy": tf.distribute.MirroredStrategy(["CPU:0"]),
        "verbose": 0,
    }
    result = tfc.compress(model, train, validation, **demands, **settings)
    assert result.met
    assert result.chosen.name == "narrower_50_in_float"
    names = [attempt.name for attempt in result.attempts]
    assert names.index("narrower_50") < names.index("narrower_50_in_float")
    stages = sorted(path.name for path in (tmp_path / "run/narrower_50").glob("*-*"))
    assert stages == [
        "01-prune_channels",
        "02-export_in_float",
        "02-quantize",
        "03-export",
    ]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("stage.json")}
    page = (tmp_path / "run/report.html").read_text()
    assert "prune_channels, then export_in_float" in page
    again = tfc.compress(model, train, validation, **demands, **settings)
    assert again.artifact.path == result.artifact.path
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("stage.json")}


@pytest.mark.slow
def test_bytes_that_nothing_reaches_are_told(blobs, capsys):
    result = tfc.compress(
        *blobs, max_bytes=300, target="gpu", training=Training(epochs=1)
    )
    assert not result.met
    smallest = min(each.bytes for each in result.attempts if each.bytes)
    line = f"has {smallest:,}, which training does not change"
    assert line in capsys.readouterr().err
    assert line in result.describe()
    trained = [a for a in result.attempts if a.artifact and a.name != "after_training"]
    assert len(trained) == 1


@pytest.mark.slow
def test_raw_columns_of_a_real_table():
    from sklearn.datasets import load_wine

    table, labels = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(table))
    table, labels = table[order].astype(np.float32), labels[order]
    keras.utils.set_random_seed(0)
    normalization = keras.layers.Normalization()
    normalization.adapt(table[:120])
    model = keras.Sequential(
        [
            keras.Input((13,)),
            normalization,
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(table[:120], labels[:120], epochs=30, verbose=0)
    parts = (table[:120], labels[:120]), (table[120:], labels[120:])
    assert tfc.compress(model, *parts, max_drop=0.02, verbose=0).met
    told = "columns of input .* very different ranges.*cpu_float16"
    with pytest.raises(ExportError, match=told):
        tfc.export.to_tflite(
            model, "never.tflite", target="cpu_int8", representative_data=table
        )


@pytest.mark.slow
def test_regression_on_columns_of_different_scale():
    random = np.random.default_rng(0)
    table = random.uniform(size=(512, 2)) * [1.0, 60.0]
    values = np.sin(3 * table[:, 0]) + table[:, 1] / 60 + 0.1 * random.normal(size=512)
    table, values = table.astype(np.float32), values.astype(np.float32)[:, None]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "mse")
    model.fit(table[:384], values[:384], epochs=60, verbose=0)
    result = tfc.compress(
        model,
        (table[:384], values[:384]),
        (table[384:], values[384:]),
        max_drop=0.01,
        verbose=0,
    )
    assert result.metric == "r2"
    assert result.met
    assert result.chosen.drop <= 0.01


def test_fewer_samples_than_a_batch_are_refused(blobs, tmp_path):
    model, (points, labels), validation = blobs
    few = points[:20], labels[:20]
    settings = {"directory": tmp_path / "run", "verbose": 0}
    with pytest.raises(DataError, match=r"of 32 .*batch_size.*--batch-size.*of 20"):
        tfc.compress(model, few, validation, max_bytes=5_000, **settings)
    assert not (tmp_path / "run").exists()


def test_metric_that_does_not_fit_is_found_before_anything_is_written(blobs, tmp_path):
    _, (points, _), (others, _) = blobs
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    parts = (points, points[:, :1]), (others, others[:, :1])
    with pytest.raises((ArgumentError, DataError), match="accuracy"):
        tfc.compress(model, *parts, metric="accuracy", directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_bytes_are_whole_numbers(blobs, tmp_path):
    result = tfc.compress(
        *blobs,
        max_bytes=100_000.5,
        metric="accuracy",
        target="gpu",
        directory=tmp_path / "run",
        verbose=0,
    )
    assert result.met
    text = (tmp_path / "run/results.json").read_text()
    assert '"max_bytes": 100000\n' in text
