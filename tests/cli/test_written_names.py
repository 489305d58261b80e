"""Words and classes are left beside the file that ships."""

import keras
import pytest

from tests.cli.tiny import call
from tfcompress.cli.written_names import write_names
from tfcompress.sources import Dataset, read_data
from tfcompress.sources.words import read_vocabulary


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A current folder with a model that takes words, and sentences."""
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Embedding(20, 2),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    ).save("words.keras")
    rows = [("a good film", "yes"), ("a bad film", "no")] * 30
    lines = [f"{text} {n % 5},{label}" for n, (text, label) in enumerate(rows)]
    (tmp_path / "words.csv").write_text("\n".join(["text,label", *lines]))
    return tmp_path


def test_a_run_on_text_leaves_its_words_and_classes(place, capfd):
    words = ("quantize", "words.keras", "--data", "words.csv", "--output", "run")
    assert call(*words, "--scheme", "dynamic_range") == 0
    warned = capfd.readouterr().err
    assert "warning: The words are numbered anew" in warned
    assert "reads nonsense" in warned
    assert "--vocabulary" in warned
    data = read_data("words.csv", model=keras.models.load_model("words.keras"))
    lines = (place / "run" / "vocabulary.txt").read_text("utf-8").split("\n")
    assert tuple(lines) == (*data.vocabulary, "")
    assert lines[:2] == ["", "[UNK]"]
    assert {"a", "film", "good", "bad"} < set(lines)
    assert (place / "run" / "labels.txt").read_text("utf-8") == "no\nyes\n"


def test_what_is_written_is_a_vocabulary(tmp_path):
    known = ("", "[UNK]", "caf\u00e9", "\u65e5\u672c", "a\u2028b", "a\u00a0b")
    write_names(Dataset("texts", None, None, vocabulary=known), tmp_path)
    assert read_vocabulary(tmp_path / "vocabulary.txt") == list(known[2:])
    assert [path.name for path in tmp_path.iterdir()] == ["vocabulary.txt"]


def test_a_class_is_one_line(tmp_path):
    write_names(Dataset("x", None, None, class_names=("two\nlines", "b")), tmp_path)
    assert (tmp_path / "labels.txt").read_text() == "two lines\nb\n"


def test_what_has_no_names_leaves_no_files(tmp_path):
    write_names(Dataset("numbers", None, None), tmp_path)
    assert not list(tmp_path.iterdir())
