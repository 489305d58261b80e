"""Searches: what is chosen by measuring."""

from tfcompress.search.allocation import Allocation
from tfcompress.search.bit_choice import BitChoice
from tfcompress.search.bit_width import bit_width
from tfcompress.search.bit_width_result import BitWidths, Rung
from tfcompress.search.sensitivity import sensitivity
from tfcompress.search.sensitivity_result import Sensitivity, SensitivityRow

__all__ = [
    "Allocation",
    "BitChoice",
    "BitWidths",
    "Rung",
    "Sensitivity",
    "SensitivityRow",
    "bit_width",
    "sensitivity",
]
