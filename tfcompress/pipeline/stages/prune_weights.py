"""The stage that sets weights to zero."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import Range, Share
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training

Sparsity = Annotated[float, Range(0, 1, high_open=True)]
_STRUCTURE = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PruneWeights(FittingStage):
    """Sets the smallest weights to zero while it trains, with `MagnitudePruning`.

    They stay zero in every later stage of the pipeline. Zeros that a model brings along
    are weights like others, which training moves; only `quantize` keeps them too.

    Attributes:
        sparsity: Share of zero weights in the end. Defaults to 0.8.
        scope: `"local"`: each layer has that share; `"global"`: all layers together.
        structure: None for single weights, or such as `"2:4"`: two of four.
        layers: Sparsity of layers by name or pattern; null leaves a layer out.
        ignored: Names or patterns of layers to leave out.
        training: How it trains; None prunes at once.

    Raises:
        ArgumentError: If the structure is not so many of more.

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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.structure is None:
            return
        match = _STRUCTURE.fullmatch(self.structure)
        if match is None or int(match[1]) >= int(match[2]):
            raise ArgumentError(
                "structure must be how many weights of how many more become zero, such "
                f"as '2:4'. Received: structure={self.structure!r}"
            )
