"""A folder of a demonstration: new, stopped, finished, or of something else."""

import os

import pytest

from tfcompress.cli.demo_folder import DemoFolder
from tfcompress.errors import OutputError
from tfcompress.pipeline.run_folder import RunFolder

RUNS = ("alone", "taught")


def open_folder(path, **keywords):
    return DemoFolder(path, runs=RUNS, **keywords)


def stop_in(folder):
    with RunFolder(folder.run("alone")) as run:
        run.create()
    (folder.run("alone") / "01-teacher").mkdir()


def test_makes_the_folder_and_writes(tmp_path):
    folder = open_folder(tmp_path / "a" / "b")
    folder.write("results.json", "{}")
    assert os.listdir(folder.path) == ["results.json"]
    assert folder.run("taught") == tmp_path / "a" / "b" / "stages" / "taught"


def test_a_run_that_is_there_is_refused(tmp_path):
    folder = open_folder(tmp_path)
    stop_in(folder)
    folder.write("results.json", "first")
    with pytest.raises(OutputError, match="not empty.*overwrite=True"):
        open_folder(tmp_path)
    assert (tmp_path / "results.json").read_text() == "first"


@pytest.mark.parametrize("name", ["letter.txt", "stages/letter.txt", "run.json"])
def test_something_else_is_refused_and_left_as_it_is(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("precious")
    with pytest.raises(OutputError, match="not empty"):
        open_folder(tmp_path)
    assert path.read_text() == "precious"
    open_folder(tmp_path, overwrite=True)
    assert path.read_text() == "precious"


def test_a_stopped_run_goes_on(tmp_path):
    stop_in(open_folder(tmp_path))
    open_folder(tmp_path)
    assert (tmp_path / "stages" / "alone" / "01-teacher").exists()


def test_overwrite_starts_anew(tmp_path):
    folder = open_folder(tmp_path)
    stop_in(folder)
    folder.write("results.json", "first")
    folder.write("teacher.keras", "model")
    open_folder(tmp_path, overwrite=True)
    # No half-new folder passes for a finished run.
    assert not (tmp_path / "results.json").exists()
    assert not (tmp_path / "stages" / "alone").exists()
    assert (tmp_path / "teacher.keras").read_text() == "model"


def test_a_run_at_work_is_not_overwritten(tmp_path):
    folder = open_folder(tmp_path)
    stop_in(folder)
    with (
        RunFolder(folder.run("alone")),
        pytest.raises(OutputError, match="Another process"),
    ):
        open_folder(tmp_path, overwrite=True)
    assert (tmp_path / "stages" / "alone" / "01-teacher").exists()


def test_file_in_the_place_of_the_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(OutputError, match="Received: the file"):
        open_folder(path, overwrite=True)
    assert path.read_text() == "precious"


def test_folder_that_cannot_be_written_to():
    with pytest.raises(OutputError, match="Cannot write to the folder"):
        open_folder("/proc/tfcompress")


def test_full_disk(tmp_path, monkeypatch):
    folder = open_folder(tmp_path)
    monkeypatch.setattr(
        os, "fsync", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(OutputError, match="No space left"):
        folder.write("results.json", "{}")
    assert os.listdir(tmp_path) == []
