"""What a run needs beside its stages, found and checked before anything is done."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfcompress import export, keras_compat
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.export.targets import Target
from tfcompress.measurement.quality.quality import label_kinds
from tfcompress.pipeline.model_files import ModelFiles, check_needs
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.stage_checks import check_stage
from tfcompress.pipeline.stage_names import ORIGINAL
from tfcompress.pipeline.stages import Distil, Evaluate, Export, FittingStage
from tfcompress.quantization.schemes import find_scheme
from tfcompress.sources import read_model
from tfcompress.sources.model_inputs import inputs_of


@dataclasses.dataclass
class RunPlan:
    """What a run needs beside its stages.

    Attributes:
        original: The model that the pipeline was given.
        students: The model that a stage `distil` trains, by the name of the stage,
            where it is another than the one before.
        teachers: From whom a stage learns, by its name: one or more, each the name of
            an earlier stage, `"original"`, or a model.
        targets: What a stage `export` writes for, by its name.

    Example:
    ```python
    from tfcompress.pipeline.run_plan import RunPlan

    plan = RunPlan(model, teachers={"distil": ("original",)})
    assert plan.models == [model]
    ```
    """

    original: Any
    students: dict[str, Any] = dataclasses.field(default_factory=dict)
    teachers: dict[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    targets: dict[str, Target] = dataclasses.field(default_factory=dict)

    @property
    def models(self) -> list[Any]:
        """All models that came from the user."""
        teachers = [each for several in self.teachers.values() for each in several]
        others = [*self.students.values(), *teachers]
        return [self.original, *(m for m in others if not isinstance(m, str))]


def plan_run(pipeline: Pipeline, model: Any, train: Any) -> RunPlan:
    """Finds the models, targets and metrics that stages name, and checks them.

    Args:
        pipeline: The pipeline.
        model: The model that it is given.
        train: Inputs and labels to train on.

    Returns:
        The `RunPlan`.

    Raises:
        TFCompressError: If a model cannot be used, or a stage names something that
            there is not.

    Example:
    ```python
    from tfcompress.pipeline import Export, Pipeline
    from tfcompress.pipeline.run_plan import plan_run

    plan = plan_run(Pipeline([Export(target="gpu")]), model, (x, y))
    assert plan.targets["export"].activations == "float32"
    ```
    """
    check_needs(model, pipeline.needs, pipeline.name)
    plan, subject = RunPlan(model), model
    teaching: list[str] = []
    fitting: list[str] = []
    for name, stage in zip(pipeline.names, pipeline.stages, strict=True):
        if isinstance(stage, Distil) and stage.student is not None:
            plan.students[name] = _find_model(stage.student, "student")
            _check_fits(plan.students[name], model, f"student of {name!r}")
        if isinstance(stage, FittingStage) and stage.distillation is not None:
            last = teaching[-1] if teaching else ORIGINAL
            plan.teachers[name] = tuple(
                _find_teacher(wanted, model, name, [ORIGINAL, *fitting])
                for wanted in stage.distillation.teachers or (last,)
            )
        if isinstance(stage, FittingStage):
            subject = plan.students.get(name, subject)
            check_stage(stage, subject, train)
            fitting.append(name)
            teaching += [name] if stage.kind == "train_teacher" else []
        if isinstance(stage, Export):
            plan.targets[name] = _find_target(stage)
            if train is None:
                _check_no_data(plan.targets[name])
        if isinstance(stage, Evaluate):
            label_kinds(stage.metrics)
    if fitting:
        files = ModelFiles(plan.models)
        files.check(model, "model")
        for name, student in plan.students.items():
            files.check(student, f"student of {name!r}")
    return plan


def _find_teacher(value: Any, model: Any, name: str, stages: Sequence[str]) -> Any:
    """Returns the name of an earlier stage, or a model, from which a stage learns."""
    if isinstance(value, str) and value in stages:
        return value
    teacher = _find_model(value, "teacher")
    _check_fits(teacher, model, f"teacher of {name!r}")
    return teacher


def _find_model(value: Any, role: str) -> Any:
    """Returns a model that was given as one, as a file or as a function."""
    model = read_model(value) if isinstance(value, str) else value
    keras_compat.check_model(model, role)
    return model


def _check_fits(model: Any, original: Any, name: str) -> None:
    taken, given = ([each.shape for each in inputs_of(m)] for m in (model, original))
    if len(taken) != len(given) or not all(map(_is_alike, taken, given)):
        raise ModelError(
            f"The {name} must take the inputs of the model, of shapes {given}. "
            f"Received: inputs of shapes {taken}"
        )
    shapes, expected = _output_shapes(model), _output_shapes(original)
    if shapes != expected:
        raise ModelError(
            f"The {name} must have the outputs of the model, of shapes {expected}. "
            f"Received: outputs of shapes {shapes}"
        )


def _is_alike(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    """Whether there are arrays of both shapes, in which None is open."""
    return len(one) == len(other) and all(
        a == b or None in (a, b) for a, b in zip(one, other, strict=True)
    )


def _output_shapes(model: Any) -> list[tuple[int | None, ...]]:
    return [tuple(output.shape)[1:] for output in model.outputs]


def _check_no_data(target: Target) -> None:
    if target.activations != "float32":
        raise DataError(
            f"{target.name} learns the ranges of activations from data: bring some, "
            "or choose a scheme that needs none, such as 'dynamic_range'. "
            "Received: train=None"
        )


def _find_target(stage: Export) -> Target:
    if stage.scheme is not None:
        if stage.sparse is not None:
            raise ArgumentError(
                "An export with a scheme is stored as the scheme says; leave sparse "
                f"out. Received: scheme={stage.scheme!r}, sparse={stage.sparse}"
            )
        return find_scheme(stage.scheme).target
    return export.find_target(stage.target)
