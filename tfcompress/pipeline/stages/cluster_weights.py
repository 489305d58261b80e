"""The stage that has weights share a few values."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from tfcompress.pipeline.fields import Range
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training

Clusters = Annotated[int, Range(2, 256)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterWeights(FittingStage):
    """Trains kernels whose weights share a few values, with `WeightClustering`.

    Zeros stay zero, and `quantize` keeps zeros and values; no other stage that trains
    may come after, for it would give each weight a value of its own. The file gets
    smaller when it is packed, or by `tfcompress.export.compress_with_lookup_tables`.
    Where no kernel is large enough, the model stays as it is, and a warning says so.

    Attributes:
        clusters: How many values each kernel has, from 2 to 256. Defaults to 16.
        initialization: Where k-means starts: `"kmeans++"`, `"linear"` or `"density"`.
        layers: How many values the kernels of layers have, by name or pattern; null
            leaves a layer out.
        training: How it trains; None clusters alone. Defaults to 3 epochs at a tenth of
            the usual rate.

    Example:
    ```python
    stage = tfc.pipeline.ClusterWeights(
        clusters=32, distillation=tfc.pipeline.Distillation()
    )
    ```
    """

    kind: ClassVar[str] = "cluster_weights"
    clusters: Clusters = 16
    initialization: Literal["kmeans++", "linear", "density"] = "kmeans++"
    layers: Mapping[str, Clusters | None] | None = None
    training: Training | None = Training(epochs=3, learning_rate=1e-4)
