"""Tables, pictures and pages of what was measured."""

from tfcompress.report.changes import Change, Changes
from tfcompress.report.compare import compare
from tfcompress.report.comparison import Comparison
from tfcompress.report.details import Details
from tfcompress.report.layer_bars import LayerCost
from tfcompress.report.row import Row
from tfcompress.report.sensitivity_curves import SensitivityCurves
from tfcompress.report.training_log import training_log

__all__ = [
    "Change",
    "Changes",
    "Comparison",
    "Details",
    "LayerCost",
    "Row",
    "SensitivityCurves",
    "compare",
    "training_log",
]
