"""Progress of the steps of a run, a line for each."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_BETWEEN_LINES = 5.0


class StepProgress:
    """Shows how far each step is: bars on a terminal, plain lines elsewhere.

    Args:
        console: Where to write.
    """

    def __init__(self, console: Console):
        self.console = console
        self.finished: list[str] = []
        self._current: str | None = None
        self._epochs = 0
        self._started = self._shown = 0.0
        self._bars = Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:>3.0f}/{task.total:.0f} epochs"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
        )
        self._task: TaskID | None = None

    @contextlib.contextmanager
    def shown(self) -> Iterator["StepProgress"]:
        """Shows progress for the block."""
        if not self.console.is_terminal:
            yield self
            return
        with self._bars:
            yield self

    def start(self, name: str, epochs: int) -> list[Any]:
        """Ends the step before and starts the next.

        Args:
            name: What the step is called.
            epochs: Epochs it trains for, 0 where it does not train.

        Returns:
            The Keras callbacks that move the bar.
        """
        self.finish()
        self._current, self._epochs = name, epochs
        self._started = self._shown = time.monotonic()
        if self.console.is_terminal:
            self._task = self._bars.add_task(name, total=max(epochs, 1), figures="")
        return [EpochProgress(self)] if epochs else []

    def advance(self, epoch: int, figures: str) -> None:
        """Shows that an epoch is done, and its figures."""
        if self._task is not None:
            self._bars.update(self._task, completed=epoch, figures=figures)
        elif time.monotonic() - self._shown > SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            self._print(f"{self._current}: {epoch}/{self._epochs} epochs {figures}")

    def finish(self) -> None:
        """Shows that the step is done."""
        if self._current is None:
            return
        self.finished.append(self._current)
        if self._task is not None:
            total = self._bars.tasks[self._task].total
            self._bars.update(self._task, completed=total)
            self._task = None
        else:
            seconds = time.monotonic() - self._started
            self._print(f"{self._current}: done in {seconds:.0f} s")
        self._current = None

    def _print(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)


class EpochProgress(keras.callbacks.Callback):
    """Tells a `StepProgress` of each epoch."""

    def __init__(self, progress: StepProgress):
        super().__init__()
        self._step_progress = progress

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Shows the epoch and its accuracy on the validation data."""
        accuracy = (logs or {}).get("val_accuracy")
        figures = "" if accuracy is None else f"validation {float(accuracy):.2%}"
        self._step_progress.advance(epoch + 1, figures)
