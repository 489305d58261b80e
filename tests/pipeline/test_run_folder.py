"""A folder holds one process at a time, and stages whole or not at all."""

import json
import os
import subprocess
import sys

import pytest

from tfcompress import __version__
from tfcompress.errors import OutputError
from tfcompress.pipeline.run_folder import FORMAT, RunFolder
from tfcompress.pipeline.stage_record import RECORD, StageRecord, read_record


def _record(key="k1", name="distil"):
    return StageRecord(key, name, "distil", {"epochs": 2}, {"model": "m"}, model="left")


def _make(folder, number=1, name="distil", key="k1", content="weights"):
    with folder.making(number, name, key) as (path, land):
        (path / "model.keras").write_text(content)
        land(_record(key, name))


@pytest.fixture
def folder(tmp_path):
    with RunFolder(tmp_path / "run") as folder:
        folder.create()
        yield folder


def _names(path):
    return sorted(each.name for each in path.iterdir() if each.name[0] != ".")


def test_stage_lands_whole_and_is_found_by_its_key(folder):
    _make(folder)
    place = folder.place(1, "distil")
    assert place == folder.path / "01-distil"
    assert _names(place) == ["model.keras", RECORD]
    assert folder.find(1, "distil", "k1") == read_record(place)
    assert folder.find(1, "distil", "k2") is None
    written = json.loads((place / RECORD).read_text())
    assert written["inputs"] == {"model": "m"}
    assert written["files"].keys() == {"model.keras"}


def test_stage_that_raises_leaves_nothing_and_the_ones_before(folder):
    _make(folder)
    with pytest.raises(RuntimeError, match="no"):
        _fail(folder)
    assert _names(folder.path) == ["01-distil", "run.json"]
    assert list((folder.path / ".work").iterdir()) == []
    assert folder.find(1, "distil", "k1") is not None


def test_error_of_the_work_itself_is_not_one_of_the_folder(folder):
    with (
        pytest.raises(FileNotFoundError, match="images"),
        folder.making(1, "distil", "k1"),
    ):
        raise FileNotFoundError("images")


def _fail(folder):
    with folder.making(2, "quantize", "k2") as (path, _):
        (path / "model.keras").write_text("half")
        raise RuntimeError("no")


@pytest.mark.parametrize("damage", ["half a record", "no record", "model", "no model"])
def test_damaged_stage_is_not_done(folder, damage):
    _make(folder)
    place = folder.place(1, "distil")
    record = place / RECORD
    if damage == "half a record":
        record.write_text(record.read_text()[:40])
    elif damage == "no record":
        record.unlink()
    elif damage == "model":
        (place / "model.keras").write_text("other")
    else:
        (place / "model.keras").unlink()
    assert folder.find(1, "distil", "k1") is None
    _make(folder, content="again")
    assert (place / "model.keras").read_text() == "again"
    assert folder.find(1, "distil", "k1") is not None


def test_leftovers_of_a_kill_go_but_for_the_epochs_of_this_stage(folder):
    work = folder.path / ".work"
    (work / "k1").mkdir(parents=True)
    (work / "k1" / "model.keras").write_text("half")
    (work / ".k1.x7.npz").write_text("half")
    folder.backup("k1").write_text("epoch 3")
    folder.backup("k0").write_text("of another stage")
    assert folder.find(1, "distil", "k1") is None
    with folder.making(1, "distil", "k1") as (path, land):
        assert list(path.iterdir()) == []
        assert sorted(each.name for each in work.iterdir()) == ["k1", "k1.npz"]
        assert folder.backup("k1").read_text() == "epoch 3"
        land(_record())
    assert list(work.iterdir()) == []


def test_state_of_a_later_stage_survives_the_look_at_an_earlier_one(folder):
    _make(folder)
    folder.backup("k2").write_text("epoch 3")
    assert folder.find(1, "distil", "k1") is not None
    assert folder.backup("k2").exists()


@pytest.mark.parametrize("old", [False, True])
def test_stage_that_was_killed_before_it_got_its_name_is_done(folder, old):
    _make(folder, content="new")
    place = folder.place(1, "distil")
    os.rename(place, folder.path / ".work" / "k1")
    if old:
        _make_old(folder)
    assert folder.find(1, "distil", "k1").key == "k1"
    assert (place / "model.keras").read_text() == "new"


def _make_old(folder):
    place = folder.place(1, "distil")
    place.mkdir()
    (place / "model.keras").write_text("of another recipe")


def test_stage_moves_with_its_place_in_the_pipeline(folder):
    _make(folder, 1, "export", "k1")
    assert folder.find(2, "export", "k1") is not None
    assert _names(folder.path) == ["02-export", "run.json"]


_HOLDER = """
import filelock, pathlib, sys, time
lock = filelock.FileLock(pathlib.Path(sys.argv[1]) / ".lock")
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_second_process_is_refused_and_told_by_whom(tmp_path):
    with RunFolder(tmp_path) as folder:
        folder.create()
        holder = json.loads((tmp_path / ".lock.json").read_text())
        with pytest.raises(
            OutputError, match=rf"process {os.getpid()} on .*directory="
        ):
            RunFolder(tmp_path).__enter__()
    assert holder["pid"] == os.getpid()
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="Another process works in the folder"):
            RunFolder(tmp_path).__enter__()
        other.kill()
    with RunFolder(tmp_path) as folder:
        folder.create()


def test_two_that_start_in_an_empty_folder_do_not_both_get_it(tmp_path):
    with RunFolder(tmp_path) as one, RunFolder(tmp_path) as two:
        one.create()
        with pytest.raises(OutputError, match="Another process"):
            two.create()


def test_folder_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with RunFolder(tmp_path) as folder:
            folder.create()
    assert (tmp_path / "run.json").read_text() == _versions() + "\n"


def _versions(**changes):
    return json.dumps({"format": FORMAT, "tfcompress": __version__, **changes})


def _content(path):
    return {
        each.relative_to(path): each.read_bytes()
        for each in path.rglob("*")
        if each.is_file()
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("thesis.tex", "two years of work", "must be empty, missing"),
        ("run.json", _versions(format=7), "another version of.*Received.*format 7"),
        ("run.json", _versions(tfcompress="0.0.1"), "or go on with.*tfcompress 0.0.1 "),
        ("run.json", "{", "tfcompress unknown and format unknown"),
    ],
)
def test_foreign_folder_is_refused_untouched(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    (tmp_path / "01-distil").mkdir()
    (tmp_path / "01-distil" / "notes.txt").write_text("mine")
    before = _content(tmp_path)
    with pytest.raises(OutputError, match=message):
        RunFolder(tmp_path).__enter__()
    assert _content(tmp_path) == before


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "run"
    path.write_text("a file")
    with pytest.raises(OutputError, match="which is a file"):
        RunFolder(path).__enter__()
    with RunFolder(path / "inside") as folder, pytest.raises(OutputError):
        folder.create()
    assert path.read_text() == "a file"


def test_run_that_was_killed_before_it_had_a_name_goes_on(tmp_path):
    (tmp_path / ".lock").write_text("")
    (tmp_path / ".work").mkdir()
    with RunFolder(tmp_path) as folder:
        folder.create()
        _make(folder)
    assert _names(tmp_path) == ["01-distil", "run.json"]


def _break_off(path, *, after_an_epoch=False):
    with RunFolder(path) as folder:
        folder.create()
        if after_an_epoch:
            folder.backup("k1").parent.mkdir(exist_ok=True)
            folder.backup("k1").write_text("an epoch")
        raise ZeroDivisionError


def test_an_error_before_any_stage_takes_the_new_folder_with_it(tmp_path):
    with pytest.raises(ZeroDivisionError):
        _break_off(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_error_leaves_the_epochs_that_are_done(tmp_path):
    with pytest.raises(ZeroDivisionError):
        _break_off(tmp_path / "run", after_an_epoch=True)
    assert RunFolder(tmp_path / "run").backup("k1").exists()


def test_an_error_leaves_a_folder_that_was_there(tmp_path):
    with pytest.raises(ZeroDivisionError):
        _break_off(tmp_path)
    assert (tmp_path / "run.json").exists()
