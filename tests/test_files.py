import errno
import os

import pytest

from tfcompress.errors import OutputError
from tfcompress.files import replacing, temporary_folder, write_atomically


def test_writes_text_and_bytes(tmp_path):
    write_atomically(tmp_path / "a.txt", "käse")
    write_atomically(tmp_path / "b.bin", b"\x00\x01")
    assert (tmp_path / "a.txt").read_text("utf-8") == "käse"
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\x01"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.bin"]


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            assert temporary.suffix == ".keras"
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.keras"]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    write_atomically(tmp_path / "ours", "")
    (tmp_path / "theirs").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_missing_folder(tmp_path):
    with pytest.raises(OutputError, match="Cannot write .*Choose a folder"):
        write_atomically(tmp_path / "nowhere" / "a.txt", "")


def test_folder_in_the_place_of_the_file(tmp_path):
    with pytest.raises(OutputError, match="Received: the folder"):
        write_atomically(tmp_path, "")


def test_full_disk(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_temporary_folder_is_removed():
    with temporary_folder() as folder:
        (folder / "a.txt").write_text("three")
    assert not folder.exists()


def test_a_full_disk_is_an_error_that_names_the_folder():
    with pytest.raises(OutputError, match="No space left.*TMPDIR"), temporary_folder():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "first.tflite"
    link = tmp_path / "current.tflite"
    link.symlink_to(target)
    for content in ("new", "newer"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert target.read_text() == content
    assert sorted(os.listdir(tmp_path / "there")) == ["first.tflite"]
