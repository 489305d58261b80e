import os
import subprocess
import sys
import warnings

import pytest

from tfcompress import __version__
from tfcompress.cli.main import COMMANDS, main, parse
from tfcompress.errors import DataError


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tfcompress.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_needs_no_tensorflow():
    lines = [["--help"], *([name, "--help"] for name in COMMANDS)]
    code = (
        "import sys\n"
        "from tfcompress.cli.main import parse\n"
        f"for words in {lines}:\n"
        "    try:\n        parse(['tfcompress', *words])\n"
        "    except SystemExit as stop:\n        assert stop.code == 0, words\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'numpy', 'matplotlib', 'rich'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_wrong_names_are_told_before_tensorflow_is_loaded(tmp_path):
    model, data = tmp_path / "model.keras", tmp_path / "data.npz"
    model.touch()
    data.touch()
    run = ["--output", str(tmp_path / "run")]
    prune = ["prune", str(model), "--sparsity", "0.5", "--data", str(data)]
    cases = {
        "no such file": ["compress", "nowhere.keras", "--data", str(data), *run],
        "nowhere.csv": ["quantize", str(model), "--data", "nowhere.csv", *run],
        "nobody.keras": [
            *("distill", str(model), "--student", "nobody.keras"),
            *("--data", str(data), *run),
        ],
        "toaster": [*prune, *run, "--target", "toaster"],
        "words.txt": [*prune, *run, "--vocabulary", "words.txt"],
        "spec.json": [*prune, *run, "--spec", "spec.json"],
        "is a file": [*prune, "--output", str(data)],
        "lost.tflite": ["evaluate", "lost.tflite", "--data", str(data)],
        "missing.h5": ["compare", str(model), "missing.h5", "--data", str(data)],
        "'phone'": ["export", str(model), "--target", "phone"],
        "my.yaml": ["compress", str(model), "--recipe", "my.yaml", "--data", "d", *run],
    }
    code = (
        "import contextlib, io, sys\n"
        "from absl import flags\n"
        "from tfcompress.cli.main import main, parse\n"
        "flags.FLAGS(['tfcompress'])\n"
        f"for message, words in {cases}.items():\n"
        "    said = io.StringIO()\n"
        "    with contextlib.redirect_stderr(said):\n"
        "        code = main(parse(['tfcompress', *words]))\n"
        "    assert code == 2 and message in said.getvalue(), said.getvalue()\n"
        "    assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules), words\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_ends_with_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(["tfcompress", command, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert f"examples:\n  tfcompress {command}" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_each_command_can_be_parsed(command, capsys):
    with pytest.raises(SystemExit):
        parse(["tfcompress", command, "--help"])
    examples = capsys.readouterr().out.partition("examples:\n")[2].splitlines()
    assert examples
    for example in examples:
        line = example.split(">")[0].split("|")[0]
        assert parse(line.split()).command == command


def test_help_of_the_demo_names_its_flags(capsys):
    with pytest.raises(SystemExit) as stop:
        parse(["tfcompress", "demo", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for flag in ("--data", "--output", "--seed", "--epochs", "--overwrite"):
        assert flag in text


def test_version(capsys):
    with pytest.raises(SystemExit):
        parse(["tfcompress", "--version"])
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["dmeo"], "there is no 'dmeo'; did you mean 'demo'?"),
        (["dmeo", "inspect"], "there is no 'dmeo'; did you mean 'demo'?"),
        (["demo", "--sparsity"], "there is no flag --sparsity"),
        (["demo", "--epoch", "3"], "there is no flag --epoch; did you mean '--epochs'"),
        (["demo", "--epochs", "many"], "argument --epochs"),
        (["inspect", "--jsn"], "there is no flag --jsn; did you mean '--json'"),
        (["inspect", "a.tflite", "b.tflite"], "unexpected argument: 'b.tflite'"),
        (["inspect"], "the following arguments are required: MODEL|FILE"),
        (["benchmark", "f", "--threads", "0"], "a whole number of 1 or more"),
        (["benchmark", "f", "--threads", "1.5"], "Received: '1.5'"),
        (["benchmark", "f", "--seconds", "nan"], "a number above 0"),
    ],
)
def test_unknown_commands_and_flags(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(["tfcompress", *arguments])
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("tfcompress: error: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1


def with_run(function, *flags):
    arguments = parse(["tfcompress", "demo", *flags])
    arguments.run = function
    return arguments


def failing(error, *flags):
    def run(arguments):
        raise error

    return with_run(run, *flags)


def test_an_error_is_one_line_without_a_traceback(capsys):
    assert main(failing(DataError("Expected this.\n  Received: that"))) == 2
    assert capsys.readouterr().err == (
        "tfcompress: error: Expected this. Received: that\n"
    )


def test_a_file_that_cannot_be_read(capsys):
    assert main(failing(PermissionError(13, "Permission denied", "x.npz"))) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "x.npz" in shown


def test_an_error_of_ours_has_an_exit_code_of_its_own(capsys):
    assert main(failing(KeyError("weights"))) == 70
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "internal error: KeyError: 'weights'" in shown
    assert "--debug" in shown


@pytest.mark.parametrize("error", [DataError("Expected this."), KeyError("weights")])
def test_debug_shows_where_an_error_came_from(error, capsys):
    main(failing(error, "--debug"))
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(capsys):
    assert main(failing(KeyboardInterrupt())) == 130
    assert "stopped" in capsys.readouterr().err


def test_codes_of_commands_are_handed_on():
    assert main(with_run(lambda arguments: None)) == 0
    assert main(with_run(lambda arguments: 1)) == 1


def test_what_others_print_goes_to_standard_error(capfd):
    assert main(with_run(lambda arguments: print("chatter"))) == 0  # noqa: T201
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "chatter\n")


def test_a_warning_is_one_line(capfd):
    def run(arguments):
        warnings.warn("two\nlines", UserWarning, stacklevel=1)

    assert main(with_run(run)) == 0
    assert capfd.readouterr().err == "tfcompress: warning: two lines\n"


def test_bad_input_ends_the_process_with_two(tmp_path):
    done = run("demo", "--data", str(tmp_path / "nowhere.npz"))
    assert done.returncode == 2
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("tfcompress: error: There is no such file.")
    )
    assert "Traceback" not in done.stderr


def test_console_script_answers():
    done = run("--help")
    assert done.returncode == 0
    assert "examples:\n  tfcompress demo" in done.stdout


def test_a_reader_that_goes_away_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", CLOSED],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


CLOSED = """
from absl import app
from tfcompress.cli.console import output
from tfcompress.cli.main import main, parse

def write(arguments):
    output().write("many words" * 10_000)

def read(argv):
    arguments = parse(["tfcompress", "demo"])
    arguments.run = write
    return arguments

app.run(main, flags_parser=read)
"""
