"""The stage that sets weights to zero."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from tfcompress.pipeline.fields import Range, Share
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training

Sparsity = Annotated[float, Range(0, 1, high_open=True)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PruneWeights(FittingStage):
    """Sets the smallest weights to zero while it trains, with `MagnitudePruning`.

    Attributes:
        sparsity: Share of zero weights in the end. Defaults to 0.8.
        scope: `"local"`: each layer has that share; `"global"`: all layers together.
        structure: None for single weights, or `"2:4"`: two of four.
        layers: Sparsity of layers by name or pattern; null leaves a layer out.
        ignored: Names or patterns of layers to leave out.
        training: How it trains; None prunes at once.

    Example:
    ```python
    stage = tfc.pipeline.PruneWeights(
        sparsity=0.9, training=tfc.pipeline.Training(epochs=10)
    )
    ```
    """

    kind: ClassVar[str] = "prune_weights"
    sparsity: Sparsity = 0.8
    scope: Literal["local", "global"] = "local"
    structure: str | None = None
    layers: Mapping[str, Share | None] | None = None
    ignored: tuple[str, ...] = ()
    training: Training | None = Training()
