"""Several workers train together, and one of them writes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.workers import ROOT, run_workers
from tfcompress.pipeline.workers import Workers


def _command(directory, path):
    script = "tests.pipeline.worker_run"
    return [sys.executable, "-m", script, str(directory), str(path)]


@pytest.mark.slow
def test_two_workers_train_what_one_process_trains(tmp_path):
    paths = [tmp_path / f"found{number}" for number in range(2)]
    run_workers(lambda number: _command(tmp_path / "run", paths[number]), tmp_path)
    found = [json.loads(path.read_text()) for path in paths]
    done = subprocess.run(
        _command(tmp_path / "alone", tmp_path / "found"),
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    alone = json.loads((tmp_path / "found").read_text())
    for worker in found:
        assert worker["replicas"] == 2
        for name in ("weights", "again"):
            for one, other in zip(worker[name], alone["weights"], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    done_by_workers = [worker.pop("done") for worker in found]
    assert done_by_workers == [[[False] * 5, [True] * 5]] * 2
    assert found[0] == found[1]
    folders = sorted(each.name for each in (tmp_path / "run").glob("0*"))
    assert [name[:2] for name in folders] == ["01", "02", "03", "04", "05"]


def test_one_process_is_the_chief_and_asks_nobody():
    workers = Workers(None)
    assert workers.is_chief
    assert workers.agree(True)
    assert not workers.agree(False)
