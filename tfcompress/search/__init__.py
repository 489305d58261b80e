"""Searches: what is chosen by measuring."""

from tfcompress.search.allocation import Allocation
from tfcompress.search.sensitivity import sensitivity
from tfcompress.search.sensitivity_result import Sensitivity, SensitivityRow

__all__ = ["Allocation", "Sensitivity", "SensitivityRow", "sensitivity"]
