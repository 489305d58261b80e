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

SIDE, ROUNDS = 96, 2
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

    taken: dict[str, list[tuple[float, float]]] = {"TF-MOT": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(1 + ROUNDS):
            for name, way in (("TF-MOT", tfmot), ("ours", ours)):
                start = time.perf_counter(), time.process_time()
                way(Path(folder) / "model.tflite")
                end = time.perf_counter(), time.process_time()
                taken[name].append((end[0] - start[0], end[1] - start[1]))
                print(f"{name}: {taken[name][-1][0]:.1f} s", flush=True)
    lines = [f"\nMobileNetV2 of {SIDE} points, wrapped and exported:"]
    for number, clock in enumerate(("clock", "processor")):
        raw, other = (
            statistics.median(times[number] for times in taken[name][1:])
            for name in ("TF-MOT", "ours")
        )
        held = "held" if other <= TIME * raw else "NOT HELD"
        lines.append(
            f"{clock}: TF-MOT {raw:.1f} s, ours with calibration {other:.1f} s, "
            f"ratio {other / raw:.2f}, bar {TIME}: {held}"
        )
    return "\n".join(lines)


def convert(model: Any) -> bytes:
    """Returns the full-integer file of TF-MOT's model, written as its guide does it."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()
