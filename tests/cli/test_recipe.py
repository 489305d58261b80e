import json
import subprocess
import sys

import pytest

from tests.cli.tiny import call
from tfcompress import recipes
from tfcompress.pipeline import Pipeline


def test_list_names_each_recipe(capfd):
    assert call("recipe", "list") == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(recipes.names())
    assert all(line.endswith(".") for line in lines)


def test_list_as_json(capfd):
    assert call("recipe", "list", "--json") == 0
    listed = json.loads(capfd.readouterr().out)
    assert [each["name"] for each in listed] == list(recipes.names())
    assert all(each["stages"] for each in listed)


@pytest.mark.parametrize("name", recipes.names())
def test_show_is_the_file_as_it_stands(name, capfd):
    assert call("recipe", "show", name) == 0
    text = capfd.readouterr().out
    assert text == recipes.path(name).read_text("utf-8")
    assert call("recipe", "show", name, "--json") == 0
    values = json.loads(capfd.readouterr().out)
    assert Pipeline.from_yaml(json.dumps(values)) == Pipeline.from_recipe(name)


def test_what_is_shown_can_be_checked(tmp_path, capfd):
    path = tmp_path / "mine.yaml"
    call("recipe", "show", "balanced")
    path.write_text(capfd.readouterr().out)
    assert call("recipe", "check", path) == 0
    expected = f"{path}: prune_channels, quantize, export, evaluate\n"
    assert capfd.readouterr() == (expected, "")
    assert call("recipe", "check", path, "--json") == 0
    checked = json.loads(capfd.readouterr().out)
    assert (checked["name"], checked["faults"]) == ("balanced", [])


def test_recipes_that_come_along_are_checked_by_name(capfd):
    assert call("recipe", "check", "balanced") == 0
    expected = "balanced: prune_channels, quantize, export, evaluate\n"
    assert capfd.readouterr() == (expected, "")
    assert call("recipe", "check", "balancd") == 2
    assert "balanced" in capfd.readouterr().err


def test_check_finds_names_without_loading_keras(tmp_path, capfd):
    path = tmp_path / "mine.yaml"
    path.write_text("stages:\n- fine_tune: {training: {optimizer: adamm}}\n")
    assert call("recipe", "check", path) == 2
    assert "line 2, column 37: unknown optimizer" in capfd.readouterr().err


def test_check_tells_of_every_fault(tmp_path, capfd):
    path = tmp_path / "mine.yaml"
    path.write_text("stages:\n- prune_weights: {sparcity: 1}\n- exprt\nsed: 3\n")
    assert call("recipe", "check", path) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 3
    for line, place in zip(lines, ("line 2", "line 3", "line 4"), strict=True):
        assert line.startswith(f"tfcompress: error: {path}, {place}, column ")
    assert call("recipe", "check", path, "--json") == 2
    shown = capfd.readouterr()
    faults = json.loads(shown.out)["faults"]
    assert [f"tfcompress: error: {each}" for each in faults] == lines
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "did you mean 'list'?"),
        (["list", "balanced"], "Received: 'balanced'"),
        (["show"], "`tfcompress recipe show NAME`"),
        (["check"], "`tfcompress recipe check FILE`"),
        (["show", "balansed"], "balanced"),
        (["check", "none.yaml"], "No such file"),
        (["check", "."], "Is a directory"),
        (["check", "stages: [export]"], "No such file"),
    ],
)
def test_bad_input(arguments, message, capfd):
    assert call("recipe", *arguments) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("tfcompress: error: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err


def test_nothing_heavy_is_loaded(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("stages: [export]")
    code = (
        "import sys\n"
        "from tfcompress.cli.main import main, parse\n"
        "for words in (['list'], ['show', 'gpu'], ['check', sys.argv[1]]):\n"
        "    assert main(parse(['tfcompress', 'recipe', *words])) == 0\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'numpy', 'matplotlib', 'rich'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
