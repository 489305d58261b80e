"""What each scheme of post-training quantization makes of MobileNetV2.

The network is that of `keras.applications`, with weights drawn as in
`quantization_coverage.py`. It is converted to float once; each scheme then starts from
that file. Columns: bytes and time of one thread, as shares of the float file; the ratio
of signal to noise of the outputs, in decibels, on images that no range was learned
from; and the seconds to write the file.

Run it with `python benchmarks/post_training.py`; it takes a few minutes.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from applications import build_application
from quantization_coverage import CLASSES, draw_weights, fit_head, make_images

import tfcompress as tfc

SCHEMES = [
    *("float16", "dynamic_range", "dynamic_int4", "weight_only_int8"),
    *("weight_only_int4", "int8", "int8_float_io", "int16x8"),
]


def main() -> None:
    """Writes the files, measures them side by side and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--side", type=int, default=224, help="pixels; default 224")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    model = build_application("MobileNetV2", arguments.side, classes=CLASSES)
    images, labels = make_images(arguments.side, 256)
    draw_weights(model, images[:64])
    fit_head(model, images, labels)
    with tempfile.TemporaryDirectory() as folder:
        paths = {"float32": Path(folder) / "float32.tflite"}
        seconds = {}
        start = time.perf_counter()
        tfc.quantization.post_training(model, paths["float32"], scheme="float32")
        seconds["float32"] = time.perf_counter() - start
        for scheme in SCHEMES:
            paths[scheme] = Path(folder) / f"{scheme}.tflite"
            start = time.perf_counter()
            tfc.quantization.post_training(
                paths["float32"],
                paths[scheme],
                scheme=scheme,
                representative_data=images[:100],
            )
            seconds[scheme] = time.perf_counter() - start
        name = "dynamic range of TensorFlow's converter"
        paths[name] = Path(folder) / "converter.tflite"
        start = time.perf_counter()
        paths[name].write_bytes(convert_dynamic(model))
        seconds[name] = time.perf_counter() - start
        print(as_table(paths, seconds, images[-64:]))


def convert_dynamic(model: keras.Model) -> bytes:
    """Converts a model as TensorFlow's converter does with its one optimization."""
    specification = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    function = tf.function(lambda x: model(x, training=False), [specification])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], model
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def as_table(
    paths: dict[str, Path], seconds: dict[str, float], images: np.ndarray
) -> str:
    """Measures the files and builds their table, in Markdown."""
    latency = tfc.measurement.latency(paths, seconds=20)
    outputs = {
        name: tfc.measurement.LiteRTModel(path).predict(images)
        for name, path in paths.items()
    }
    wanted = outputs["float32"]
    size, time_of_float = paths["float32"].stat().st_size, latency["float32"].lowest_ms
    lines = ["| scheme | bytes | time | signal to noise, dB | written in, s |"]
    lines.append("|---|---|---|---|---|")
    for name, path in paths.items():
        noise = ((outputs[name] - wanted) ** 2).mean()
        ratio = 10 * np.log10(wanted.var() / noise) if noise else np.inf
        lines.append(
            f"| {name} | {path.stat().st_size / size:.2f} "
            f"| {latency[name].lowest_ms / time_of_float:.2f} | {ratio:.0f} "
            f"| {seconds[name]:.1f} |"
        )
    lines.append(f"\nfloat32: {size:,} bytes, {time_of_float:.2f} ms.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
