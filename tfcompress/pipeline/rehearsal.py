"""Whether a device takes the model, found out before hours of training."""

import dataclasses
import warnings
from typing import Any

from tfcompress import export
from tfcompress.export import Target
from tfcompress.files import temporary_folder
from tfcompress.pipeline.fitting import fit_stage
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.run_plan import RunPlan
from tfcompress.pipeline.shipping import FILE
from tfcompress.pipeline.stages import Export, Quantize, techniques_of


def rehearse(pipeline: Pipeline, plan: RunPlan, train: Any, trains: int) -> None:
    """Writes the files that a device may refuse, from untrained models, and drops them.

    Which operations a file has does not depend on what its weights have learned, nor on
    how many of them are pruned. So an operation that the device has not is found here,
    and not behind the training. Devices that take every operation are left out.

    Args:
        pipeline: The pipeline.
        plan: What it needs beside its stages.
        train: Inputs and labels, from which ranges are learned.
        trains: Number of the stage, from 1, that is about to train; files of exports
            before it are there.

    Raises:
        ExportError: If a device cannot run the model.

    Example:
    ```python
    from tfcompress.pipeline import FineTune, Export, Pipeline
    from tfcompress.pipeline.rehearsal import rehearse
    from tfcompress.pipeline.run_plan import plan_run

    pipeline = Pipeline([FineTune(), Export(target="gpu")])
    rehearse(pipeline, plan_run(pipeline, model, (x, y)), (x, y), 1)
    ```
    """
    subject, quantize = plan.original, None
    pairs = zip(pipeline.names, pipeline.stages, strict=True)
    for number, (name, stage) in enumerate(pairs, start=1):
        subject = plan.students.get(name, subject)
        parts = techniques_of(stage)
        quantize = next((p for p in parts if isinstance(p, Quantize)), quantize)
        if isinstance(stage, Export) and stage.scheme is None and number > trains:
            target = plan.targets[name]
            if _may_refuse(stage, target):
                _write(subject, quantize, stage, target, train)


def _may_refuse(stage: Export, target: Target) -> bool:
    """Returns whether there are operations that make an export fail."""
    chosen = target.operations is not None or not target.float_operations
    return chosen or stage.strict


def _write(
    model: Any, quantize: Quantize | None, stage: Export, target: Target, train: Any
) -> None:
    """Writes an untrained file to where nobody sees it."""
    with warnings.catch_warnings(), temporary_folder() as folder:
        warnings.simplefilter("ignore")  # What it says is said of the trained file.
        if quantize is not None:
            once = dataclasses.replace(quantize, training=None, distillation=None)
            fitted = fit_stage(
                once, model, train=train, validation=None, seed=0, backup=None
            )
            model = fitted.trained
        export.to_tflite(
            model,
            folder / FILE,
            target=target,
            representative_data=train,
            strict=stage.strict,
            verification=False,
        )
