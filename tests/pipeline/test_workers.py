"""Several workers train together, and one of them writes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfcompress.pipeline.workers import Workers


def _start(directory, path, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.pipeline.worker_run", str(directory), str(path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finish(process, path):
    try:
        said, _ = process.communicate(timeout=500)
    finally:
        process.kill()
    assert process.returncode == 0, said[-3000:]
    return json.loads(path.read_text())


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for item in sockets:
        item.bind(("localhost", 0))
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


@pytest.mark.slow
def test_two_workers_train_what_one_process_trains(tmp_path):
    cluster = {"worker": [f"localhost:{port}" for port in _free_ports(2)]}
    paths = [tmp_path / f"found{number}" for number in range(2)]
    workers = [
        _start(
            tmp_path / "run",
            path,
            TF_CONFIG=json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": number}}
            ),
        )
        for number, path in enumerate(paths)
    ]
    found = [_finish(*pair) for pair in zip(workers, paths, strict=True)]
    alone = _finish(_start(tmp_path / "alone", tmp_path / "found"), tmp_path / "found")
    for worker in found:
        assert worker["replicas"] == 2
        assert worker["done"] == [[False] * 5, [True] * 5]
        for name in ("weights", "again"):
            for one, other in zip(worker[name], alone["weights"], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    del found[0]["done"], found[1]["done"]
    assert found[0] == found[1]
    folders = sorted(each.name for each in (tmp_path / "run").glob("0*"))
    assert [name[:2] for name in folders] == ["01", "02", "03", "04", "05"]


def test_one_process_is_the_chief_and_asks_nobody():
    workers = Workers(None)
    assert workers.is_chief
    assert workers.agree(True)
    assert not workers.agree(False)
