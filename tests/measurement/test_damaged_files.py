import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.measurement.conftest import convert
from tests.measurement.damage_run import DOORS, PATH_DOORS
from tfcompress.errors import DataError, ModelError
from tfcompress.measurement import LiteRTModel, inspect

# Longer than the time after which a trial ends a file that runs without end.
SECONDS_OF_A_DOOR = 100


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """A folder of small files of every kind: what is damaged in the tests."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 2), batch_size=1, name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(x)])
    x = layers.Conv2D(8, 1, activation="relu6")(layers.MaxPooling2D()(x))
    x = layers.Softmax()(layers.Dense(3)(layers.Flatten()(x)))
    convolutions = keras.Model(inputs, x)

    inputs = keras.Input((32,), batch_size=1)
    x = layers.Dense(4)(layers.Dense(32, activation="relu")(inputs))
    sparse = keras.Model(inputs, x)
    generator = np.random.default_rng(0)
    sparse.set_weights(
        [
            weight * (generator.random(weight.shape) > 0.8)
            if weight.ndim > 1
            else weight
            for weight in sparse.get_weights()
        ]
    )

    inputs = keras.Input((5,), batch_size=1, name="ids")
    x = layers.GRU(6)(layers.Embedding(11, 4)(inputs))
    loop = keras.Model(inputs, layers.Dense(2)(x))

    inputs = keras.Input((8, 8, 2), name="image")
    x = layers.LayerNormalization()(layers.Conv2D(4, 3, strides=2)(inputs))
    x = [
        layers.Dense(2)(layers.GlobalAveragePooling2D()(x)),
        layers.Conv2DTranspose(2, 3)(x),
    ]
    free = keras.Model(inputs, x)

    samples = generator.random((8, 8, 8, 2)).astype(np.float32)
    optimize = tf.lite.Optimize
    contents = {
        "float": convert(convolutions),
        "int8": convert(convolutions, samples=samples, stored=tf.int8),
        "dynamic": convert(convolutions, optimizations=[optimize.DEFAULT]),
        "sparse": convert(sparse, optimizations=[optimize.EXPERIMENTAL_SPARSITY]),
        "loop": convert(loop),
        "free": convert(free),
    }
    folder = tmp_path_factory.mktemp("bases")
    for name, content in contents.items():
        (folder / f"{name}.tflite").write_bytes(content)
    return folder


def open_damaged(folder, start, count):
    """Opens damaged files in a process of their own, which must live to the end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.measurement.damage_run", str(folder)]
        + [str(number) for number in (start, count, SECONDS_OF_A_DOOR)],
        capture_output=True,
        text=True,
    )
    last = done.stderr[-3000:]
    assert done.returncode == 0, f"ended with {done.returncode}: {last}"
    found = json.loads(done.stdout)
    assert found["surprises"] == []
    for door in DOORS:
        ends = {
            end: number
            for end, number in found["ends"].items()
            if end.startswith(f"{door.__name__}:")
        }
        assert sum(ends.values()) == count
        assert ends.get(f"{door.__name__}: ModelError", 0) > count / 4
        assert ends.get(f"{door.__name__}: result", 0) > 0


def test_damaged_files_end_in_a_result_or_an_error(bases):
    open_damaged(bases, 0, 60)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 3400, 400))
def test_many_damaged_files(bases, start):
    open_damaged(bases, start, 400)


@pytest.mark.parametrize("door", PATH_DOORS)
@pytest.mark.parametrize(
    "kind", ["empty", "text", "folder", "missing", "archive", "half"]
)
def test_what_is_no_tflite_file(bases, tmp_path, door, kind):
    path = tmp_path / "wrong.tflite"
    if kind == "folder":
        path.mkdir()
    elif kind == "archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("notes.txt", "no model")
    elif kind == "half":
        content = (bases / "float.tflite").read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif kind != "missing":
        path.write_text("no model" * 100 if kind == "text" else "")
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ModelError, match=r"Received: path=.*wrong\.tflite"):
        door(path)
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), r"\(samples, 8, 8, 2\).*\(2, 8, 8, 3\)"),
        (np.zeros((8, 8, 2), np.float32), r"\(8, 8, 2\)"),
        (np.zeros((0, 8, 8, 2), np.float32), "one sample at least"),
        (np.full((1, 8, 8, 2), np.nan, np.float32), "NaN|finite"),
        (np.array([["a"] * 8] * 8), "shape"),
        (np.full((1, 8, 8, 2), "a"), "numbers|dtype"),
        ({"images": np.zeros((1, 8, 8, 2))}, "image"),
        ([np.zeros((1, 8, 8, 2))] * 2, "Received"),
        (None, "Received"),
    ],
    ids=["channels", "axes", "none", "nan", "rank", "text", "name", "two", "nothing"],
)
@pytest.mark.parametrize("name", ["float", "int8"])
def test_inputs_that_do_not_fit(bases, name, x, words):
    with pytest.raises(DataError, match=words):
        LiteRTModel(bases / f"{name}.tflite").predict(x)


def test_reading_changes_no_file(bases):
    path = bases / "int8.tflite"
    before, status = path.read_bytes(), path.stat()
    inspect(path)
    LiteRTModel(path).invoke_once()
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == status.st_mtime_ns
