import os

import pytest

from tfcompress.errors import OutputError
from tfcompress.pipeline import RunDirectory


def test_makes_the_folder_and_writes(tmp_path):
    directory = RunDirectory(tmp_path / "a" / "b")
    directory.write("results.json", "{}")
    with directory.writing("model.keras") as path:
        path.write_text("model")
    assert sorted(os.listdir(directory.path)) == ["model.keras", "results.json"]


def test_a_run_that_is_there_is_refused(tmp_path):
    RunDirectory(tmp_path).write("results.json", "first")
    with pytest.raises(OutputError, match="not empty.*overwrite=True"):
        RunDirectory(tmp_path)
    assert (tmp_path / "results.json").read_text() == "first"


def test_overwrite(tmp_path):
    RunDirectory(tmp_path).write("results.json", "first")
    directory = RunDirectory(tmp_path, overwrite=True)
    # No half-new folder passes for a finished run.
    assert not (tmp_path / "results.json").exists()
    directory.write("results.json", "second")
    assert (tmp_path / "results.json").read_text() == "second"


def test_file_in_the_place_of_the_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(OutputError, match="Received: the file"):
        RunDirectory(path, overwrite=True)
    assert path.read_text() == "precious"


def test_folder_that_cannot_be_written_to():
    with pytest.raises(OutputError, match="Cannot write to the folder"):
        RunDirectory("/proc/tfcompress")


def test_full_disk(tmp_path, monkeypatch):
    directory = RunDirectory(tmp_path)
    monkeypatch.setattr(
        os, "fsync", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(OutputError, match="No space left"):
        directory.write("results.json", "{}")
    assert os.listdir(tmp_path) == []
