"""The stage that trains a teacher."""

import dataclasses
from typing import ClassVar

from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTeacher(FittingStage):
    """Trains the model on the labels; later stages learn from the result.

    Attributes:
        training: How it trains.

    Example:
    ```python
    stage = tfc.pipeline.TrainTeacher(training=tfc.pipeline.Training(epochs=30))
    ```
    """

    kind: ClassVar[str] = "train_teacher"
    training: Training = Training()
