"""`export`, `evaluate` and `compare`: one model, its files, and what is wrong."""

import json
import shutil

import keras
import numpy as np
import pytest

from tests.cli.tiny import call, make_arrays, write_inputs
from tfcompress import measurement
from tfcompress.sources import read_data


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A model, its data with a part for the test, and two files."""
    folder = write_inputs(tmp_path_factory.mktemp("inputs"))
    x, y = make_arrays(160)
    np.savez(
        folder / "parts.npz",
        x_train=x[:80],
        y_train=y[:80],
        x_test=x[80:],
        y_test=y[80:],
    )
    (folder / "text.tflite").write_text("no file")
    (folder / "made.py").write_text(
        "import keras\ndef made():\n    print('chatter')\n"
        "    return keras.models.load_model('model.keras')\n"
    )
    for target in ("cpu_float32", "cpu_int8"):
        code = call(
            *("export", folder / "model.keras", "--target", target),
            *("--data", folder / "parts.npz", "--output", folder / f"{target}.tflite"),
        )
        assert code == 0
    return folder


@pytest.fixture
def place(inputs, tmp_path, monkeypatch):
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder):
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_export_writes_a_file_that_does_what_the_model_does(place, capfd):
    assert call("export", "model.keras", "--target", "cpu_float32") == 0
    shown = capfd.readouterr()
    assert shown.out.startswith("model.tflite: ")
    assert shown.err == ""
    x, _ = make_arrays(20)
    model = keras.models.load_model("model.keras")
    np.testing.assert_allclose(
        measurement.LiteRTModel("model.tflite").predict(x),
        model.predict(x, verbose=0),
        rtol=1e-4,
        atol=1e-5,
    )


def test_export_as_json(place, capfd):
    words = ("--target", "cpu_int8", "--data", "data.npz", "--output", "a.tflite")
    assert call("export", "made.py:made", *words, "--json") == 0
    shown = capfd.readouterr()
    values = json.loads(shown.out)
    assert values["path"] == "a.tflite"
    assert values["bytes"] == (place / "a.tflite").stat().st_size
    assert [each["dtype"] for each in values["inputs"].values()] == ["int8"]
    assert shown.err.startswith("chatter\n")


def test_export_for_a_target_of_a_file(place, capfd):
    (place / "mine.toml").write_text(
        'name = "mine"\ndescription = "a board of ours"\nweights = "int8"\n'
        'activations = "int8"\ninputs_and_outputs = "uint8"\n'
    )
    words = ("--target", "mine.toml", "--data", "data.npz", "--json")
    assert call("export", "model.keras", *words) == 0
    values = json.loads(capfd.readouterr().out)
    assert values["target"] == "mine"
    assert [each["dtype"] for each in values["inputs"].values()] == ["uint8"]


def test_export_replaces_only_what_it_may(place, capfd):
    before = contents(place)
    words = ("export", "model.keras", "--target", "gpu", "--output", "cpu_int8.tflite")
    assert call(*words) == 2
    assert "--overwrite" in capfd.readouterr().err
    assert contents(place) == before
    assert call(*words, "--overwrite") == 0
    assert contents(place) != before


@pytest.mark.parametrize("name", ["model.keras", "cpu_float32.tflite"])
def test_evaluate_is_on_the_test_part(place, name, capfd):
    words = ("--data", "parts.npz", "--metrics", "accuracy,macro_f1", "--json")
    assert call("evaluate", name, *words, "--confidence", "0.9") == 0
    found = json.loads(capfd.readouterr().out)
    x, y = make_arrays(160)
    model = keras.models.load_model("model.keras")
    right = model.predict(x[80:], verbose=0).argmax(-1) == y[80:]
    assert found["values"]["accuracy"] == pytest.approx(right.mean())
    assert found["samples"] == 80
    low, high = found["intervals"]["accuracy"]
    assert low <= right.mean() <= high


def test_evaluate_holds_out_what_other_commands_hold_out(place, capfd):
    assert call("evaluate", "cpu_int8.tflite", "--data", "data.npz") == 0
    assert "accuracy" in capfd.readouterr().out
    words = ("--data", "data.npz", "--seed", "3", "--json")
    assert call("evaluate", "model.keras", *words) == 0
    found = json.loads(capfd.readouterr().out)
    model = keras.models.load_model("model.keras")
    x, y = read_data("data.npz", model=model, seed=3).test
    right = model.predict(x, verbose=0).argmax(-1) == y
    assert found["values"]["accuracy"] == pytest.approx(right.mean())


def test_evaluate_a_file_on_text(place, capfd):
    words = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Embedding(20, 2),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    words.save("words.keras")
    lines = [f"a {'good' if n % 2 else 'bad'} film {n % 5},{n % 2}" for n in range(40)]
    (place / "words.csv").write_text("\n".join(["text,label", *lines]))
    words = ("--data", "words.csv")
    assert call("export", "words.keras", "--target", "cpu_float32") == 0
    assert call("evaluate", "words.tflite", *words) == 2
    assert "--like" in capfd.readouterr().err
    assert call("evaluate", "words.tflite", *words, "--like", "words.keras") == 0
    of_file = capfd.readouterr().out
    assert "accuracy" in of_file
    assert call("evaluate", "words.keras", *words) == 0
    assert capfd.readouterr().out == of_file
    (place / "words.txt").write_text("film\na\ngood\nbad\n")
    words = (*words, "--vocabulary", "words.txt")
    assert call("evaluate", "words.tflite", *words) == 0
    of_file = capfd.readouterr().out
    assert call("evaluate", "words.keras", *words) == 0
    assert capfd.readouterr().out == of_file


def test_compare(place, capfd):
    models = ("model.keras", "cpu_int8.tflite")
    words = ("--data", "parts.npz", "--seconds", "0.02")
    assert call("compare", *models, *words, "--json", "--output", "page.html") == 0
    found = json.loads(capfd.readouterr().out)
    assert [row["name"] for row in found["rows"]] == list(models)
    assert found["rows"][1]["bytes"] == (place / "cpu_int8.tflite").stat().st_size
    assert "<svg" in (place / "page.html").read_text()
    before = contents(place)
    assert call("compare", *models, *words, "--output", "page.html") == 2
    assert contents(place) == before
    capfd.readouterr()
    again = ("cpu_int8.tflite", "cpu_int8.tflite")
    assert call("compare", *again, *words, "--metrics", "accuracy") == 0
    assert "cpu_int8.tflite_1" in capfd.readouterr().out


EXPORT = ("export", "model.keras", "--output", "new.tflite", "--target")
EVALUATE = ("evaluate", "model.keras", "--data", "parts.npz")
COMPARE = ("compare", "model.keras", "cpu_int8.tflite", "--data", "parts.npz")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "model.keras"), "required: --target"),
        ((*EXPORT, "cpu_int9"), "cpu_int8"),
        ((*EXPORT, "none.toml"), "none.toml"),
        ((*EXPORT, "gpu", "--output", "small.onnx"), "must end in .tflite"),
        ((*EXPORT, "gpu", "--output", "none/small.tflite"), "folder"),
        ((*EXPORT, "gpu", "--output", ""), "must end in .tflite"),
        ((*EXPORT, "gpu", "--strikt"), "did you mean '--strict'"),
        ((*EXPORT, "cpu_int8"), "(--data)"),
        ((*EXPORT, "cpu_int8", "--data", "none.npz"), "none.npz"),
        (("export", "none.keras", "--target", "gpu"), "none.keras"),
        (("export", "cpu_int8.tflite", "--target", "gpu"), "cpu_int8.tflite"),
        (("evaluate", "model.keras"), "required: --data"),
        ((*EVALUATE, "--metrics", "acuracy"), "acuracy"),
        ((*EVALUATE, "--metrics", "accuracy,"), "commas"),
        ((*EVALUATE, "--confidence", "95"), "from 0 to 1"),
        ((*EVALUATE, "--threads", "0"), "1 or more"),
        ((*EVALUATE, "--seed", "-1"), "from 0 to"),
        (("evaluate", "text.tflite", "--data", "parts.npz"), "text.tflite"),
        (("evaluate", "none.tflite", "--data", "parts.npz"), "none.tflite"),
        (("evaluate", "made.py:none", "--data", "parts.npz"), "none"),
        ((*COMPARE, "--seconds", "0"), "above 0"),
        ((*COMPARE, "--output", "parts.npz"), "--overwrite"),
        ((*COMPARE, "--output", "."), "folder"),
        (("compare", "--data", "parts.npz"), "MODEL|FILE"),
        (("compare", "model.keras", "no.tflite", "--data", "parts.npz"), "no.tflite"),
    ],
)
def test_bad_input_is_one_line_and_costs_no_file(place, words, message, capfd):
    before = contents(place)
    assert call(*words) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("tfcompress: error: ")
    assert shown.err.count("\n") == 1, shown.err
    assert message in shown.err
    assert contents(place) == before
