"""Tries pipelines in turn, until the file of one meets every demand."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcompress.errors import ExportError, ModelError, TFCompressError
from tfcompress.export import Artifact
from tfcompress.measurement import Latency, evaluate, latency, predict_each
from tfcompress.measurement.quality.metric import Metric
from tfcompress.pipeline.attempt import Attempt, describe_smallest
from tfcompress.pipeline.ladder import is_trained, takes_more, without_training
from tfcompress.pipeline.named_labels import name_labels
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.progress import Progress
from tfcompress.pipeline.quality_loss import ROUNDING, loses_much
from tfcompress.pipeline.stages import Export
from tfcompress.search.file_meter import FileMeter

_METRICS = {"classes": "accuracy", "multi_label": "macro_f1", "values": "r2"}
_LIMITS = {"max_bytes": "bytes", "max_latency_ms": "latency_ms", "max_drop": "drop"}
_IMPOSSIBLE = (ModelError, ExportError)
_LEAST_ERROR = 1e-12
_SECONDS = 0.5


class Attempts:
    """Tries pipelines in turn, until the file of one meets every demand.

    What is done stands in the folder of the run, and is not done again. Pipelines that
    begin with the same stage have a folder together, so that it trains once.

    Args:
        model: The original.
        train: Inputs and labels to train on.
        validation: Inputs and labels to measure files on.
        demands: As in `Compression`.
        metric: Name of the metric, or None for that of the task.
        directory: The folder of the run.
        strategy: As in `Pipeline.run`.
        verbose: As in `Pipeline.run`.

    Attributes:
        all: What was tried, in order.
        metric: Name of the metric.
        lower_is_better: Whether less of the metric is better.
        original: The original's float file.
    """

    def __init__(
        self,
        model: Any,
        train: Any,
        validation: Any,
        *,
        demands: Mapping[str, float],
        metric: Any,
        directory: Path,
        strategy: Any,
        verbose: int,
    ) -> None:
        self._model = model
        self._data = (train, validation)
        self._demands = dict(demands)
        self._directory = directory
        self._strategy = strategy
        self._verbose = verbose
        self._progress = Progress(quiet=verbose == 0)
        self._untrained: list[tuple[tuple[Any, ...], Artifact]] = []
        self.all: tuple[Attempt, ...] = ()
        export = Pipeline([Export(target="cpu_float32")], name="original")
        file = self._run(export, directory / export.name, 0)
        measured_on = name_labels(model, validation)
        metric = metric or _usual_metric(file, measured_on)
        self._meter = FileMeter(file, measured_on, metric)
        self.metric = self._meter.name.removeprefix("negative_")
        self.lower_is_better = self.metric != self._meter.name
        self._sign = -1.0 if self.lower_is_better else 1.0
        self.original = Attempt(
            export.name,
            export,
            artifact=file,
            bytes=file.bytes,
            latency_ms=_time(file).median_ms,
            quality=self._sign * self._meter.baseline,
            drop=0.0,
        )
        self._note(self.original)

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
        """Tries pipelines in their order, up to the first that is good enough.

        Its file meets every demand, and does not lose much where no demand says what it
        may lose. Behind one that meets all demands and loses much, what takes more from
        the network than that is left out. Where none is small and fast enough, the
        nearest is trained in the end, or the next where that gives no file.

        Args:
            ladder: The pipelines, each ending in an export.
        """
        for pipeline in ladder:
            if self._is_needless(pipeline):
                continue
            attempt = self._try(pipeline, _folder_name(pipeline, ladder))
            self.all = (*self.all, attempt)
            self._note(attempt)
            if attempt.met and not self._loses_unasked(attempt):
                return
        measured = [each for each in self.all if each.bytes is not None]
        reason = describe_smallest(self.all, self._demands.get("max_bytes"))
        if reason is not None:
            self._progress.note(reason)
        for nearest in sorted(measured, key=self._excess):
            if nearest.artifact is not None:
                return
            folder = _folder_name(nearest.pipeline, ladder)
            trained = self._train(nearest.pipeline, folder)
            self.all = tuple(trained if e is nearest else e for e in self.all)
            self._note(trained)
            if trained.artifact is not None:
                return

    def _is_needless(self, pipeline: Pipeline) -> bool:
        """Returns whether an earlier attempt did the same, or met all with less."""
        return any(
            each.pipeline.stages == pipeline.stages
            or (each.met and takes_more(pipeline, each.pipeline))
            for each in self.all
        )

    def _try(self, pipeline: Pipeline, folder: str) -> Attempt:
        """Trains and measures a pipeline, unless its file is too large or too slow."""
        limits = {"max_bytes", "max_latency_ms"} & set(self._demands)
        if not limits or not is_trained(pipeline):
            return self._train(pipeline, folder)
        try:
            artifact = self._export_untrained(pipeline, folder)
        except _IMPOSSIBLE as error:
            return Attempt(pipeline.name, pipeline, reason=_on_one_line(error))
        time = _time(artifact)
        untrained = Attempt(
            pipeline.name, pipeline, bytes=artifact.bytes, latency_ms=time.lowest_ms
        )
        shortfall = self._shortfall(untrained)
        if not shortfall:
            return self._train(pipeline, folder)
        words = {"max_bytes": "too large", "max_latency_ms": "too slow"}
        reason = f"not trained, for it is {' and '.join(words[n] for n in shortfall)}."
        return dataclasses.replace(untrained, shortfall=shortfall, reason=reason)

    def _train(self, pipeline: Pipeline, folder: str) -> Attempt:
        """Runs a pipeline and measures its file."""
        try:
            artifact = self._run(pipeline, self._directory / folder, self._verbose)
        except _IMPOSSIBLE as error:
            return Attempt(pipeline.name, pipeline, reason=_on_one_line(error))
        quality, agreement = self._meter.measure(artifact)
        attempt = Attempt(
            pipeline.name,
            pipeline,
            artifact=artifact,
            bytes=artifact.bytes,
            latency_ms=_time(artifact).median_ms,
            quality=self._sign * quality,
            drop=self._drop(quality),
            agreement=agreement,
        )
        return dataclasses.replace(attempt, shortfall=self._shortfall(attempt))

    def _export_untrained(self, pipeline: Pipeline, folder: str) -> Artifact:
        """Returns the file of a pipeline without its training."""
        quick = without_training(pipeline)
        for stages, artifact in self._untrained:
            if stages == quick.stages:
                return artifact
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Nobody gets this file.
            artifact = self._run(quick, self._directory / "untrained" / folder, 0)
        self._untrained.append((quick.stages, artifact))
        return artifact

    def _run(self, pipeline: Pipeline, folder: Path, verbose: int) -> Artifact:
        train, validation = self._data
        result = pipeline.run(
            self._model,
            train,
            validation,
            directory=folder,
            strategy=self._strategy,
            verbose=verbose,
        )
        assert result.artifact is not None  # Each pipeline here ends in an export.
        return result.artifact

    def _drop(self, quality: float) -> float:
        """Returns by how much a file is worse; of errors, by what share."""
        drop = self._meter.baseline - quality
        if not self.lower_is_better:
            return drop
        return drop / max(abs(self._meter.baseline), _LEAST_ERROR)

    def _loses_unasked(self, attempt: Attempt) -> bool:
        """Returns whether a file loses much where nobody said what it may lose."""
        if "max_drop" in self._demands or attempt.quality is None:
            return False
        return loses_much(self.metric, self._meter.baseline, attempt.quality)

    def _note(self, attempt: Attempt) -> None:
        """Shows what a file is worth, or why there is none."""
        self._progress.note(attempt.describe(self.metric))

    def _shortfall(self, attempt: Attempt) -> dict[str, float]:
        """Returns by how much each demand is missed, as far as it is measured."""
        excess = {}
        for name, limit in self._demands.items():
            figure = getattr(attempt, _LIMITS[name])
            if figure is not None and figure > limit + ROUNDING:
                excess[name] = figure - limit
        return excess

    def _excess(self, attempt: Attempt) -> float:
        """Returns what share of its limits a file has too many bytes and time."""
        return sum(
            attempt.shortfall.get(name, 0.0) / self._demands[name]
            for name in ("max_bytes", "max_latency_ms")
            if name in self._demands
        )


def _folder_name(pipeline: Pipeline, ladder: Sequence[Pipeline]) -> str:
    """Returns the name of the first pipeline that begins with the same stage."""
    return next(each.name for each in ladder if each.stages[0] == pipeline.stages[0])


def _time(file: Artifact) -> Latency:
    return latency({"file": file}, seconds=_SECONDS)["file"]


def _usual_metric(file: Artifact, validation: Any) -> str | Metric:
    """Returns the metric of the task; of several outputs the mean of theirs."""
    (said,) = predict_each([file], validation)
    if not isinstance(said, Mapping):
        return _METRICS[said.kind or "values"]
    asked = {name: _METRICS[each.kind or "values"] for name, each in said.items()}

    def mean(other: Any, data: Any) -> float:
        quality = evaluate(other, data, asked)
        return sum(quality[f"{o}/{m}"] for o, m in asked.items()) / len(asked)

    mean.__qualname__ = f"mean of {', '.join('/'.join(e) for e in asked.items())}"
    return mean


def _on_one_line(error: TFCompressError) -> str:
    """Returns what an error says, on one line."""
    return " ".join(str(error).split())
