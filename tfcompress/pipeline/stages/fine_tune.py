"""The stage that trains a model as it is."""

import dataclasses
from typing import ClassVar

from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTune(FittingStage):
    """Trains the model as it is; weights that this pipeline pruned stay zero.

    Attributes:
        training: How it trains. Defaults to 5 epochs at a tenth of the usual rate.

    Example:
    ```python
    stage = tfc.pipeline.FineTune(training=tfc.pipeline.Training(epochs=3))
    ```
    """

    kind: ClassVar[str] = "fine_tune"
    training: Training = Training(epochs=5, learning_rate=1e-4)
