"""Tables, pictures and pages of what was measured."""

from tfcompress.report.compare import compare
from tfcompress.report.comparison import Comparison
from tfcompress.report.row import Row

__all__ = [
    "Comparison",
    "Row",
    "compare",
]
