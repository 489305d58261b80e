"""A training that was killed ends in the weights of an undisturbed one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "killed_training.py"


@pytest.mark.slow
@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
def test_every_kind_of_stage_goes_on_after_a_kill(keras, tmp_path):
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), keras, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.splitlines()[-1])

    assert len(found) == 10
    for kind, result in found.items():
        assert result == {
            "same weights": True,
            "same history": True,
            "epochs": 4,
            "model as it was": True,
        }, kind
