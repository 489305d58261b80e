"""What zeros buy in the file that ships: bytes, and speed.

Bytes: a MobileNet (1.0, 96 pixels, 1000 classes), padded as XNNPACK's sparse kernels
want it, with 70, 80 and 90 % of the weights of its 1x1 convolutions set to zero by
magnitude, or two of each four (2:4), in these files: float32, float16 and int8, each
without and with the converter's sparse encoding, as they are and after gzip. Beside
them the file of TF-MOT's guide: the same zeros in a tf_keras model, after
`strip_pruning`, through `TFLiteConverter.from_keras_model` as it stands. Weights are
random: sizes depend on them hardly.

Speed: three Dense layers of 1024, with 95 % of zeros in blocks of 4 inputs by 1 output,
anywhere, and 2:4, against the dense file, in turn, on one thread. Convolutions are
measured only where XNNPACK has sparse kernels for the CPU; on x86 the same files are
run once more with AVX hidden, to see whether they take the sparse path.

Run it with `python benchmarks/sparsity.py`; it prints Markdown, on two cores in about
a quarter of an hour when they are busy with other work.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import track

import tfcompress as tfc
from tfcompress import keras_compat
from tfcompress.errors import ExportError
from tfcompress.measurement import describe_machine, has_sparse_kernels, latency, size

WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDED = (1, 3, 5, 11)
BLOCK = 4
SIZE = 96  # of the images, which the bytes do not depend on


def main() -> None:
    """Measures and prints."""
    images = np.random.default_rng(0).random((4, SIZE, SIZE, 3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        measure_bytes(images, Path(folder))
        measure_convolutions(Path(folder))
        measure_dense(Path(folder))
    print(f"\n{describe_machine()}.")


def measure_bytes(images: Any, folder: Path) -> None:
    """Prints the table of sizes, and leaves the float files in the folder."""
    titles = ["zeros", "TF-MOT's guide", "float32", "float32, sparse encoding"]
    titles += ["float16, sparse", "int8", "int8, sparse"]
    print_row(titles)
    print_row(["---", *["---:"] * (len(titles) - 1)])
    console = Console(stderr=True)
    for name, zeros in track(PATTERNS.items(), "bytes", console=console):
        model = build_mobile()
        for layer in model.layers:
            if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1):
                layer.set_weights([zeros(layer.get_weights()[0])])
        cells = [name, guide(model, folder / "guide.tflite")]
        for target in ("cpu_float32", "cpu_float16", "cpu_int8"):
            for sparse in (False, True):
                if target == "cpu_float16" and not sparse:
                    continue
                if sparse and name == "0 %":
                    cells.append("")
                    continue
                file = folder / f"{name}_{target}_{sparse}.tflite"
                cells.append(export(model, file, target, images, sparse))
        print_row(cells)
    print("\nMegabytes of the file, in brackets after gzip.\n")


def export(model: Any, file: Path, target: str, images: Any, sparse: bool) -> str:
    """Writes a file, and says how large it is."""
    try:
        tfc.export.to_tflite(
            model, file, target=target, representative_data=images, sparse=sparse
        )
    except ExportError:
        return "refused"
    return describe_size(file)


def guide(model: Any, file: Path) -> str:
    """Writes the file of TF-MOT's guide: the default converter on the same weights."""
    twin = keras_compat.to_tf_keras(model)
    file.write_bytes(tf.lite.TFLiteConverter.from_keras_model(twin).convert())
    return describe_size(file)


def describe_size(file: Path) -> str:
    """Writes the size of a file in megabytes, as it is and after gzip."""
    found = size(file)
    return f"{found.bytes / 1e6:.2f} ({found.gzip_bytes / 1e6:.2f})"


def measure_convolutions(folder: Path) -> None:
    """Prints what sparse kernels gain, or that this CPU has none."""
    files = {
        name: [
            str(folder / f"{name}_cpu_float32_{sparse}.tflite")
            for sparse in (False, True)
        ]
        for name in PATTERNS
        if name in ("70 %", "80 %", "90 %")
    }
    if has_sparse_kernels():
        for name, pair in files.items():
            times = latency({path: path for path in pair}, seconds=4.0)
            ratio = times[pair[0]].median_ms / times[pair[1]].median_ms
            print(f"Convolutions, {name} zeros: {ratio:.1f} times as fast.")
        return
    known = "no" if has_sparse_kernels() is False else "not known"
    print(f"Convolutions: sparse kernels on this CPU: {known}. ", end="")
    program = Path(__file__).with_name("without_avx.py")
    for name, pair in files.items():
        command = [sys.executable, str(program), *pair]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print("AVX cannot be hidden here, so there is no more to see.")
            return
        found = json.loads(done.stdout.splitlines()[-1])
        dense, sparse = (found[path] for path in pair)
        ratio = dense["lowest_ms"] / sparse["lowest_ms"]
        taken = "are used" if sparse["sparse"] else "are NOT used"
        print(f"With AVX hidden, {name} zeros: they {taken}, {ratio:.1f} x. ", end="")
    print()


def measure_dense(folder: Path) -> None:
    """Prints the table of Dense layers."""
    files = {}
    for name, zeros in DENSE_PATTERNS.items():
        keras.utils.set_random_seed(0)
        inputs = x = keras.Input((1024,))
        for _ in range(3):
            x = keras.layers.Dense(1024, activation="relu")(x)
        model = keras.Model(inputs, x)
        for layer in model.layers[1:]:
            kernel, bias = layer.get_weights()
            layer.set_weights([zeros(kernel), bias])
        file = folder / f"{name}.tflite"
        tfc.export.to_tflite(model, file, target="cpu_float32", sparse=name != "0 %")
        files[name] = file
    times = latency(files, seconds=20.0, rounds=40)
    print("\n| three Dense layers of 1024, float32 | MB (gzip) | ms | speed |")
    print("|---|---:|---:|---:|")
    for name, file in files.items():
        ratio = times["0 %"].median_ms / times[name].median_ms
        cells = [name, describe_size(file), f"{times[name].median_ms:.3f}"]
        print_row([*cells, f"{ratio:.1f} x"])


def build_mobile() -> Any:
    """Builds the MobileNet, with even padding and a Dense head."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.ZeroPadding2D(1)(inputs)
    x = finished(layers.Conv2D(32, 3, strides=2, use_bias=False)(x))
    for number, width in enumerate(WIDTHS):
        if number in STRIDED:
            x = layers.ZeroPadding2D(1)(x)
            x = layers.DepthwiseConv2D(3, strides=2, use_bias=False)(x)
        else:
            x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = finished(layers.Conv2D(width, 1, use_bias=False)(finished(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1000)(x))


def finished(x: Any) -> Any:
    """Applies batch normalization and ReLU6."""
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))


def smallest(share: float, block: int = 1) -> Callable[[Any], Any]:
    """Returns what sets the smallest share of blocks along the inputs to zero."""

    def apply(kernel: Any) -> Any:
        flat = kernel.reshape(-1, block, kernel.shape[-1])
        sums = np.abs(flat).sum(1, keepdims=True)
        kept = flat * (sums > np.quantile(sums, share))
        return kept.reshape(kernel.shape)

    return apply


def two_of_four(kernel: Any) -> Any:
    """Sets the smaller two of each four inputs to zero."""
    groups = kernel.reshape(-1, 4, kernel.shape[-1]).copy()
    order = np.argsort(np.abs(groups), axis=1)[:, :2]
    np.put_along_axis(groups, order, 0.0, axis=1)
    return groups.reshape(kernel.shape)


def print_row(cells: list[str]) -> None:
    """Prints one row of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)


PATTERNS: dict[str, Callable[[Any], Any]] = {
    "0 %": lambda kernel: kernel,
    "70 %": smallest(0.7),
    "80 %": smallest(0.8),
    "90 %": smallest(0.9),
    "2:4": two_of_four,
}
DENSE_PATTERNS: dict[str, Callable[[Any], Any]] = {
    "0 %": lambda kernel: kernel,
    "95 %, blocks of 4 x 1": smallest(0.95, BLOCK),
    "80 %, blocks of 4 x 1": smallest(0.8, BLOCK),
    "95 %, anywhere": smallest(0.95),
    "2:4": two_of_four,
}

if __name__ == "__main__":
    main()
