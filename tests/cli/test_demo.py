"""The demonstration leaves what it promises, and goes on where it was stopped."""

import contextlib
import io
import json
import os
import re
import zlib

import keras
import numpy as np
import pytest
from rich.console import Console

import tfcompress as tfc
from tests.cli.tiny import call
from tfcompress.cli.demonstration import run_demo
from tfcompress.cli.images import load_digits
from tfcompress.errors import ArgumentError, OutputError
from tfcompress.pipeline import Pipeline

STEPS = [
    "teacher",
    "student alone",
    "distilled",
    "distilled + pruned",
    "distilled + pruned + quantized",
    "shipped file",
]
FILES = [
    "teacher",
    "student-alone",
    "distilled",
    "distilled-pruned",
    "distilled-pruned-quantized",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "run"


@pytest.fixture(scope="module")
def finished(folder):
    """The comparison, what went to the console, and to standard error."""
    text, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors):
        comparison = run_demo(
            output=str(folder), epochs=4, seed=3, console=Console(file=text, width=200)
        )
    return comparison, text.getvalue(), errors.getvalue()


@pytest.mark.slow
def test_one_row_for_each_step(finished):
    assert [row.name for row in finished[0].rows] == STEPS


@pytest.mark.slow
def test_table_and_progress_are_shown(finished):
    for step in STEPS:
        assert step in finished[1]
    for name in FILES:
        assert f"{name}: done in" in finished[2]
        assert f"{name}.tflite: done in" in finished[2]
    counts = r"\d+ images to train, \d+ to validate, \d+ to test"
    assert re.search(counts, finished[1])


@pytest.mark.slow
def test_folder_holds_every_model_file_and_report(finished, folder):
    expected = {f"{name}.keras" for name in FILES}
    files = {f"{name}.tflite" for name in [*FILES, "shipped-file"]}
    expected |= files | {f"{name}.json" for name in files}
    expected |= {"results.json", "report.html", "size-accuracy.png", "stages"}
    assert set(os.listdir(folder)) == expected


@pytest.mark.slow
def test_student_has_at_most_a_tenth_of_the_parameters(finished, folder):
    teacher = keras.models.load_model(folder / "teacher.keras")
    student = keras.models.load_model(folder / "student-alone.keras")
    assert student.count_params() <= teacher.count_params() / 10


@pytest.mark.slow
def test_every_row_is_measured_on_its_own_file(finished, folder):
    x, y = load_digits(3).test
    names = [*FILES, "shipped-file"]
    teacher = tfc.measurement.LiteRTModel(folder / "teacher.tflite").predict(x)
    for row, name in zip(finished[0].rows, names, strict=True):
        path = folder / f"{name}.tflite"
        assert row.bytes == path.stat().st_size
        assert row.gzip_bytes < row.bytes
        classes = tfc.measurement.LiteRTModel(path).predict(x).argmax(-1)
        assert row.accuracy == pytest.approx((classes == y).mean())
        agreement = (classes == teacher.argmax(-1)).mean()
        assert row.agreement == pytest.approx(agreement)


@pytest.mark.slow
def test_zeros_survive_into_the_shipped_file(finished):
    for row in finished[0].rows[3:]:
        assert row.sparsity == pytest.approx(0.8, abs=0.01)
    for row in finished[0].rows[:3]:
        assert row.sparsity < 0.05


@pytest.mark.slow
def test_shipped_file_is_full_integer_and_small(finished, folder):
    file = tfc.measurement.LiteRTModel(folder / "shipped-file.tflite")
    assert file.input_details["image"].dtype == np.int8
    assert next(iter(file.output_details.values())).dtype == np.int8
    rows = {row.name: row for row in finished[0].rows}
    assert rows["shipped file"].bytes <= rows["teacher"].bytes / 12


@pytest.mark.slow
def test_results_are_json_with_the_rows_and_the_seed(finished, folder):
    results = json.loads((folder / "results.json").read_text())
    assert results["seed"] == 3
    assert [row["name"] for row in results["rows"]] == STEPS
    for row, measured in zip(results["rows"], finished[0].rows, strict=True):
        assert row["accuracy"] == pytest.approx(measured.accuracy)


@pytest.mark.slow
def test_models_load_and_do_what_their_files_do(finished, folder):
    x, _ = load_digits(3).test
    for name in FILES[:4]:
        model = keras.models.load_model(folder / f"{name}.keras")
        file = tfc.measurement.LiteRTModel(folder / f"{name}.tflite")
        np.testing.assert_allclose(
            file.predict(x[:20]), model.predict(x[:20], verbose=0), rtol=1e-3, atol=1e-3
        )


@pytest.mark.slow
def test_report_is_one_page(finished, folder):
    page = (folder / "report.html").read_text()
    assert "<svg" in page
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S+|http://purl\S+", "", page)
    for step in STEPS:
        assert step in page


@pytest.mark.slow
def test_picture_is_a_png(finished, folder):
    content = (folder / "size-accuracy.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert zlib.crc32(content)


@pytest.mark.slow
def test_a_run_that_is_there_is_refused_before_any_training(finished, folder):
    with pytest.raises(OutputError, match="--overwrite"):
        run_demo(output=str(folder))


def test_numbers_out_of_range(tmp_path, capsys):
    with pytest.raises(ArgumentError, match="epochs must be a whole number of 1 or"):
        run_demo(output=str(tmp_path / "run"), epochs=0)
    for flags in (["--epochs", "0"], ["--seed", "-1"], ["--seed", "half"]):
        assert call("demo", "--output", tmp_path / "run", *flags) == 2
    assert capsys.readouterr().err.count("tfcompress: error: argument") == 3
    assert not (tmp_path / "run").exists()


def test_a_stopped_run_says_what_is_kept_and_goes_on(tmp_path, monkeypatch, capsys):
    def stop_at_the_second(pipeline, *arguments, **keywords):
        if pipeline.name == "taught":
            raise KeyboardInterrupt
        return run(pipeline, *arguments, **keywords)

    run = Pipeline.run
    monkeypatch.setattr(Pipeline, "run", stop_at_the_second)
    for progress in ("student-alone: done in", "student-alone: done before"):
        with pytest.raises(KeyboardInterrupt):
            run_demo(output=str(tmp_path), epochs=1)
        shown = capsys.readouterr()
        assert f"kept in {tmp_path}; the same command goes on" in shown.out
        assert progress in shown.err
        assert sorted(os.listdir(tmp_path)) == [
            "stages",
            "student-alone.keras",
            "student-alone.tflite",
            "student-alone.tflite.json",
        ]
