"""Whether every model of `keras.applications` loses channels, and what it gains.

Each model, without trained weights and with random numbers in its biases and
normalizations, loses a quarter and half of its channels
(`ChannelPruning(ratio=..., scope="global", round_to=8)`) in a process of its own:

- equal: the largest difference from the original with those channels at zero, as a
  share of the largest output, in Keras; the channels are read off the vectors of the
  result, and the original is masked by `masked_original.py`;
- file: the same difference between the `.tflite` file on LiteRT and the result;
- multiply-adds: by how much they fall.

Run it with `python benchmarks/coverage.py`; on two cores it takes an hour or two. With
`--output` each model that is done is kept in a file of JSON lines, and not done again.
Models that only tf_keras has can be named: `--models RegNetX002`.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from applications import Result, add_arguments, build_application, missed, sweep

BARS = {0.25: 0.3, 0.5: 0.6}  # Ratio of channels: least fall of the multiply-adds.
TOLERANCE = 1e-4


def main() -> None:
    """Measures the models that were asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_arguments(parser)
    parser.add_argument(
        "--ratios", type=float, nargs="+", default=list(BARS), help="shares of channels"
    )
    sweep(parser, measure, as_table)


def measure(name: str, arguments: argparse.Namespace) -> Result:
    """Measures one model in this process."""
    from tfcompress import keras_compat, measurement
    from tfcompress.graph import find_groups, flatten_models

    begin = time.perf_counter()
    model = build_application(name, arguments.side)
    side = model.input_shape[1]
    images = make_images(side)
    randomize(model, images)
    graph = flatten_models(keras_compat.read(model))
    groups = find_groups(graph)
    before = measurement.summary(model)
    images = images[:2]
    outputs = np.asarray(model(images, training=False))
    pruned = [
        prune(model, graph, ratio, images, before, outputs)
        for ratio in arguments.ratios
    ]
    return {
        "model": name,
        "side": side,
        "parameters": before.parameters,
        "multiply_adds": before.multiply_adds,
        "groups": len(groups),
        "frozen": {group.name: group.reason for group in groups if group.frozen},
        "ratios": pruned,
        "seconds": time.perf_counter() - begin,
    }


def prune(
    model: Any, graph: Any, ratio: float, images: np.ndarray, before: Any, full: Any
) -> dict[str, Any]:
    """Prunes a model and compares the result with its masked original and its file."""
    from masked_original import masked_original, removed_channels

    from tfcompress import export, keras_compat, measurement, pruning

    technique = pruning.ChannelPruning(ratio=ratio, scope="global", round_to=8)
    begin = time.perf_counter()
    small = technique.apply(model)
    seconds = time.perf_counter() - begin
    removed = removed_channels(graph, keras_compat.read(small))
    original = keras_compat.build(
        masked_original(graph, removed), keras=keras_compat.origin_of(model)
    )
    wanted = np.asarray(original(images, training=False))
    outputs = np.asarray(small(images, training=False))
    after = measurement.summary(small)
    with tempfile.TemporaryDirectory() as folder:
        artifact = export.to_tflite(
            small,
            Path(folder) / "small.tflite",
            target="cpu_float32",
            representative_data=images,
        )
        file_outputs = measurement.LiteRTModel(artifact.path).predict(images)
    return {
        "ratio": ratio,
        "channels": sum(len(channels) for channels in removed.values()),
        "difference": largest_difference(outputs, wanted),
        "moved": largest_difference(wanted, full),
        "file_difference": largest_difference(file_outputs, outputs),
        "file_bytes": artifact.bytes,
        "multiply_adds": after.multiply_adds,
        "fall": 1 - after.multiply_adds / before.multiply_adds,
        "parameters_fall": 1 - after.parameters / before.parameters,
        "seconds": seconds,
    }


def randomize(model: Any, images: np.ndarray) -> None:
    """Gives a model normalizations and biases as after a training on these images.

    Of no vector are two numbers alike, so errors in a cut show, and which channels are
    left. Normalizations have the statistics of the images, so these come through.
    """
    generator = np.random.default_rng(0)
    for variable in model.weights:
        if len(variable.shape) == 1 and "float" in str(variable.dtype):
            values = np.linspace(-0.5, 0.5, variable.shape[0])
            positive = "gamma" in variable.name or "variance" in variable.name
            values = generator.permutation(values) + positive
            variable.assign(values.astype("float32"))
    normalizations = [
        layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"
    ]
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum


def make_images(side: int) -> np.ndarray:
    """Returns eight images of 16 fields of random colours."""
    fields = np.random.default_rng(1).uniform(0, 255, (8, 4, 4, 3))
    large = np.repeat(np.repeat(fields, side // 4 + 1, 1), side // 4 + 1, 2)
    return large[:, :side, :side].astype("float32")


def largest_difference(found: Any, wanted: Any) -> float:
    """Returns the largest difference, as a share of the largest number wanted."""
    return float(np.abs(np.asarray(found) - wanted).max() / np.abs(wanted).max())


def as_table(results: list[dict[str, Any]]) -> str:
    """Builds the table of all models, in Markdown."""
    lines = [
        "| model | input | multiply-adds, M | ratio | channels | equal | file "
        "| file, MB | multiply-adds | parameters | missed |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        if "error" in result:
            lines.append(f"| {result['model']} | | | | | | | | | | {missed(result)} |")
            continue
        start = f"{result['model']} | {result['side']} | "
        start += f"{result['multiply_adds'] / 1e6:.1f}"
        for found in result["ratios"]:
            lines.append(
                f"| {start} | {found['ratio']} | -{found['channels']:,} "
                f"| {show(found['difference'])} | {show(found['file_difference'])} "
                f"| {found['file_bytes'] / 1e6:.1f} | -{found['fall']:.1%} "
                f"| -{found['parameters_fall']:.1%} | {judge(found)} |"
            )
            start = "| | "
    return "\n".join(lines)


def show(difference: float) -> str:
    """Returns a difference in one digit."""
    return f"{difference:.0e}" if difference else "0"


def judge(found: dict[str, Any]) -> str:
    """Says which bars a result misses."""
    faults = []
    if not found["difference"] <= TOLERANCE:
        faults.append("not equal")
    if not found["file_difference"] <= TOLERANCE:
        faults.append("file differs")
    if found["fall"] < BARS.get(found["ratio"], 0):
        faults.append("multiply-adds")
    return ", ".join(faults)


if __name__ == "__main__":
    main()
