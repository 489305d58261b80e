"""Several replicas take the steps that one device takes on the same global batch."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.distillation.replicas import CASES

TF_KERAS_CASES = [name for name in CASES if name.startswith("tf_keras")]


def start(what, path, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.distillation.replicas", what, str(path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    try:
        said, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, said[-3000:]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for item in sockets:
        item.bind(("localhost", 0))
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """What one device found, and two virtual ones."""
    path = tmp_path_factory.mktemp("mirrored") / "found.json"
    finish(start("mirrored", path))
    found = json.loads(path.read_text())
    assert found["replicas"] == 2
    return found


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """What each of two workers found."""
    folder = tmp_path_factory.mktemp("workers")
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    processes = [
        start(
            "worker",
            folder / str(i),
            TF_CONFIG=json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": i}}
            ),
        )
        for i in range(2)
    ]
    for process in processes:
        finish(process)
    found = [json.loads((folder / str(i)).read_text()) for i in range(2)]
    assert [item["replicas"] for item in found] == [2, 2]
    return found


def assert_same(found, expected):
    assert found["history"].keys() == expected["history"].keys()
    for key in expected["history"]:
        np.testing.assert_allclose(
            found["history"][key], expected["history"][key], rtol=1e-5, err_msg=key
        )
        assert found["evaluated"][key] == pytest.approx(
            expected["evaluated"][key], rel=1e-5
        )
    for weight, other in zip(found["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_two_devices_train_as_one(mirrored, name):
    assert_same(mirrored[name]["two"], mirrored[name]["one"])
    losses = mirrored[name]["one"]["history"]["loss"]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", TF_KERAS_CASES)
def test_two_workers_train_as_one(mirrored, workers, name):
    for found in workers:
        assert_same(found[name], mirrored[name]["one"])


@pytest.mark.parametrize("name", ["logits", "tf_keras logits"])
def test_uneven_replicas_step_by_the_mean_of_their_means(mirrored, name):
    """Three samples on two replicas: Keras's own convention for a last, small batch."""
    found = {
        key: list(map(np.asarray, value["weights"]))
        for key, value in mirrored["uneven"][name].items()
    }
    for two, first, second, whole in zip(
        *(found[key] for key in ("two", "first", "second", "whole")), strict=True
    ):
        np.testing.assert_allclose(two, (first + second) / 2, rtol=1e-5, atol=1e-7)
        assert np.abs(two - whole).max() > 1e-3


@pytest.mark.parametrize("name", ["logits", "tf_keras logits"])
def test_logs_of_uneven_replicas_are_means_over_samples(mirrored, name):
    """Four samples, then three: 4/7 and 3/7 of the batches' losses on one device."""
    found = mirrored["uneven"][name]
    two, begin, whole = (found[key]["history"] for key in ("two", "begin", "whole"))
    for key in ("student_loss", "distillation_loss"):
        expected = (4 * begin[key][0] + 3 * whole[key][0]) / 7
        assert two[key][0] == pytest.approx(expected, rel=1e-5)
