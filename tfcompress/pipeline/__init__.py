"""Pipeline: from models and data to the file that ships, step by step."""

from tfcompress.pipeline.distil_prune_quantize import (
    Shipment,
    Training,
    distil_prune_quantize,
)
from tfcompress.pipeline.run_directory import RunDirectory

__all__ = ["RunDirectory", "Shipment", "Training", "distil_prune_quantize"]
