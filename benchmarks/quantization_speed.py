"""How long it takes to wrap and export a network: see `quantization.py`."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from quantization_tasks import scale

import tfcompress as tfc

SIDE, ROUNDS = 96, 3
# Bar: the time of ours beside that of TF-MOT.
TIME = 1.5


def time_exports(images: np.ndarray) -> str:
    """Times wrapping and exporting MobileNetV2 in turn; ours is calibrated as well.

    Args:
        images: Images to calibrate on, as bytes.

    Returns:
        The medians, and whether the bar is held.
    """
    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNetV2((SIDE, SIDE, 3), weights=None)
    twin = tfc.keras_compat.to_tf_keras(network)
    samples = tf.image.resize(scale(images), (SIDE, SIDE)).numpy()

    def tfmot(path: Path) -> None:
        model = tfc.keras_compat.tfmot().quantization.keras.quantize_model(twin)
        path.write_bytes(convert(model))

    def ours(path: Path) -> None:
        model = tfc.quantization.QuantizationAwareTraining().apply(network)
        tfc.quantization.calibrate(model, samples)
        tfc.export.to_tflite(model, path, representative_data=samples)

    taken: dict[str, list[float]] = {"TF-MOT": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(1 + ROUNDS):
            for name, way in (("TF-MOT", tfmot), ("ours", ours)):
                start = time.perf_counter()
                way(Path(folder) / "model.tflite")
                taken[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    ratio = medians["ours"] / medians["TF-MOT"]
    held = "held" if ratio <= TIME else "NOT HELD"
    return (
        f"\nMobileNetV2 of {SIDE} points, wrapped and exported: TF-MOT "
        f"{medians['TF-MOT']:.1f} s, ours with calibration {medians['ours']:.1f} s, "
        f"ratio {ratio:.2f}, bar {TIME}: {held}"
    )


def convert(model: Any) -> bytes:
    """Returns the full-integer file of TF-MOT's model, written as its guide does it."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()
