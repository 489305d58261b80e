"""Commands train on several devices and machines."""

import json
import sys

import pytest

from tests.cli.tiny import call, write_inputs
from tests.workers import run_workers

pytestmark = pytest.mark.slow


def words(folder):
    given = [folder / "model.keras", "--data", folder / "data.npz"]
    given += ["--recipe", folder / "recipe.yaml", "--output", folder / "run", "--json"]
    return ["compress", *map(str, given)]


def test_all_devices_of_this_machine(tmp_path, capsys):
    write_inputs(tmp_path)
    assert call(*words(tmp_path), "--strategy", "mirrored") == 0
    assert list(json.loads(capsys.readouterr().out)["stages"]) == [
        "quantize",
        "export",
        "evaluate",
    ]


def test_two_workers_of_whom_the_chief_writes(tmp_path):
    write_inputs(tmp_path)
    command = [sys.executable, "-m", "tfcompress.cli.main", *words(tmp_path)]
    command += ["--strategy", "multiworker"]
    (first, _), (second, _) = run_workers(lambda number: command, tmp_path)
    assert list(json.loads(first)["stages"]) == ["quantize", "export", "evaluate"]
    assert second == ""
