"""What each scheme of post-training quantization makes of MobileNetV2.

The network is that of `keras.applications`, with weights drawn as in
`quantization_coverage.py`. It is converted to float once; each scheme then starts from
that file. Columns: bytes and time of one thread, as shares of the float file, and the
seconds to write the file. The time is that of the processor, which other work on the
machine does not change.

Run it with `python benchmarks/post_training.py`; it takes a few minutes.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from applications import build_application
from quantization_coverage import draw_weights, make_images

import tfcompress as tfc

SCHEMES = [
    *("float16", "dynamic_range", "dynamic_int4", "weight_only_int8"),
    *("weight_only_int4", "int8", "int8_float_io", "int16x8"),
]
RUNS = 30


def main() -> None:
    """Writes the files, measures them side by side and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--side", type=int, default=224, help="pixels; default 224")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    model = build_application("MobileNetV2", arguments.side)
    images, _ = make_images(arguments.side, 100)
    draw_weights(model, images[:32])
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
                representative_data=images,
            )
            seconds[scheme] = time.perf_counter() - start
        name = "dynamic range of TensorFlow's converter"
        paths[name] = Path(folder) / "converter.tflite"
        start = time.perf_counter()
        paths[name].write_bytes(convert_dynamic(model))
        seconds[name] = time.perf_counter() - start
        print(as_table(paths, seconds, images[:1]))


def convert_dynamic(model: Any) -> bytes:
    """Converts a model as TensorFlow's converter does with its one optimization."""
    twin = tfc.keras_compat.to_tf_keras(model)
    specification = tf.TensorSpec((1, *twin.input_shape[1:]), tf.float32)
    function = tf.function(lambda x: twin(x, training=False), [specification])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], twin
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def shortest_time(path: Path, image: np.ndarray) -> float:
    """Returns the processor time of the shortest run of a file, in milliseconds."""
    model = tfc.measurement.LiteRTModel(path)
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        model.invoke_once(image)
        times.append(time.process_time() - start)
    return min(times) * 1000


def as_table(
    paths: dict[str, Path], seconds: dict[str, float], image: np.ndarray
) -> str:
    """Measures the files and builds their table, in Markdown."""
    times = {name: shortest_time(path, image) for name, path in paths.items()}
    size, time_of_float = paths["float32"].stat().st_size, times["float32"]
    lines = ["| scheme | bytes | time | written in, s |", "|---|---|---|---|"]
    for name, path in paths.items():
        lines.append(
            f"| {name} | {path.stat().st_size / size:.2f} "
            f"| {times[name] / time_of_float:.2f} | {seconds[name]:.1f} |"
        )
    lines.append(f"\nfloat32: {size:,} bytes, {time_of_float:.2f} ms.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
