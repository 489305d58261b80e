"""Number formats: pure functions between numbers and whole numbers of few bits.

They take tensors and arrays alike and return tensors, so they work alone and within a
training step:

- `choose_parameters` or `linear_parameters`, `logarithmic_parameters`,
  `power_of_two_parameters`: the format for a tensor, with its scales.
- `quantize`, `dequantize`, `fake_quantize`: into the format and back.
- `sqnr`, `mean_squared_error`, `largest_error`: what that costs.
- `build_observer`: the range of a tensor whose values come in batches.
- `pack_bits`, `unpack_bits`: the bytes that are stored.
- `round_nearest`, `round_stochastic`, `round_float16`, `round_bfloat16`,
  `straight_through`: the parts.
"""

from tfcompress.quantization.formats.bits import BITS, integer_limits
from tfcompress.quantization.formats.choosing import choose_parameters
from tfcompress.quantization.formats.error import (
    largest_error,
    mean_squared_error,
    sqnr,
)
from tfcompress.quantization.formats.floating import round_bfloat16, round_float16
from tfcompress.quantization.formats.granularity import Granularity
from tfcompress.quantization.formats.histogram import Histogram
from tfcompress.quantization.formats.linear import LinearParameters, linear_parameters
from tfcompress.quantization.formats.logarithmic import (
    LogarithmicParameters,
    logarithmic_parameters,
)
from tfcompress.quantization.formats.observers import METHODS, Observer, build_observer
from tfcompress.quantization.formats.packing import pack_bits, unpack_bits
from tfcompress.quantization.formats.parameters import Parameters
from tfcompress.quantization.formats.power_of_two import (
    PowerOfTwoParameters,
    power_of_two_parameters,
)
from tfcompress.quantization.formats.quantizing import (
    Quantized,
    dequantize,
    fake_quantize,
    quantize,
)
from tfcompress.quantization.formats.rounding import round_nearest, round_stochastic
from tfcompress.quantization.formats.straight_through import straight_through

__all__ = [
    "BITS",
    "METHODS",
    "Granularity",
    "Histogram",
    "LinearParameters",
    "LogarithmicParameters",
    "Observer",
    "Parameters",
    "PowerOfTwoParameters",
    "Quantized",
    "build_observer",
    "choose_parameters",
    "dequantize",
    "fake_quantize",
    "integer_limits",
    "largest_error",
    "linear_parameters",
    "logarithmic_parameters",
    "mean_squared_error",
    "pack_bits",
    "power_of_two_parameters",
    "quantize",
    "round_bfloat16",
    "round_float16",
    "round_nearest",
    "round_stochastic",
    "sqnr",
    "straight_through",
    "unpack_bits",
]
