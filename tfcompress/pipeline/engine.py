"""Runs the stages of a pipeline, each once."""

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from tfcompress import keras_compat
from tfcompress.export import Artifact
from tfcompress.files import temporary_folder
from tfcompress.measurement.speed.versions import versions
from tfcompress.pipeline.data_checks import check_stages_data
from tfcompress.pipeline.data_fingerprint import fingerprint_data
from tfcompress.pipeline.fitting import Fitted, fit_stage
from tfcompress.pipeline.kept_model import KeptModel
from tfcompress.pipeline.model_files import MODEL, TRAINED, ModelFiles
from tfcompress.pipeline.model_fingerprint import fingerprint_loss, fingerprint_model
from tfcompress.pipeline.ordered_labels import order_labels
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.progress import Progress
from tfcompress.pipeline.rehearsal import rehearse
from tfcompress.pipeline.result import PipelineResult, StageResult
from tfcompress.pipeline.run_arguments import check_run_arguments
from tfcompress.pipeline.run_folder import RunFolder, telling
from tfcompress.pipeline.run_plan import RunPlan, plan_run
from tfcompress.pipeline.shipping import (
    FILE,
    describe_artifact,
    evaluate_files,
    export_model,
    read_comparison,
)
from tfcompress.pipeline.stage_key import stage_config, stage_key, stage_seed
from tfcompress.pipeline.stage_names import ORIGINAL
from tfcompress.pipeline.stage_record import (
    StageRecord,
    read_record,
    read_shared_record,
)
from tfcompress.pipeline.stages import (
    Evaluate,
    Export,
    FittingStage,
    PruneWeights,
    Stage,
    techniques_of,
)
from tfcompress.pipeline.what_changed import what_changed
from tfcompress.pipeline.workers import Workers
from tfcompress.report import Comparison

_PACKAGES = ("tfcompress", "tensorflow", "keras", "tf-keras", "ai-edge-litert")


def run_pipeline(
    pipeline: Pipeline,
    model: Any,
    train: Any,
    validation: Any,
    *,
    test: Any,
    directory: str | os.PathLike[str],
    strategy: Any,
    callbacks: Sequence[Any],
    verbose: int,
) -> PipelineResult:
    """Does every stage that the directory does not hold.

    Args:
        pipeline: The stages.
        model: As `Pipeline.run` takes it, like all that follows.
        train: Inputs and labels, or None.
        validation: The same, for the figures after each epoch.
        test: The same, for `evaluate`, or None for `validation`.
        directory: Folder of the run.
        strategy: A `tf.distribute.Strategy`, or None.
        callbacks: Keras callbacks of every training.
        verbose: 1 for a line a stage, 0 for silence.

    Returns:
        The `PipelineResult`.

    Raises:
        TFCompressError: If the model, the data or the directory cannot be used.

    Example:
    ```python
    from tfcompress.pipeline import Export, Pipeline
    from tfcompress.pipeline.engine import run_pipeline

    pipeline = Pipeline([Export(target="cpu_float32")])
    options = {"directory": "run", "strategy": None, "callbacks": (), "verbose": 0}
    run_pipeline(pipeline, model, (x, y), (x, y), test=None, **options)
    ```
    """
    test = validation if test is None else test
    check_run_arguments(directory, strategy, verbose)
    workers = Workers(strategy)
    folder = RunFolder(directory)
    with contextlib.ExitStack() as stack:
        if workers.is_chief:
            with workers.leading():
                stack.enter_context(folder)
        keras_compat.check_model(model)
        check_stages_data(pipeline.stages, model, train, validation, test)
        plan = plan_run(pipeline, model, train)
        train, validation = (order_labels(model, part) for part in (train, validation))
        data = {"train": train, "validation": validation, "test": test}
        progress = Progress(quiet=verbose == 0 or not workers.is_chief)
        run = _Run(pipeline, plan, folder, data, strategy, callbacks, progress)
        if workers.is_chief:
            with workers.leading():
                folder.create()
        with progress.shown():
            for number, name in enumerate(pipeline.names, start=1):
                run.do(number, name, pipeline.stages[number - 1])
            progress.finish()
        if workers.is_chief:
            folder.tidy()
        return run.result()


class _Run:
    """A run at work: which models and files there are by now."""

    def __init__(
        self,
        pipeline: Pipeline,
        plan: RunPlan,
        folder: RunFolder,
        data: dict[str, Any],
        strategy: Any,
        callbacks: Sequence[Any],
        progress: Progress,
    ) -> None:
        self._pipeline = pipeline
        self._plan = plan
        self._folder = folder
        self._data = data
        self._fingerprints: dict[str, str] = {}
        self._rehearsed = False
        self._strategy = strategy
        self._workers = Workers(strategy)
        self._callbacks = callbacks
        self._progress = progress
        self._files = ModelFiles(plan.models)
        self._students = {n: KeptModel.given(each) for n, each in plan.students.items()}
        self._teachers = {
            name: [
                each if isinstance(each, str) else KeptModel.given(each)
                for each in several
            ]
            for name, several in plan.teachers.items()
        }
        self._models = {ORIGINAL: KeptModel.given(plan.original)}
        self._last = self._models[ORIGINAL]
        self._artifacts: dict[str, Artifact] = {}
        self._comparison: Comparison | None = None
        self._results: dict[str, StageResult] = {}

    def do(self, number: int, name: str, stage: Stage) -> None:
        """Does a stage, or takes what an earlier run did."""
        inputs = self._inputs(name, stage)
        config = {**stage_config(stage), "name": name}
        key = stage_key(stage.kind, config, inputs)
        place = self._folder.place(number, name)
        record = self._find(number, stage, key)
        reused = record is not None
        if record is not None:
            self._progress.reuse(name)
        elif self._workers.is_chief:
            new = StageRecord(key, name, stage.kind, config, inputs)
            self._note_change(new, place)
            record = self._make(number, name, stage, new)
            self._workers.agree(True)
        else:
            record = self._help(name, stage, key, place)
        self._take(name, stage, record, place)
        if isinstance(stage, Evaluate) and (reused or not self._workers.is_chief):
            self._comparison = read_comparison(place)
        self._results[name] = StageResult(
            name=name,
            kind=stage.kind,
            path=place,
            seconds=record.seconds,
            reused=reused,
            history=self._history(stage, record),
            account=record.account,
        )

    def result(self) -> PipelineResult:
        """Returns what the run left."""
        return PipelineResult(
            stages=self._results,
            directory=self._folder.path,
            model=self._last.read(),
            artifacts=self._artifacts,
            comparison=self._comparison,
        )

    def _note_change(self, new: StageRecord, place: Path) -> None:
        """Says why a stage that was done is done again."""
        done = read_record(place)
        changed = [] if done is None else what_changed(done, new)
        if changed:
            since = ", ".join(changed)
            self._progress.note(f"{new.name}: done again; changed since: {since}")

    def _history(self, stage: Stage, record: StageRecord) -> dict[str, list[float]]:
        """Returns the figures of a stage, without those of other validation data."""
        history = {name: list(values) for name, values in record.history.items()}
        if _trains(stage) and record.validation != self._fingerprint("validation"):
            return {k: v for k, v in history.items() if not k.startswith("val_")}
        return history

    def _find(self, number: int, stage: Stage, key: str) -> StageRecord | None:
        """Returns the record of a stage that the chief has found done, or None."""
        name = self._pipeline.names[number - 1]
        if self._workers.is_chief:
            with self._workers.leading():
                record = self._folder.find(number, name, key)
                if record is None and _trains(stage) and not self._rehearsed:
                    rehearse(self._pipeline, self._plan, self._data["train"], number)
                    self._rehearsed = True
            self._workers.agree(record is not None)
            return record
        if not self._workers.agree(False):
            return None
        return read_shared_record(self._folder.place(number, name))

    def _help(self, name: str, stage: Stage, key: str, place: Path) -> StageRecord:
        """Takes part in the training of a stage, and waits until the chief has it."""
        if _trains(stage):
            with temporary_folder() as folder:
                backup = folder / f"{key}.npz"
                if self._folder.backup(key).exists():
                    shutil.copyfile(self._folder.backup(key), backup)
                fitted = self._train(name, stage, backup)
                # What workers hold together, such as ranges, they also read together.
                self._files.write(folder, fitted.model, fitted.trained)
                fingerprint_model(fitted.model, fitted.trained)
        self._workers.agree(False)
        return read_shared_record(place)

    def _make(
        self, number: int, name: str, stage: Stage, record: StageRecord
    ) -> StageRecord:
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            if not _trains(stage):
                stack.enter_context(self._workers.leading())
            path, land = stack.enter_context(
                self._folder.making(number, name, record.key)
            )
            if isinstance(stage, FittingStage):
                fitted = self._train(name, stage, self._folder.backup(record.key))
            if _trains(stage):  # The others wait from here on.
                stack.enter_context(self._workers.leading())
            if isinstance(stage, FittingStage):
                left = self._keep(stage, fitted, path)
            elif isinstance(stage, Export):
                left = self._export(name, stage, path, self._folder.place(number, name))
            else:
                left = self._evaluate(name, stage, path)
            self._progress.finish()
            done = dataclasses.replace(
                record,
                **left,
                seconds=time.monotonic() - started,
                versions=versions(_PACKAGES),
            )
            land(done)
        return done

    def _keep(self, stage: Stage, fitted: Fitted, path: Path) -> dict[str, Any]:
        with telling(self._folder.path):
            self._files.write(path, fitted.model, fitted.trained)
        return {
            "model": fingerprint_model(fitted.model, fitted.trained),
            "history": {key: tuple(each) for key, each in fitted.history.items()},
            "account": fitted.account,
            "validation": self._fingerprint("validation") if _trains(stage) else None,
        }

    def _train(self, name: str, stage: FittingStage, backup: Path) -> Fitted:
        teachers = [teacher.read() for teacher in self._teachers_of(name)]
        epochs = 0 if stage.training is None else stage.training.epochs
        shown = self._progress.start(name, epochs)
        together = (
            self._workers.training() if _trains(stage) else contextlib.nullcontext()
        )
        with together:
            return fit_stage(
                stage,
                self._subject(name).read(),
                teacher=teachers if len(teachers) > 1 else next(iter(teachers), None),
                train=self._data["train"],
                validation=self._data["validation"],
                seed=stage_seed(self._pipeline.seed, name),
                backup=backup,
                keep_zeros=self._subject(name).pruned,
                callbacks=[*self._callbacks, *shown],
                strategy=self._strategy,
            )

    def _export(
        self, name: str, stage: Export, path: Path, place: Path
    ) -> dict[str, Any]:
        self._progress.start(name, 0)
        trained = stage.scheme is None
        model = self._last.read_trained() if trained else self._last.read()
        artifact = export_model(
            stage, self._plan.targets[name], model, path, place, self._data["train"]
        )
        return {"account": describe_artifact(artifact)}

    def _evaluate(self, name: str, stage: Any, path: Path) -> dict[str, Any]:
        self._progress.start(name, 0)
        comparison = evaluate_files(
            stage,
            {ORIGINAL: self._plan.original, **self._artifacts},
            self._data["test"],
            path,
            title=self._pipeline.name,
        )
        self._comparison = comparison
        return {"account": comparison.describe()}

    def _take(self, name: str, stage: Stage, record: StageRecord, path: Path) -> None:
        """Notes what a finished stage left, for the stages to come."""
        if isinstance(stage, FittingStage):
            subject = self._subject(name)
            origin = subject.origin
            prunes = any(isinstance(s, PruneWeights) for s in techniques_of(stage))
            trained = path / TRAINED if (path / TRAINED).exists() else path / MODEL
            self._last = self._models[name] = KeptModel(
                fingerprint=str(record.model),
                origin=origin,
                read=lambda: self._files.read(path / MODEL, like=origin),
                read_trained=lambda: self._files.read(trained),
                pruned=subject.pruned or prunes,
            )
        elif isinstance(stage, Export):
            self._artifacts[name] = Artifact.read(path / FILE)

    def _subject(self, name: str) -> KeptModel:
        """Returns the model that a stage works on."""
        return self._students.get(name, self._last)

    def _teachers_of(self, name: str) -> list[KeptModel]:
        """Returns from whom a stage learns."""
        return [
            self._models[each] if isinstance(each, str) else each
            for each in self._teachers.get(name, [])
        ]

    def _fingerprint(self, part: str) -> str:
        """Returns the fingerprint of a part of the data."""
        if part not in self._fingerprints:
            data = self._data[part]
            told = "none" if data is None else str(fingerprint_data(data))
            self._fingerprints[part] = told
        return self._fingerprints[part]

    def _inputs(self, name: str, stage: Stage) -> dict[str, str]:
        """Returns the fingerprints of what a stage works on, by name."""
        if isinstance(stage, Evaluate):
            files = {
                f"file {other}": f"{artifact.sha256} for {artifact.target.name}"
                for other, artifact in self._artifacts.items()
            }
            model = self._models[ORIGINAL].fingerprint
            return {"model": model, "test": self._fingerprint("test"), **files}
        inputs = {
            "model": self._subject(name).fingerprint,
            "train": self._fingerprint("train"),
        }
        if isinstance(stage, Export):
            return {**inputs, "target": repr(self._plan.targets[name])}
        teachers = self._teachers_of(name)
        if teachers:
            inputs["teacher"] = " ".join(each.fingerprint for each in teachers)
        if self._subject(name).pruned:
            inputs["zeros"] = "kept"
        inputs["loss"] = fingerprint_loss(self._subject(name).origin)
        training = stage.training if isinstance(stage, FittingStage) else None
        if training is not None and training.patience is not None:
            inputs["validation"] = self._fingerprint("validation")
        return {**inputs, "seed": str(self._pipeline.seed)}


def _trains(stage: Stage) -> TypeGuard[FittingStage]:
    return isinstance(stage, FittingStage) and stage.training is not None
