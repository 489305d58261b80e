"""The stage that trains with the rounding of whole numbers."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from tfcompress.pipeline.fields import Range
from tfcompress.pipeline.stages.stage import FittingStage
from tfcompress.pipeline.training import Training

Bits = Annotated[int, Range(2, 8)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quantize(FittingStage):
    """Trains with the rounding of the file, with `QuantizationAwareTraining`.

    Ranges are calibrated on the training data first; zeros and clusters stay.

    Attributes:
        weight_bits: Bits of weights, from 2 to 8. Defaults to 8.
        activation_bits: 8 or 16. Defaults to 8.
        layers: Bits of weights of layers by name or pattern.
        calibration: How ranges are chosen: `"min_max"`, `"moving_average"`,
            `"percentile"`, `"mse"` or `"kl"`.
        strict: Whether a layer that must stay in float is an error.
        training: How it trains; None calibrates alone. Defaults to 3 epochs at a tenth
            of the usual rate.

    Example:
    ```python
    stage = tfc.pipeline.Quantize(distillation=tfc.pipeline.Distillation())
    ```
    """

    kind: ClassVar[str] = "quantize"
    weight_bits: Bits = 8
    activation_bits: Literal[8, 16] = 8
    layers: Mapping[str, Bits] | None = None
    calibration: Literal["min_max", "moving_average", "percentile", "mse", "kl"] = (
        "min_max"
    )
    strict: bool = False
    training: Training | None = Training(epochs=3, learning_rate=1e-4)
