"""The command measures files of any origin, and ranks them as others do."""

import json
import statistics
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfcompress.cli.main import main, parse


def network(width, depth):
    layers = [keras.layers.Dense(width, activation="relu") for _ in range(depth)]
    return keras.Sequential([keras.Input((width,), batch_size=1), *layers])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Names that do not follow the speed, and products a factor of 100 apart."""
    path = tmp_path_factory.mktemp("files")
    sizes = {"a": (1024, 5), "b": (16, 2), "c": (132, 3)}
    for name, (width, depth) in sizes.items():
        converter = tf.lite.TFLiteConverter.from_keras_model(network(width, depth))
        (path / f"{name}.tflite").write_bytes(converter.convert())
    return path


def rank_independently(folder):
    """Names by the median of runs that take turns, fastest first."""
    interpreters = {}
    for path in sorted(folder.glob("*.tflite")):
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        (given,) = interpreter.get_input_details()
        interpreter.set_tensor(given["index"], np.zeros(given["shape"], np.float32))
        interpreters[path.name] = interpreter
    times = {name: [] for name in interpreters}
    for _ in range(200):
        for name, interpreter in interpreters.items():
            start = time.perf_counter_ns()
            interpreter.invoke()
            times[name].append(time.perf_counter_ns() - start)
    return sorted(times, key=lambda name: statistics.median(times[name]))


def run(*arguments):
    return main(parse(["tfcompress", "benchmark", *map(str, arguments)]))


def test_the_ranking_of_a_folder(folder, capsys):
    assert run(folder, "--seconds", "0.2", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    ranking = [row["name"] for row in values["rows"]]
    assert ranking == ["b.tflite", "c.tflite", "a.tflite"]
    assert ranking == rank_independently(folder)
    times = [row["p50_ms"] for row in values["rows"]]
    assert times == sorted(times)


def test_the_table_and_the_profile(folder, capsys):
    files = (folder / "b.tflite", folder / "c.tflite")
    assert run(*files, "--seconds", "0.05", "--profile", "--threads", "2") == 0
    text = capsys.readouterr().out
    lines = [line.split()[0] for line in text.splitlines() if ".tflite " in line]
    assert lines[:2] == ["b.tflite", "c.tflite"]
    assert "2 threads" in text
    assert "CPU" in text
    assert text.count("FULLY_CONNECTED  ") == 2 + 3


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_file_is_one_line(folder, tmp_path, capsys, content):
    whole = (folder / "b.tflite").read_bytes()
    (tmp_path / "good.tflite").write_bytes(whole)
    damaged = whole[: len(whole) // 2] if content is None else content
    (tmp_path / "damaged.tflite").write_bytes(damaged)
    assert run(tmp_path) == 2
    shown = capsys.readouterr()
    assert "good.tflite" in shown.out
    assert "damaged.tflite" not in shown.out
    assert shown.err.startswith("tfcompress: error: ")
    assert "damaged.tflite" in shown.err
    assert shown.err.count("\n") == 1


def test_bad_input(folder, tmp_path, capsys):
    assert run(tmp_path) == 2
    assert run(tmp_path / "none.tflite") == 2
    for line in capsys.readouterr().err.splitlines():
        assert line.startswith("tfcompress: error: ")
    for flags in ([], [folder, "--threads", "0"], [folder, "--seconds", "-1"]):
        with pytest.raises(SystemExit) as stop:
            run(*flags)
        assert stop.value.code == 2


def test_neither_tensorflow_nor_keras_is_loaded(folder):
    code = (
        "import sys\n"
        "from tfcompress.cli.main import main, parse\n"
        "arguments = ['tfcompress', 'benchmark', sys.argv[1], '--seconds', '0.02']\n"
        "assert main(parse(arguments)) == 0\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "b.tflite")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "b.tflite" in done.stdout


@pytest.mark.slow
def test_the_ranking_of_litert_benchmark(tmp_path, capsys):
    """LiteRT's own tool, which runs files on the API that replaces its interpreter.

    It times one after the other, and rounds to hundredths of a millisecond.
    """
    medians = {}
    for name, side in {"a": 64, "b": 16, "c": 256}.items():
        layers = [keras.layers.Conv2D(32, 3) for _ in range(3)]
        model = keras.Sequential([keras.Input((side, side, 3), batch_size=1), *layers])
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(converter.convert())
        result = tmp_path / f"{name}.json"
        tool = "ai_edge_litert.tools.benchmark_litert_model"
        options = ["--num_runs", "300", "--result_json", str(result)]
        subprocess.run(
            [sys.executable, "-m", tool, "--model", str(path), *options],
            capture_output=True,
            timeout=120,
            check=True,
        )
        medians[path.name] = json.loads(result.read_text())["latency"]["median_ms"]
    capsys.readouterr()  # What the converter said.
    assert run(tmp_path, "--json") == 0
    ranking = [row["name"] for row in json.loads(capsys.readouterr().out)["rows"]]
    assert ranking == sorted(medians, key=medians.__getitem__)
    assert ranking == ["b.tflite", "a.tflite", "c.tflite"]


@pytest.mark.parametrize("model", ["model.keras", "networks.py:make_model"])
def test_models_are_sent_to_export(model, capsys):
    assert main(parse(["tfcompress", "benchmark", model])) == 2
    error = capsys.readouterr().err
    assert error.startswith("tfcompress: error: benchmark measures .tflite files")
    assert error.count("\n") == 1
