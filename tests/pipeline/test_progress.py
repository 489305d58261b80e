"""A line for each stage: bars on a terminal, plain lines elsewhere, or none."""

import io
import logging
import re

import keras
import numpy as np
import pytest
from rich.console import Console

from tests.models import train
from tfcompress.pipeline import progress as progress_module
from tfcompress.pipeline.progress import Progress, describe_figures


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def make(*, terminal=False, quiet=False, kind="xterm"):
    text = io.StringIO()
    console = Console(
        file=text,
        width=120,
        force_terminal=terminal,
        color_system=None,
        get_time=lambda: progress_module.time.monotonic(),
        _environ={"TERM": kind},
    )
    return Progress(quiet=quiet, console=console), text


def run_epochs(callbacks, clock, epochs, *, seconds, first=0):
    for epoch in range(first, epochs):
        for callback in callbacks:
            callback.on_epoch_begin(epoch, {})
        clock.now += seconds
        for callback in callbacks:
            callback.on_epoch_end(epoch, {"loss": 1.5, "val_accuracy": 0.5})


def test_plain_lines_come_every_few_seconds_with_the_time_left(clock):
    progress, text = make()
    with progress.shown():
        run_epochs(progress.start("distil", 10), clock, 10, seconds=2)
        progress.finish()
    assert text.getvalue().splitlines() == [
        # 3 epochs took 6 seconds, so 7 more will take 14.
        "distil: epoch 3 of 10, val_accuracy 50.00 %, 14 s left",
        "distil: epoch 6 of 10, val_accuracy 50.00 %, 8 s left",
        "distil: epoch 9 of 10, val_accuracy 50.00 %, 2 s left",
        "distil: done in 20 s",
    ]


def test_the_time_left_counts_the_epochs_of_this_process_alone(clock):
    progress, text = make()
    callbacks = progress.start("distil", 10)
    run_epochs(callbacks, clock, 10, seconds=6, first=7)
    assert "epoch 8 of 10, val_accuracy 50.00 %, 12 s left" in text.getvalue()


def test_the_time_left_does_not_count_the_building_of_the_graph(clock):
    progress, text = make()
    callbacks = progress.start("distil", 4)
    run_epochs(callbacks, clock, 1, seconds=60)
    run_epochs(callbacks, clock, 3, seconds=5, first=1)
    assert [line.split(", ")[-1] for line in text.getvalue().splitlines()] == [
        "180 s left",  # 3 epochs of 60 seconds, for all that is known.
        "10 s left",
        "5 s left",
    ]


def test_stages_that_do_not_train_and_those_done_before(clock):
    progress, text = make()
    with progress.shown():
        progress.reuse("train_teacher")
        assert progress.start("export", 0) == []
        clock.now += 3
        progress.start("evaluate")
        clock.now += 4
        progress.finish()
        progress.finish()
    assert text.getvalue().splitlines() == [
        "train_teacher: done before",
        "export: done in 3 s",
        "evaluate: done in 4 s",
    ]


def test_a_terminal_that_cannot_move_its_cursor_has_plain_lines(clock):
    progress, text = make(terminal=True, kind="dumb")
    with progress.shown():
        progress.reuse("train_teacher")
        run_epochs(progress.start("distil", 2), clock, 2, seconds=9)
        progress.finish()
    assert text.getvalue().splitlines() == [
        "train_teacher: done before",
        "distil: epoch 1 of 2, val_accuracy 50.00 %, 9 s left",
        "distil: done in 18 s",
    ]


@pytest.mark.parametrize(
    ("terminal", "kind"), [(False, "xterm"), (True, "xterm"), (True, "dumb")]
)
def test_quiet_shows_nothing(clock, terminal, kind):
    progress, text = make(terminal=terminal, quiet=True, kind=kind)
    with progress.shown():
        progress.reuse("train_teacher")
        run_epochs(progress.start("distil", 3), clock, 3, seconds=9)
        progress.finish()
    assert text.getvalue() == ""


def test_a_terminal_has_one_line_for_each_stage(clock):
    progress, text = make(terminal=True)
    with progress.shown():
        progress.reuse("train_teacher")
        for callback in progress.start("distil [fast]", 4):
            callback.on_epoch_begin(0, {})
            clock.now += 2
            callback.on_epoch_end(0, {"val_accuracy": 0.975})
        progress._bars.refresh()
        during = last_frame(text)
        progress.finish()
        progress.start("export", 0)
        progress.finish()
    assert len(during) == 2
    assert re.search(r"^train_teacher .*done before$", during[0])
    assert re.search(
        r"^distil \[fast\] .* 1/4 0:00:02 0:06 left val_accuracy 97\.50 %$", during[1]
    )
    after = last_frame(text)
    assert [line.split()[0] for line in after] == ["train_teacher", "distil", "export"]
    assert not any("left" in line for line in after)


def last_frame(text):
    """The lines that a terminal would show now."""
    plain = re.split(r"\x1b\[2K", text.getvalue())[-1]
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", plain).splitlines()
    return [line.strip() for line in lines if line.strip()]


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (
            {"loss": 1.0, "val_loss": 2.0, "val_accuracy": 0.98613},
            "val_accuracy 98.61 %",
        ),
        ({"loss": 1.0, "val_loss": 0.123456}, "val_loss 0.1235"),
        ({"loss": 12345.6}, "loss 1.235e+04"),
        ({"val_mae": 0.5, "val_mse": 0.25, "val_r": 1}, "val_mae 0.5, val_mse 0.25"),
        ({"accuracy": 0.5}, ""),
        ({}, ""),
    ],
)
def test_figures_of_an_epoch(logs, expected):
    assert describe_figures(logs) == expected


def test_a_training_moves_the_line(clock):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    progress, text = make()
    callbacks = progress.start("teacher", 2)
    clock.now += 6
    train(model, (np.ones((4, 2)), np.zeros(4)), epochs=2, callbacks=callbacks)
    progress.finish()
    first, last = text.getvalue().splitlines()
    assert first.startswith("teacher: epoch 1 of 2, loss ")
    assert last == "teacher: done in 6 s"


def test_the_root_logger_gets_no_handler(clock, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    progress, _ = make()

    with progress.shown():
        progress.note("a line")
        progress.finish()

    assert logging.root.handlers == []
