"""Two devices train as one does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "replicated_training.py"


@pytest.mark.slow
def test_stages_train_under_a_mirrored_strategy():
    ended = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.splitlines()[-1])

    assert len(found) == 8
    for case, result in found.items():
        assert result["replicas"] < 1e-4, case
        assert result["again"] == 0, case
        if "distil" not in case:
            assert result["zeros"] == pytest.approx([0.5, 0.5], abs=0.05), case
