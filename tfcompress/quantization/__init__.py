"""Quantization: weights and activations in few bits."""

from tfcompress.quantization import formats
from tfcompress.quantization.aware_training import QuantizationAwareTraining
from tfcompress.quantization.calibration import calibrate

__all__ = ["QuantizationAwareTraining", "calibrate", "formats"]
