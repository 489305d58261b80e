"""Whether every model of `keras.applications` becomes a file that does what it does.

Each model is written as a float32, a float16 and an int8 file (quantized after training
on 128 images), in a process of its own. Every file is run on LiteRT on the same images
as the model, and compared with it here, apart from what the export itself verifies:

- error: the largest difference of any output, as a share of the largest output;
- same class: the share of images in which the largest output is the same one;
- SQNR: the power of the outputs by that of the difference, in decibels;
- accuracy: of the float model and of the int8 file, on the same images;
- float operations: those of the int8 file that compute in float;
- bytes: those of the file, as a share of all weights in float32;
- seconds: of export and verification.

There are no trained weights here. They are drawn as in `quantization_coverage.py`,
which says why: of networks as Keras draws them int8 keeps nothing. The outputs are
logits of ten classes, for int8 has no steps for a softmax over a thousand classes that
are alike.

Run it with `python benchmarks/export_coverage.py`; on two cores it takes hours. With
`--output` each model that is done is kept in a file of JSON lines, and not done again.
Models that only tf_keras has can be named: `--models RegNetX002`.
"""

import argparse
import collections
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from applications import Result, add_arguments, build_application, missed, sweep
from quantization_coverage import (
    CLASSES,
    LARGER,
    draw_weights,
    fit_head,
    make_images,
)

# The largest error of a float file, as a share of the largest output.
ERRORS = {"cpu_float32": 1e-4, "cpu_float16": 3e-2}
# What the int8 file may lose of the accuracy: three images in a hundred.
LOSS = 0.03
TARGETS = (*ERRORS, "cpu_int8")


def main() -> None:
    """Measures the models that were asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_arguments(parser)
    parser.add_argument(
        "--samples", type=int, default=128, help="images to compare; default 128"
    )
    sweep(parser, measure, as_table)


def measure(name: str, arguments: argparse.Namespace) -> Result:
    """Measures one model in this process."""
    side = arguments.side or LARGER.get(name)
    model = build_application(name, side, classes=CLASSES)
    images, labels = make_images(model.input_shape[1], arguments.samples)
    draw_weights(model, images[:128])
    accuracy = fit_head(model, images, labels)
    return {
        "model": name,
        "side": model.input_shape[1],
        "parameters": model.count_params(),
        "samples": len(images),
        "accuracy": accuracy,
        "files": {
            target: measure_file(model, target, images, labels) for target in TARGETS
        },
    }


def measure_file(
    model: Any, target: str, images: np.ndarray, labels: np.ndarray
) -> dict[str, Any]:
    """Writes a file, runs it, and compares its outputs with the model's."""
    from tfcompress import export

    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        artifact = export.to_tflite(
            model,
            Path(folder) / "model.tflite",
            target=target,
            representative_data=images,
        )
        seconds = time.perf_counter() - begin
        outputs = artifact.predict(images)
    wanted = model.predict(images, batch_size=64, verbose=0)
    return {
        "bytes": artifact.bytes,
        "error": float(np.abs(outputs - wanted).max() / np.abs(wanted).max()),
        "same_class": float((outputs.argmax(-1) == wanted.argmax(-1)).mean()),
        "sqnr": decibels(wanted, outputs),
        "accuracy": float((outputs.argmax(-1) == labels).mean()),
        "float_operations": collections.Counter(
            operation.kind for operation in artifact.float_operations
        ),
        "seconds": seconds,
    }


def decibels(wanted: np.ndarray, found: np.ndarray) -> float:
    """Returns the power of a signal by the power of its error, in decibels."""
    error = np.square(found - wanted, dtype=np.float64).mean()
    return float(10 * np.log10(np.square(wanted, dtype=np.float64).mean() / error))


def as_table(results: list[Result]) -> str:
    """Builds the table of all models, in Markdown."""
    lines = [
        "| model | input | float32 error | float16 error | int8 same class | SQNR, dB "
        "| accuracy, float | int8 | float operations | bytes, float16 | int8 "
        "| seconds, float32 | float16 | int8 | missed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        if "error" in result:
            empty = "| " * 13
            lines.append(f"| {result['model']} {empty}| {missed(result)} |")
            continue
        single, half, whole = (result["files"][target] for target in TARGETS)
        operations = ", ".join(
            f"{count} {kind}" for kind, count in whole["float_operations"].items()
        )
        weights = 4 * result["parameters"]
        lines.append(
            f"| {result['model']} | {result['side']} | {single['error']:.0e} "
            f"| {half['error']:.0e} | {whole['same_class']:.1%} | {whole['sqnr']:.1f} "
            f"| {result['accuracy']:.1%} | {whole['accuracy']:.1%} "
            f"| {operations or 'none'} | {half['bytes'] / weights:.2f} "
            f"| {whole['bytes'] / weights:.2f} | {single['seconds']:.0f} "
            f"| {half['seconds']:.0f} | {whole['seconds']:.0f} | {judge(result)} |"
        )
    return "\n".join(lines)


def judge(result: Result) -> str:
    """Says which bars a result misses."""
    faults = [
        target
        for target, most in ERRORS.items()
        if not result["files"][target]["error"] <= most
    ]
    whole = result["files"]["cpu_int8"]
    if whole["accuracy"] < result["accuracy"] - LOSS:
        faults.append("accuracy")
    if whole["float_operations"]:
        faults.append("float operations")
    return ", ".join(faults)


if __name__ == "__main__":
    main()
