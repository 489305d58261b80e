"""A run that is killed goes on, and ends in the weights of an undisturbed one."""

import itertools
import multiprocessing
import random
import signal
import time

import numpy as np
import pytest

from tests.pipeline import interrupted_run
from tests.pipeline.interrupted_run import EPOCHS

KILLS = 20


@pytest.fixture(scope="module")
def processes():
    """Processes that have loaded TensorFlow before they start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tfcompress.pipeline.engine", "tests.pipeline.interrupted_run"]
    )
    return context


def _start(processes, directory, log, **options):
    process = processes.Process(
        target=interrupted_run.run, args=(directory, log), kwargs=options
    )
    process.start()
    return process


def _finish(process):
    process.join()
    assert process.exitcode == 0


def _weights(directory):
    with np.load(f"{directory}.npz") as file:
        return {name: file[name] for name in file.files}


def _check_same(directory, expected):
    found = _weights(directory)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def _begun(log):
    """Returns the epochs that have begun, in order: of which stage, and which."""
    if not log.exists():
        return []
    lines = log.read_text().splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def _without_repeats(begun):
    """Returns the epochs without those that were in flight and began once more."""
    return [epoch for epoch, _ in itertools.groupby(begun)]


def _all_epochs(stages):
    epochs = itertools.islice(EPOCHS.values(), stages)
    return [(count, epoch) for count in epochs for epoch in range(count)]


@pytest.mark.slow
def test_killed_stage_goes_on_after_its_last_epoch(processes, tmp_path):
    whole = _start(processes, tmp_path / "whole", tmp_path / "whole.log", stages=1)
    _finish(whole)
    log = tmp_path / "log"
    killed = _start(processes, tmp_path / "run", log, stages=1, kill_in=(3, 2))
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert _begun(log) == [(3, 0), (3, 1), (3, 2)]
    _finish(_start(processes, tmp_path / "run", log, stages=1))
    assert _begun(log) == [(3, 0), (3, 1), (3, 2), (3, 2)]
    _check_same(tmp_path / "run", _weights(tmp_path / "whole"))
    assert list((tmp_path / "run" / ".work").iterdir()) == []


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(processes, tmp_path):
    started = time.monotonic()
    _finish(_start(processes, tmp_path / "whole", tmp_path / "whole.log"))
    longest = (time.monotonic() - started) / 4
    expected = _weights(tmp_path / "whole")
    draw = random.Random(0)
    kills, number = 0, 0
    while kills < KILLS:
        directory, log = tmp_path / f"run{number}", tmp_path / f"log{number}"
        before = kills
        while True:
            process = _start(processes, directory, log)
            process.join(draw.uniform(0, longest) if kills < KILLS else None)
            if process.exitcode is not None:
                break
            process.kill()
            process.join()
            kills += 1
        assert process.exitcode == 0
        _check_same(directory, expected)
        begun = _begun(log)
        assert _without_repeats(begun) == _all_epochs(4)
        assert len(begun) - len(_all_epochs(4)) <= kills - before
        number += 1
