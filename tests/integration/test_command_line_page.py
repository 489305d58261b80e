"""The commands and recipes of the page about the command line run as they stand."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.cli.tiny import call
from tfcompress.cli.exit_code import ExitCode
from tfcompress.cli.main import COMMANDS
from tfcompress.pipeline import Pipeline

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_every_command_and_exit_code_is_there():
    listed = PAGE.split("| command |")[1].split("`tfcompress COMMAND")[0]
    names = re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\|[^|]*\|", listed, re.M)))
    assert set(names) == set(COMMANDS)
    codes = re.findall(r"^\| (\d+) \|", PAGE, re.M)
    assert set(map(int, codes)) == set(ExitCode)


def test_the_recipe_can_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (text,) = blocks("yaml")
    Path("mine.yaml").write_text(text)
    names = {"Pipeline": Pipeline}
    (code,) = blocks("python")
    exec(compile(code, "command-line.md", "exec"), names)
    stages = [stage.kind for stage in names["pipeline"].stages]
    assert stages == ["prune_channels", "joint", "export", "evaluate"]


def test_the_message_is_what_check_says(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    lines = ["name: mine", "stages:", "  - quantize"]
    lines.append("  - prune_weights: {sparcity: 0.5}")
    Path("mine.yaml").write_text("\n".join(lines))
    assert call("recipe", "check", "mine.yaml") == 2
    (message,) = blocks("text")
    shown = capfd.readouterr().err
    assert shown == message


@pytest.mark.slow
def test_the_commands_run(teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (x, y), _ = digits
    teacher.save("model.keras")
    np.savez("images.npz", x=x[:400], y=y[:400])
    lines = "".join(blocks("sh")).splitlines()
    assert len(lines) == 15
    for line in lines:
        words, _, file = line.partition(" > ")
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            assert call(*shlex.split(words)[1:]) == 0, line
        assert text.getvalue(), line
        if file:
            Path(file).write_text(text.getvalue())
    for name in ("run", "other", "model.tflite", "small.tflite", "report.html"):
        assert Path(name).exists()
