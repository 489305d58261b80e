"""What the ways to write a recurrent layer in int8 take and lose.

A network of one recurrent layer learns to tell four lengths of waves in noise, and is
written in float, with its steps one after the other (unrolled), as a loop in float
around int8 weights, and with TFLite's own operation, which only LSTM has. Columns:

- bytes: those of the file;
- ms: the best of 300 runs on one thread;
- same class, SQNR: how the outputs agree with the model's on 500 sequences.

Run it with `python benchmarks/recurrent.py`; it takes some minutes.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from export_coverage import decibels

from tfcompress import keras_compat
from tfcompress.export import find_target
from tfcompress.export.conversion.direct_conversion import convert_directly
from tfcompress.export.conversion.recurrent import convert_with_float_loops, unroll
from tfcompress.export.conversion.signature import read_signature
from tfcompress.measurement import LiteRTModel

SIZES = ((16, 64), (32, 32), (64, 64), (128, 64))


def main() -> None:
    """Measures each layer in each size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--layers", nargs="+", default=["LSTM", "GRU", "SimpleRNN"])
    arguments = parser.parse_args()
    print("| layer | steps | units | written | bytes | ms | same class | SQNR, dB |")
    print("|---|---|---|---|---|---|---|---|")
    for layer in arguments.layers:
        for steps, units in SIZES:
            for row in measure(layer, steps, units):
                print(f"| {layer} | {steps} | {units} | {row} |", flush=True)


def measure(layer: str, steps: int, units: int) -> Iterator[str]:
    """Trains a network and measures its files."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((steps, 3)), getattr(layers, layer)(units), layers.Dense(4)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(*make_waves(2000, steps, 0), epochs=6, batch_size=64, verbose=0)
    x, _ = make_waves(500, steps, 1)
    wanted = model.predict(x, verbose=0)
    for name, write in ways(model, layer, make_waves(200, steps, 2)[0]).items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            path.write_bytes(write())
            runtime = LiteRTModel(path)
            found = runtime.predict(x)
            seconds = min(runtime.invoke_once() for _ in range(300))
            same = (found.argmax(-1) == wanted.argmax(-1)).mean()
            yield (
                f"{name} | {path.stat().st_size:,} | {seconds * 1e3:.3f} "
                f"| {same:.1%} | {decibels(wanted, found):.1f}"
            )


def ways(model: Any, layer: str, samples: np.ndarray) -> dict[str, Callable[[], bytes]]:
    """Returns what writes a model in each way."""
    signature = read_signature(model, 1)
    in_float, whole = find_target("cpu_float32"), find_target("cpu_int8_float_io")
    named = {next(iter(signature.inputs)): samples}
    found = {
        "float loop": lambda: convert_directly(model, signature, in_float),
        "unrolled": lambda: convert_directly(
            unroll(model, most=1000), signature, whole, samples=named
        ),
        "float loop, int8 weights": lambda: convert_with_float_loops(
            model, signature, whole, named
        ),
    }
    if layer == "LSTM":
        found["own operation"] = lambda: convert_directly(
            keras_compat.to_tf_keras(model), signature, whole, samples=named
        )
    return found


def make_waves(count: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns waves of four lengths in noise, and which length each has."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    speeds = np.array([1, 1.7, 2.5, 3.6])[labels][:, None]
    phases = generator.uniform(0, 2 * np.pi, (count, 1))
    angles = 2 * np.pi * speeds * np.arange(steps) / 32 + phases
    noise = generator.normal(size=(count, steps))
    waves = np.stack([np.sin(angles), np.cos(angles), noise], -1)
    waves += generator.normal(0, 0.3, waves.shape)
    return waves.astype(np.float32), labels


if __name__ == "__main__":
    main()
