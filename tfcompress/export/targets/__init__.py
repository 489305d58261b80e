"""Targets: what each device demands of a file, as data."""

from tfcompress.export.targets.finding import TARGETS, find_target
from tfcompress.export.targets.operation_rule import OperationRule
from tfcompress.export.targets.reading import read_target
from tfcompress.export.targets.target import Target

__all__ = ["TARGETS", "OperationRule", "Target", "find_target", "read_target"]
