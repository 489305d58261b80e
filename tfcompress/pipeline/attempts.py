"""Tries pipelines in turn, until the file of one meets every demand."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcompress.errors import (
    ArgumentError,
    ExportError,
    ModelError,
    TFCompressError,
)
from tfcompress.export import Artifact
from tfcompress.measurement import Latency, latency, predict_each
from tfcompress.pipeline.compression_result import Attempt, describe_smallest
from tfcompress.pipeline.ladder import is_trained, without_training
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.progress import Progress
from tfcompress.pipeline.quality_loss import loses_much
from tfcompress.pipeline.stages import Export
from tfcompress.search.file_meter import FileMeter

_METRICS = {"classes": "accuracy", "multi_label": "macro_f1", "values": "r2"}
_LIMITS = {"max_bytes": "bytes", "max_latency_ms": "latency_ms", "max_drop": "drop"}
_IMPOSSIBLE = (ModelError, ExportError)
_LEAST_ERROR = 1e-12
_SECONDS = 0.5


class Attempts:
    """Tries pipelines in turn, until the file of one meets every demand.

    Each runs in a folder of its own, so that what is done is not done again.

    Args:
        model: The original.
        train: Inputs and labels to train on.
        validation: Inputs and labels to measure files on.
        demands: As in `Compression`.
        metric: Name of the metric, or None for that of the task.
        directory: The folder of the run.
        verbose: As in `Pipeline.run`.

    Attributes:
        all: What was tried, in order.
        metric: Name of the metric, as in `Compression`.
        original: Figures of the original's float file, as in `Compression`.
    """

    def __init__(
        self,
        model: Any,
        train: Any,
        validation: Any,
        *,
        demands: Mapping[str, float],
        metric: str | None,
        directory: Path,
        verbose: int,
    ) -> None:
        self._model = model
        self._data = (train, validation)
        self._demands = dict(demands)
        self._directory = directory
        self._verbose = verbose
        self._untrained: list[tuple[tuple[Any, ...], Artifact]] = []
        self.all: tuple[Attempt, ...] = ()
        export = Pipeline([Export(target="cpu_float32")], name="original")
        self._float = self._run(export, directory / "00-original", 0)
        metric = metric or _usual_metric(self._float, validation)
        self._meter = FileMeter(self._float, validation, metric)
        self.metric = self._meter.name
        self.original = {
            "quality": self._meter.baseline,
            "bytes": self._float.bytes,
            "latency_ms": _time(self._float).median_ms,
        }

    @property
    def best(self) -> Attempt:
        """The attempt that meets every demand, or else comes nearest.

        Bytes and milliseconds come first, for a device has no more of them; of files
        that are alike there, the one that loses least.

        Raises:
            ExportError: If there is no file.
        """
        files = [attempt for attempt in self.all if attempt.artifact is not None]
        if not files:
            reasons = "; ".join(f"{each.name}: {each.reason}" for each in self.all)
            raise ExportError(
                f"No way gives a file for the target; choose another. {reasons}"
            )

        def distance(attempt: Attempt) -> tuple[bool, float, float]:
            return not attempt.met, self._excess(attempt), attempt.drop or 0.0

        return min(files, key=distance)

    def climb(self, ladder: Sequence[Pipeline]) -> None:
        """Tries pipelines in their order, up to the first that meets every demand.

        Without demands, up to the first that does not lose much. Where none is small
        and fast enough, the nearest is trained in the end.

        Args:
            ladder: The pipelines, each ending in an export.
        """
        for number, pipeline in enumerate(ladder, 1):
            attempt = self._try(number, pipeline)
            self.all = (*self.all, attempt)
            if attempt.met and not self._loses_unasked(attempt):
                return
        measured = [each for each in self.all if each.bytes is not None]
        nearest = min(measured, key=self._excess, default=None)
        reason = describe_smallest(self.all, self._demands.get("max_bytes"))
        if reason is not None:
            Progress(quiet=self._verbose == 0).note(reason)
        if nearest is not None and nearest.artifact is None:
            number = self.all.index(nearest)
            trained = self._train(number + 1, nearest.pipeline)
            self.all = (*self.all[:number], trained, *self.all[number + 1 :])

    def _try(self, number: int, pipeline: Pipeline) -> Attempt:
        """Trains and measures a pipeline, unless its file is too large or too slow."""
        limits = {"max_bytes", "max_latency_ms"} & set(self._demands)
        if not limits or not is_trained(pipeline):
            return self._train(number, pipeline)
        try:
            artifact = self._export_untrained(number, pipeline)
        except _IMPOSSIBLE as error:
            return Attempt(pipeline.name, pipeline, reason=_on_one_line(error))
        time = _time(artifact)
        untrained = Attempt(
            pipeline.name, pipeline, bytes=artifact.bytes, latency_ms=time.lowest_ms
        )
        shortfall = self._shortfall(untrained)
        if not shortfall:
            return self._train(number, pipeline)
        words = {"max_bytes": "too large", "max_latency_ms": "too slow"}
        reason = f"not trained, for it is {' and '.join(words[n] for n in shortfall)}."
        return dataclasses.replace(untrained, shortfall=shortfall, reason=reason)

    def _train(self, number: int, pipeline: Pipeline) -> Attempt:
        """Runs a pipeline and measures its file."""
        folder = self._directory / f"{number:02d}-{pipeline.name}"
        try:
            artifact = self._run(pipeline, folder, self._verbose)
        except _IMPOSSIBLE as error:
            return Attempt(pipeline.name, pipeline, reason=_on_one_line(error))
        quality, _ = self._meter.measure(artifact)
        attempt = Attempt(
            pipeline.name,
            pipeline,
            artifact=artifact,
            bytes=artifact.bytes,
            latency_ms=_time(artifact).median_ms,
            quality=quality,
            drop=self._drop(quality),
        )
        return dataclasses.replace(attempt, shortfall=self._shortfall(attempt))

    def _export_untrained(self, number: int, pipeline: Pipeline) -> Artifact:
        """Returns the file of a pipeline without its training."""
        quick = without_training(pipeline)
        for stages, artifact in self._untrained:
            if stages == quick.stages:
                return artifact
        name = f"{number:02d}-{pipeline.name}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Nobody gets this file.
            artifact = self._run(quick, self._directory / "untrained" / name, 0)
        self._untrained.append((quick.stages, artifact))
        return artifact

    def _run(self, pipeline: Pipeline, folder: Path, verbose: int) -> Artifact:
        train, validation = self._data
        result = pipeline.run(
            self._model, train, validation, directory=folder, verbose=verbose
        )
        assert result.artifact is not None  # Each pipeline here ends in an export.
        return result.artifact

    def _drop(self, quality: float) -> float:
        """Returns by how much a file is worse; of errors, by what share."""
        drop = self._meter.baseline - quality
        if not self.metric.startswith("negative_"):
            return drop
        return drop / max(abs(self._meter.baseline), _LEAST_ERROR)

    def _loses_unasked(self, attempt: Attempt) -> bool:
        """Returns whether a file loses much where nobody said what it may lose."""
        found = attempt.quality
        if self._demands or found is None:
            return False
        return loses_much(self.metric, self._meter.baseline, found)

    def _shortfall(self, attempt: Attempt) -> dict[str, float]:
        """Returns by how much each demand is missed, as far as it is measured."""
        excess = {}
        for name, limit in self._demands.items():
            figure = getattr(attempt, _LIMITS[name])
            if figure is not None and figure > limit:
                excess[name] = figure - limit
        return excess

    def _excess(self, attempt: Attempt) -> float:
        """Returns what share of its limits a file has too many bytes and time."""
        return sum(
            attempt.shortfall.get(name, 0.0) / self._demands[name]
            for name in ("max_bytes", "max_latency_ms")
            if name in self._demands
        )


def _time(file: Artifact) -> Latency:
    return latency({"file": file}, seconds=_SECONDS)["file"]


def _usual_metric(file: Artifact, validation: Any) -> str:
    """Returns the metric of the task."""
    (said,) = predict_each([file], validation)
    if isinstance(said, Mapping):
        outputs = list(said)
        raise ArgumentError(
            "A model of several outputs needs a metric of one of them, such as "
            f"metric='{outputs[0]}/accuracy'. Received: outputs {outputs}"
        )
    return _METRICS[said.kind or "values"]


def _on_one_line(error: TFCompressError) -> str:
    """Returns what an error says, on one line."""
    return " ".join(str(error).split())
