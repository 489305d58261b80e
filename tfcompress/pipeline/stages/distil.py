"""The stage that trains a student from a teacher."""

import dataclasses
from typing import ClassVar

from tfcompress.pipeline.fields import ModelSource
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.teaching import Distillation
from tfcompress.pipeline.training import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distil(FittingStage):
    """Trains a student from a teacher; the student is the model from here on.

    Attributes:
        student: A model, a `.keras` file, or `"module:function"` that returns a model.
            Defaults to the model as it is, such as one that was made narrower before.
        training: How it trains.
        distillation: From whom it learns, and what.

    Example:
    ```python
    stage = tfc.pipeline.Distil(
        student=student, training=tfc.pipeline.Training(epochs=20)
    )
    ```
    """

    kind: ClassVar[str] = "distil"
    student: ModelSource | None = None
    training: Training = Training()
    distillation: Distillation = Distillation()
