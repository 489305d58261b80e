import subprocess
import sys

import pytest

from tfcompress import __version__
from tfcompress.cli.main import main, parse
from tfcompress.errors import DataError


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tfcompress.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_needs_no_tensorflow():
    code = (
        "import sys\n"
        "from tfcompress.cli.main import parse\n"
        "try:\n    parse(['tfcompress', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules\n"
        "assert 'keras' not in sys.modules\n"
        "assert 'numpy' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


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
    "arguments", [[], ["dmeo"], ["demo", "--sparsity"], ["demo", "--epochs", "many"]]
)
def test_unknown_commands_and_flags(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(["tfcompress", *arguments])
    assert stop.value.code == 2
    assert "tfcompress" in capsys.readouterr().err


def fail(error):
    def command(arguments):
        raise error

    arguments = parse(["tfcompress", "demo"])
    arguments.command = command
    return arguments


def test_an_error_is_one_line_without_a_traceback(capsys):
    assert main(fail(DataError("Expected this. Received: that"))) == 2
    assert capsys.readouterr().err == (
        "tfcompress: error: Expected this. Received: that\n"
    )


def test_debug_shows_where_an_error_came_from(capsys):
    arguments = fail(DataError("Expected this. Received: that"))
    arguments.debug = True
    assert main(arguments) == 2
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(capsys):
    assert main(fail(KeyboardInterrupt())) == 130
    assert "stopped" in capsys.readouterr().err


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
    assert "Example: tfcompress demo" in done.stdout
