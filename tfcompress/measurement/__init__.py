"""Quality, speed and size of Keras models and of `.tflite` files."""

from tfcompress.measurement.runtime import LiteRTModel
from tfcompress.measurement.tensor import TensorDetails

__all__ = [
    "LiteRTModel",
    "TensorDetails",
]
