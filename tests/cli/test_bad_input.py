"""Bad input: one clear line, exit code 2, and nothing overwritten."""

import shutil

import keras
import numpy as np
import pytest

from tests.cli.tiny import call, make_arrays, write_inputs

COMMANDS = {
    "compress": ["compress", "model.keras", "--data", "data.npz"],
    "distill": [
        *("distill", "model.keras"),
        *("--student", "student.keras", "--data", "data.npz"),
    ],
    "prune": ["prune", "model.keras", "--data", "data.npz", "--sparsity", "0.5"],
    "quantize": ["quantize", "model.keras", "--data", "data.npz"],
}
EVERY = sorted(COMMANDS)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = write_inputs(tmp_path_factory.mktemp("inputs"))
    x, y = make_arrays()
    sets = {
        "one_class": (x, np.zeros_like(y)),
        "labels": (x, y + 2),
        "widths": (x[:, :3], y),
        "few": (x[:20], y[:20]),
        "reals": (x, x[:, :3]),
        "infinite": (x * np.inf, y),
        "lengths": (x, y[:-1]),
        "empty": (x[:0], y[:0]),
    }
    for name, (inputs, labels) in sets.items():
        np.savez(folder / f"{name}.npz", x=inputs, y=labels)
    np.savez(folder / "names.npz", images=x, answers=y)
    np.savez(folder / "strange.npz", foo=x, bar=y)
    prices = np.linspace(-15, 15, len(x))
    rows = [f"{row[0]:.3f},{price:.3f}" for row, price in zip(x, prices, strict=True)]
    (folder / "prices.csv").write_text("\n".join(["a,price", *rows]))
    for ending in ("sigmoid", None):
        layers = [keras.Input((1,)), keras.layers.Dense(1, ending)]
        keras.Sequential(layers).save(folder / f"{ending or 'numbers'}.keras")
    np.savez(folder / "number.npz", x=x, y=np.array(1))
    np.savez(
        folder / "test_widths.npz", x_train=x, y_train=y, x_test=x[:, :3], y_test=y
    )
    (folder / "text.npz").write_text("no arrays")
    (folder / "text.keras").write_text("no model")
    (folder / "small.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    inputs = keras.Input((4,))
    other = keras.Model(inputs, keras.layers.Dense(5)(inputs))
    other.save(folder / "five.keras")
    inputs = keras.Input((7,))
    keras.Model(inputs, keras.layers.Dense(3)(inputs)).save(folder / "seven.keras")
    (folder / "technique.yaml").write_text("stages:\n  - prune_wieghts: {}\n")
    (folder / "key.yaml").write_text("stages:\n  - export: {targt: gpu}\n")
    (folder / "type.yaml").write_text("stages:\n  - quantize: {weight_bits: many}\n")
    (folder / "code.yaml").write_text("stages: !!python/object/apply:os.getcwd []\n")
    (folder / "functions.py").write_text(
        "def broken():\n    raise RuntimeError('lost')\ndef three():\n    return 3\n"
    )
    return folder


@pytest.fixture
def place(inputs, tmp_path, monkeypatch):
    """A current folder with the inputs, and no output."""
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(place, capfd, words, message):
    before = contents(place)
    code = call(*words)
    shown = capfd.readouterr()
    assert code == 2, shown.err
    assert shown.out == ""
    assert shown.err.startswith("tfcompress: error: ")
    assert shown.err.count("\n") == 1, shown.err
    assert message in shown.err
    assert contents(place) == before
    assert not (place / "run").exists()


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs", "0"], "a whole number of 1 or more"),
        (["--epochs", "1.5"], "Received: '1.5'"),
        (["--epochs", "1_000"], "Received: '1_000'"),
        (["--epochs", "9" * 20], "--epochs"),
        (["--epochs"], "expected one argument"),
        (["--batch-size", "-3"], "--batch-size"),
        (["--seed", "-1"], "from 0 to"),
        (["--threads", "none"], "--threads"),
        (["--strategy", "miror"], "did you mean 'mirrored'"),
        (["--validation-share", "1"], "--validation-share"),
        (["--test-share", "nan"], "--test-share"),
        (["--divide-by", "0"], "a number above 0"),
        (["--epoch", "3"], "there is no flag --epoch; did you mean"),
        (["--deterministc"], "did you mean '--deterministic'"),
        (["more.keras"], "unexpected argument: 'more.keras'"),
    ],
)
def test_flags_of_every_command(place, capfd, command, flags, message):
    check(place, capfd, [*COMMANDS[command], "--output", "run", *flags], message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compress", "--output", "run", "--data", "d"], "required: MODEL"),
        (["compress", "m", "--output", "run"], "required: --data"),
        (["compress", "m", "--data", "d"], "required: --output"),
        (["distill", "m", "--data", "d", "--output", "run"], "required: --student"),
        (["prune", "m", "--data", "d", "--output", "run"], "--sparsity"),
        (["quantize", "model.keras", "--output", "run"], "needs data"),
        (
            ["quantize", "model.keras", "--scheme", "int8", "--output", "run"],
            "needs none",
        ),
    ],
)
def test_what_is_missing(place, capfd, words, message):
    check(place, capfd, words, message)


@pytest.mark.parametrize(
    ("command", "flags", "message"),
    [
        ("compress", ["--max-bytes", "many"], "such as 200000, 200k or 1.5M"),
        ("compress", ["--max-latency-ms", "0"], "a number above 0"),
        ("compress", ["--max-drop", "1"], "a number from 0 to 1, without 1"),
        ("compress", ["--recipe", "balanced", "--max-drop", "0.1"], "not both"),
        ("compress", ["--recipe", "balancd"], "balanced"),
        ("compress", ["--recipe", "recurrent", "--epochs", "1"], "LSTM"),
        ("compress", ["--recipe", "none.yaml"], "none.yaml"),
        ("compress", ["--recipe", "technique.yaml"], "prune_weights"),
        ("compress", ["--recipe", "key.yaml"], "target"),
        ("compress", ["--recipe", "type.yaml"], "weight_bits"),
        ("compress", ["--recipe", "code.yaml"], "code.yaml"),
        ("compress", ["--strategy", "multiworker"], "workers run a recipe"),
        ("compress", ["--recipe", "balanced", "--metric", "mae"], "leave --metric out"),
        ("compress", ["--metric", "acuracy"], "metric must be one of"),
        ("compress", ["--target", "cpu_int9"], "cpu_int8"),
        ("distill", ["--temperature", "0"], "a number above 0"),
        ("distill", ["--student-loss-weight", "-1"], "of 0 or more"),
        ("distill", ["--loss", "logit"], "did you mean 'logits'"),
        ("distill", ["--student", "five.keras"], "outputs"),
        ("distill", ["--student", "seven.keras"], "inputs of the model"),
        ("distill", ["--student", "nowhere.keras"], "no such file"),
        ("prune", ["--ratio", "0.5"], "not allowed with argument --sparsity"),
        ("prune", ["--sparsity", "1"], "--sparsity"),
        ("prune", ["--sparsity", "half"], "Received: 'half'"),
        ("quantize", ["--bits", "9"], "a whole number from 2 to 8"),
        ("quantize", ["--scheme", "int7"], "int8"),
        ("quantize", ["--scheme", "int8", "--bits", "4"], "without training"),
        ("quantize", ["--scheme", "int8", "--epochs", "4"], "without training"),
        ("quantize", ["--strategy", "multiworker"], "TF_CONFIG"),
        ("quantize", ["--target", "gpuu"], "gpu"),
        ("quantize", ["--target", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_flags_of_one_command(place, capfd, command, flags, message):
    check(place, capfd, [*COMMANDS[command], "--output", "run", *flags], message)


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nowhere.keras", "no such file"),
        ("text.keras", "text.keras"),
        ("small.tflite", ".keras"),
        ("functions.py", "Name a function of the file"),
        ("functions.py:broken", "lost"),
        ("functions.py:three", "must return a model"),
        ("functions.py:brokn", "broken"),
        ("no_such_module:function", "no such module"),
    ],
)
def test_models_that_do_not_load(place, capfd, command, model, message):
    words = [model if word == "model.keras" else word for word in COMMANDS[command]]
    check(place, capfd, [*words, "--output", "run"], message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nowhere.npz", "no such file"),
        ("text.npz", "text.npz"),
        ("names.npz", "Missing: y"),
        ("strange.npz", "strange.npz with ['bar', 'foo']"),
        ("one_class.npz", "two classes"),
        ("labels.npz", "from 0 to 2"),
        ("widths.npz", "shape"),
        ("few.npz", "batch"),
        ("reals.npz", "add up to 1"),
        ("test_widths.npz", "x of test"),
        ("number.npz", "y is a single number"),
        ("infinite.npz", "finite"),
        ("lengths.npz", "number of samples"),
        ("empty.npz", "sample"),
        ("functions.py:broken", "lost"),
        ("functions.py:three", "functions.py:three"),
    ],
)
def test_data_that_does_not_fit(place, capfd, data, message):
    words = [data if word == "data.npz" else word for word in COMMANDS["prune"]]
    check(place, capfd, [*words, "--output", "run"], message)


@pytest.mark.parametrize("recipe", ["no_training", "balanced", None])
def test_real_numbers_for_a_sigmoid(place, capfd, recipe):
    words = ["compress", "sigmoid.keras", "--data", "prices.csv", "--output", "run"]
    words += [] if recipe is None else ["--recipe", recipe]
    check(place, capfd, words, "must hold class numbers from 0 to 1")


def test_few_samples_to_meet_demands(place, capfd):
    words = ["compress", "model.keras", "--data", "few.npz", "--output", "run"]
    check(place, capfd, words, "--batch-size")


def test_metric_that_does_not_fit_the_labels(place, capfd):
    words = ["compress", "numbers.keras", "--data", "prices.csv", "--output", "run"]
    check(place, capfd, [*words, "--metric", "accuracy"], "accuracy")


def test_the_test_data_is_checked_before_demands_are_met(place, capfd):
    words = ["compress", "model.keras", "--data", "test_widths.npz", "--output", "run"]
    check(place, capfd, words, "x of test")


@pytest.mark.parametrize(
    "flag",
    [["--label", "x"], ["--spec", "x.yaml"], ["--divide-by", "2"]],
)
def test_flags_of_data_that_is_not_there(place, capfd, flag):
    words = ["export", "model.keras", "--target", "cpu_float32", *flag]
    check(place, capfd, words, f"{flag[0]} says how data is read; add --data")


@pytest.mark.parametrize("command", EVERY)
def test_folders_of_something_else(place, capfd, command):
    (place / "mine").mkdir()
    (place / "mine" / "letter.txt").write_text("precious")
    check(place, capfd, [*COMMANDS[command], "--output", "mine"], "letter.txt")
    check(place, capfd, [*COMMANDS[command], "--output", "data.npz"], "is a file")


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize("name", ["small.tflite", "Small.keras"])
def test_output_is_a_folder(place, capfd, command, name):
    (place / "small.tflite").unlink()
    words = [*COMMANDS[command], "--output", name]
    check(place, capfd, words, f"leave the ending out. Received: --output '{name}'")


def test_a_folder_that_cannot_be_made(place, capfd):
    words = [*COMMANDS["prune"], "--sparsity", "0.5", "--output", "data.npz/run"]
    check(place, capfd, words, "Cannot write to the folder data.npz/run")


def test_a_folder_of_another_version(place, capfd):
    (place / "old").mkdir()
    (place / "old" / "run.json").write_text('{"format": 99, "tfcompress": "9.0"}')
    words = [*COMMANDS["prune"], "--output", "old"]
    check(place, capfd, words, "another version")
