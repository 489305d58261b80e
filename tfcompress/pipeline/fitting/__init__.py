"""Fitting: the training of one stage, from a plain model to a plain model."""

from tfcompress.pipeline.fitting.fit_stage import Fitted, fit_stage
from tfcompress.pipeline.fitting.task import OutputTask, Task, find_task

__all__ = ["Fitted", "OutputTask", "Task", "find_task", "fit_stage"]
