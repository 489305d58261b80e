"""Progress of a run: a line for each stage, on standard error."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import rich.progress
from absl import logging
from rich.console import Console
from rich.text import Text

SECONDS_BETWEEN_LINES = 5.0
# `absl.logging.info` would give the root logger a handler, and each warning of
# TensorFlow would appear twice.
_LOG = logging.get_absl_logger()
_MOST_FIGURES = 2


class Progress:
    """Shows how far each stage of a run is.

    On a terminal that can move its cursor a stage is a line with a bar, its epochs, the
    figures of the last one and the time left. Elsewhere there are plain lines: one when
    a stage is done, and while it trains one every few seconds at the most. What is
    shown is logged by absl too, at the level `info`.

    Args:
        quiet: Whether nothing is shown. Defaults to False.
        console: Where to write. Defaults to standard error.

    Example:
    ```python
    progress = Progress()
    with progress.shown():
        model.fit(x, y, epochs=20, callbacks=progress.start("teacher", 20))
        progress.finish()
    ```
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None):
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._bars = rich.progress.Progress(
            rich.progress.TextColumn("{task.description:<24}", markup=False),
            rich.progress.BarColumn(bar_width=20),
            rich.progress.TextColumn("{task.fields[epochs]:>9}", markup=False),
            rich.progress.TimeElapsedColumn(),
            _TimeLeft(),
            rich.progress.TextColumn("{task.fields[figures]}", markup=False),
            console=self._console,
        )
        self._stage: _Stage | None = None

    @contextlib.contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Shows progress while the block runs."""
        if not self._on_terminal:
            yield self
            return
        with self._bars:
            yield self

    def start(self, name: str, epochs: int = 0) -> list[Any]:
        """Starts a stage, and ends the one before.

        Args:
            name: What the stage is called.
            epochs: Epochs that it trains for, 0 where it does not train.

        Returns:
            The Keras callbacks that move its line; none where it does not train.
        """
        self.finish()
        self._stage = stage = _Stage(name, epochs)
        _LOG.info("%s: started", name)
        if self._on_terminal:
            stage.bar = self._add_bar(name, total=epochs or None)
        if not epochs:
            return []
        return [
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: stage.begin(epoch),
                on_epoch_end=lambda epoch, logs: self._advance(stage, epoch, logs),
            )
        ]

    def finish(self) -> None:
        """Shows that the stage at work is done."""
        stage, self._stage = self._stage, None
        if stage is None:
            return
        if stage.bar is not None:
            total = stage.epochs or 1
            self._bars.update(stage.bar, total=total, completed=total, ends=None)
        self._tell(f"{stage.name}: done in {time.monotonic() - stage.started:.0f} s")

    def note(self, line: str) -> None:
        """Shows a line that is about no stage."""
        _LOG.info("%s", line)
        if not self._quiet:
            self._print(line)

    def reuse(self, name: str) -> None:
        """Shows that an earlier run had done a stage."""
        self.finish()
        if self._on_terminal:
            bar = self._add_bar(name, total=1, figures="done before")
            self._bars.update(bar, completed=1)
            self._bars.stop_task(bar)
        self._tell(f"{name}: done before")

    @property
    def _on_terminal(self) -> bool:
        return self._has_bars and not self._quiet

    @property
    def _has_bars(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def _add_bar(self, name: str, *, total: int | None, figures: str = "") -> Any:
        return self._bars.add_task(
            name, total=total, epochs="", figures=figures, ends=None
        )

    def _advance(self, stage: "_Stage", epoch: int, logs: Mapping[str, Any]) -> None:
        done, now = epoch + 1, time.monotonic()
        left = stage.seconds_left(done, now)
        figures = describe_figures(logs or {})
        if stage.bar is not None:
            self._bars.update(
                stage.bar,
                completed=done,
                epochs=f"{done}/{stage.epochs}",
                figures=figures,
                ends=now + left,
            )
        elif now - stage.told >= SECONDS_BETWEEN_LINES and done < stage.epochs:
            stage.told = now
            words = [f"epoch {done} of {stage.epochs}", figures, f"{left:.0f} s left"]
            self._tell(f"{stage.name}: {', '.join(filter(None, words))}")

    def _tell(self, line: str) -> None:
        _LOG.info("%s", line)
        if not self._quiet and not self._has_bars:
            self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)


def describe_figures(logs: Mapping[str, Any]) -> str:
    """Says how well a model does after an epoch.

    Args:
        logs: What Keras reports, by name.

    Returns:
        Two figures on the validation data at the most, or the loss where there is none;
        such as `"val_accuracy 98.61 %"`.
    """
    held_out = {k: v for k, v in logs.items() if k.startswith("val_")}
    metrics = {k: v for k, v in held_out.items() if not k.endswith("loss")}
    losses = {k: v for k, v in (held_out or logs).items() if k.endswith("loss")}
    chosen = list((metrics or losses).items())[:_MOST_FIGURES]
    return ", ".join(f"{name} {_number(name, value)}" for name, value in chosen)


def _number(name: str, value: Any) -> str:
    if name.endswith("accuracy"):
        return f"{100 * float(value):.2f} %"
    return f"{float(value):.4g}"


class _Stage:
    """A stage at work."""

    def __init__(self, name: str, epochs: int):
        self.name = name
        self.epochs = epochs
        self.bar: Any = None
        self.started = self.told = self._began = self._built = time.monotonic()
        self._first: int | None = None

    def begin(self, epoch: int) -> None:
        """Notes the first epoch, which is a later one where a training goes on."""
        if self._first is None:
            self._first, self._began = epoch, time.monotonic()

    def seconds_left(self, done: int, now: float) -> float:
        """Returns how long the epochs to come will take, by those of this process.

        The first one counts only while there is no other, for it builds the graph.
        """
        first = self._first or 0
        if done == first + 1:
            self._built = now
            each = now - self._began
        else:
            each = (now - self._built) / (done - first - 1)
        return each * (self.epochs - done)


class _TimeLeft(rich.progress.ProgressColumn):
    """The time until a stage will be done, where that is known."""

    def render(self, task: rich.progress.Task) -> Text:
        """Returns minutes and seconds, or nothing."""
        ends = task.fields["ends"]
        if ends is None:
            return Text("")
        minutes, seconds = divmod(round(max(0.0, ends - time.monotonic())), 60)
        return Text(f"{minutes}:{seconds:02d} left", style="progress.remaining")
