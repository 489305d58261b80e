"""The stage that removes residual blocks."""

import dataclasses
from typing import ClassVar

from tfcompress.pipeline.fields import Positive
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class PruneLayers(FittingStage):
    """Removes whole residual blocks, with `LayerPruning`, and trains what is left.

    Where no block can go, the model stays as it is, and a warning says so.

    Attributes:
        blocks: How many blocks to remove: a share below 1, or their number.
        ignored: Names or patterns of layers whose blocks stay.
        training: How what is left trains; None leaves it as it is.

    Example:
    ```python
    stage = tfc.pipeline.PruneLayers(blocks=0.5)
    ```
    """

    kind: ClassVar[str] = "prune_layers"
    blocks: Positive = 0.5
    ignored: tuple[str, ...] = ()
    training: Training | None = Training()
