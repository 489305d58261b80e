"""Quantization: weights and activations in few bits."""

from tfcompress.quantization import formats
from tfcompress.quantization.adaptive_rounding import adapt_rounding
from tfcompress.quantization.analysis import analyze
from tfcompress.quantization.analysis_result import Analysis, LayerAnalysis
from tfcompress.quantization.aware_training import QuantizationAwareTraining
from tfcompress.quantization.bias_correction import correct_bias
from tfcompress.quantization.calibration import calibrate
from tfcompress.quantization.equalization import equalize, find_equalizable
from tfcompress.quantization.post_training import post_training
from tfcompress.quantization.storage import storage
from tfcompress.quantization.storage_result import LayerStorage, Storage, StoredKernel

__all__ = [
    "Analysis",
    "LayerAnalysis",
    "LayerStorage",
    "QuantizationAwareTraining",
    "Storage",
    "StoredKernel",
    "adapt_rounding",
    "analyze",
    "calibrate",
    "correct_bias",
    "equalize",
    "find_equalizable",
    "formats",
    "post_training",
    "storage",
]
