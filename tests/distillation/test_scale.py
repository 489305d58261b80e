"""Several replicas take the steps that one device takes on the same global batch."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.distillation.replicas import CASES
from tests.workers import ROOT, run_workers

TF_KERAS_CASES = [name for name in CASES if name.startswith("tf_keras")]


def command(what, path):
    script = "tests.distillation.replicas"
    return [sys.executable, "-m", script, what, str(path)]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """What one device found, and two virtual ones."""
    path = tmp_path_factory.mktemp("mirrored") / "found.json"
    done = subprocess.run(
        command("mirrored", path),
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(path.read_text())
    assert found["replicas"] == 2
    return found


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """What each of two workers found."""
    folder = tmp_path_factory.mktemp("workers")
    run_workers(lambda number: command("worker", folder / str(number)), folder)
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


@pytest.mark.slow
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
