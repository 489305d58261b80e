"""What channels are worth: the lowest go first.

`L1`, `L2`, `PathNorm`, `FPGM` and `BatchNormScale` look at weights, `Taylor` and
`ActivationStatistics` at data, `Random` at nothing. An own one is a subclass of
`Importance`.
"""

from tfcompress.pruning.importance.activation_statistics import ActivationStatistics
from tfcompress.pruning.importance.batch_norm_scale import BatchNormScale
from tfcompress.pruning.importance.chance import Random
from tfcompress.pruning.importance.finding import deserialize, find, serialize
from tfcompress.pruning.importance.geometric_median import FPGM
from tfcompress.pruning.importance.importance import Importance
from tfcompress.pruning.importance.magnitude import L1, L2
from tfcompress.pruning.importance.path_norm import PathNorm
from tfcompress.pruning.importance.taylor import Taylor

__all__ = [
    "FPGM",
    "L1",
    "L2",
    "ActivationStatistics",
    "BatchNormScale",
    "Importance",
    "PathNorm",
    "Random",
    "Taylor",
    "deserialize",
    "find",
    "serialize",
]
