import json
import shutil

import keras
import pytest
import tensorflow as tf

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.measurement import benchmark, describe_machine
from tfcompress.measurement.files.runtime import LiteRTModel
from tfcompress.measurement.speed.benchmark import Benchmark, FileBenchmark


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_file):
    """Three networks, and what is none."""
    path = tmp_path_factory.mktemp("benchmark")
    for width in (512, 16, 128):
        layers = [keras.layers.Dense(width, activation="relu") for _ in range(4)]
        model = keras.Sequential([keras.Input((width,), batch_size=1), *layers])
        shutil.copy(make_file(model, f"w{width}"), path / f"w{width}.tflite")
    (path / "notes.txt").write_text("not a file of this kind")
    (path / "inside").mkdir()
    return path


@pytest.fixture(scope="module")
def measured(folder):
    return benchmark(folder, seconds=0.3, profile_operations=True)


def test_a_folder_is_ranked(folder, monkeypatch):
    takes = {"w16.tflite": 0.5e-3, "w128.tflite": 1e-3, "w512.tflite": 4e-3}
    monkeypatch.setattr(
        LiteRTModel, "invoke_once", lambda model: takes[model.path.name]
    )
    measured = benchmark(folder, seconds=1e-3)
    assert measured.reference == "w128.tflite"  # The first in the alphabet.
    found = [(row.name, row.p50_ms, row.ratio) for row in measured.rows]
    expected = [(name, 1e3 * time, 1e3 * time) for name, time in takes.items()]
    assert found == expected


def test_figures_of_each_file(measured, folder):
    for row in measured.rows:
        assert row.path == str(folder / row.name)
        assert row.bytes == (folder / row.name).stat().st_size
        assert 0 < row.lowest_ms <= row.p50_ms <= row.p90_ms <= row.p99_ms
        assert row.load_ms > 0
        assert row.first_inference_ms > 0
        assert row.peak_bytes is None or row.peak_bytes > 0
        assert row.runs >= 3
        kinds = {operation.operation for operation in row.operations.operations}
        assert kinds == {"FULLY_CONNECTED"}


def test_names(folder, tmp_path):
    small = folder / "w16.tflite"
    other = tmp_path / "w16.tflite"
    shutil.copy(small, other)
    named = benchmark({"a": small, "b": str(other)}, seconds=0.01)
    assert named.reference == "a"
    assert {row.name for row in named.rows} == {"a", "b"}
    single = benchmark(small, seconds=0.01)
    assert single.rows[0].name == "w16.tflite"
    assert single.rows[0].operations is None
    both = benchmark([small, tmp_path], seconds=0.01, threads=2)
    assert {row.name for row in both.rows} == {str(small), str(other)}
    assert both.threads == 2


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A file of two signatures: a quick one, and one of 100 times the products."""

    class Module(tf.Module):
        def __init__(self):
            self.small = tf.Variable(tf.ones((8, 8)))
            self.large = tf.Variable(tf.ones((512, 512)))

        @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32)])
        def quick(self, x):
            return {"y": x @ self.small}

        @tf.function(input_signature=[tf.TensorSpec((1, 512), tf.float32)])
        def slow(self, x):
            return {"y": x @ self.large @ self.large}

    module = Module()
    folder = str(tmp_path_factory.mktemp("several"))
    signatures = {"quick": module.quick, "slow": module.slow}
    tf.saved_model.save(module, folder, signatures=signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    path = tmp_path_factory.mktemp("files") / "both.tflite"
    path.write_bytes(converter.convert())
    return path


def test_signatures_are_rows(several):
    measured = benchmark(several, seconds=0.1, profile_operations=True)
    quick, slow = measured.rows
    assert (quick.name, slow.name) == ("both.tflite:quick", "both.tflite:slow")
    assert (quick.signature, slow.signature) == ("quick", "slow")
    assert quick.peak_bytes is None or slow.peak_bytes > 4 * 512 * 512
    (profiled,) = [row for row in measured.rows if row.operations is not None]
    (other,) = {"quick", "slow"} - {profiled.signature}
    assert profiled.operations.not_cut == (f"signature {other}",)


def row(name, p50, ratio, peak):
    return FileBenchmark(
        name,
        f"/m/{name}",
        None,
        12345,
        p50,
        2.0,
        3.0,
        0.5,
        ratio,
        7,
        4.0,
        5.0,
        peak,
        None,
    )


def test_it_prints_itself(tmp_path):
    rows = (row("a[b]", 1.25, 0.5, 2_500_000), row("c", 2.5, 1.0, None))
    result = Benchmark(rows, "c", 1, "a machine", "LiteRT 2.3.0")
    text = str(result)
    for part in ("a[b]", "1.25 ", "0.50", "2.5", "12,345", "a machine", "1 thread,"):
        assert part in text
    assert "VNNI" in result.describe()
    assert "sparse kernels" in result.describe()
    lines = result.to_markdown().splitlines()
    assert lines[0].startswith("|  | p50 ms | p90 ms | p99 ms | ratio | load ms |")
    assert lines[3] == ("| c | 2.50 | 2.00 | 3.00 | 1.00 | 4.0 | 5.00 | ? | 12,345 |")
    values = json.loads(result.to_json(tmp_path / "all.json"))
    assert values["rows"][0]["p50_ms"] == 1.25
    assert values["rows"][1]["peak_bytes"] is None
    assert json.loads((tmp_path / "all.json").read_text()) == values
    with pytest.raises(ArgumentError, match=r"\['a\[b\]', 'c'\].*name='d'"):
        result["d"]


def test_the_machine_is_named(measured):
    assert measured.machine == describe_machine()
    assert measured.machine in str(measured)
    assert measured.runtime.startswith("LiteRT ")


def test_bad_arguments(folder, tmp_path):
    with pytest.raises(ArgumentError, match="where there are none"):
        benchmark(tmp_path)
    with pytest.raises(ArgumentError, match="where there are none"):
        benchmark([])
    with pytest.raises(ArgumentError, match="int"):
        benchmark([3])
    with pytest.raises(ArgumentError, match="seconds=0"):
        benchmark(folder, seconds=0)
    with pytest.raises(ArgumentError, match="threads=0"):
        benchmark(folder, threads=0)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        benchmark([folder / "w16.tflite", tmp_path / "none.tflite"])


def test_a_damaged_file_is_named(folder, tmp_path):
    content = (folder / "w16.tflite").read_bytes()
    (tmp_path / "half.tflite").write_bytes(content[: len(content) // 2])
    (tmp_path / "whole.tflite").write_bytes(content)
    with pytest.raises(ModelError, match=r"half\.tflite"):
        benchmark(tmp_path)
