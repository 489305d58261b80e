"""Whether every model of `keras.applications` trains in whole numbers and ships so.

Each model is made quantization-aware, calibrated on 128 images and exported as a
full-integer file, in a process of its own. Columns:

- float layers: those that stay in float by the account of the technique;
- float operations: those of the file; "not listed" if one is of none of these layers;
- same class, steps: how the file agrees with the fake-quantized model on 512 images,
  steps being the largest difference of any output in steps of the file;
- itself: how many steps the fake-quantized model is away from itself, on 128 images,
  where its kernels are multiplied by 1 + 2 ** -20, as much as a sum in another order
  changes. A value that lies between two steps then falls to the other side, and its
  consumers follow; no file can be nearer to a model than that, and one that is two
  steps or twice as far away holds the bar;
- accuracy: of the float model and of the file, on the same images;
- bytes: those of the file, as a share of all weights in float32;
- seconds: of apply, calibrate and export.

There are no trained weights here, and drawn ones are not a fair test. As Keras draws
them, the values of deep networks vanish below what a range can hold. With the batch
statistics of the images they do not, but each normalization takes the mean away and
keeps the difference between two images, so that after twenty layers a difference of one
step decides the output: two computations in float part there as well. So the weights
are drawn with what training brings:

- kernels are alike over space, as trained filters are, so that noise averages out;
- normalizations have the statistics of the images, and shifts of one standard
  deviation, so that a ReLU passes most of what comes;
- the last layer of a residual branch is multiplied by a quarter;
- the last layer knows the classes: its weights are the mean features of each.

The images lie between patterns of colours: one of ten, which is the class, with up to
30 % of another and some of a pattern of their own.

Run it with `python benchmarks/quantization_coverage.py`; on two cores it takes hours.
With `--output` each model that is done is kept in a file of JSON lines, and not done
again. Models that only tf_keras has can be named: `--models RegNetX002`.
"""

import argparse
import collections
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from applications import Result, add_arguments, build_application, missed, sweep

# Of 75 pixels these leave one value of each feature, and nothing to average over.
LARGER = {"InceptionV3": 139, "InceptionResNetV2": 139}
CLASSES = 10
SAME_CLASS = 0.99
STEPS = 2.0
_ALIKE = 0.3  # Spread of a kernel over space, as a share of its spread over channels.
_SHIFT = 1.0
_BRANCH = 0.25


def main() -> None:
    """Measures the models that were asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_arguments(parser)
    parser.add_argument(
        "--samples", type=int, default=512, help="images to compare; default 512"
    )
    sweep(parser, measure, as_table)


def measure(name: str, arguments: argparse.Namespace) -> Result:
    """Measures one model in this process."""
    from tfcompress import export, quantization

    side = arguments.side or LARGER.get(name)
    model = build_application(name, side, classes=CLASSES)
    side = model.input_shape[1]
    images, labels = make_images(side, arguments.samples)
    draw_weights(model, images[:128])
    accuracy = fit_head(model, images, labels)
    technique = quantization.QuantizationAwareTraining()
    times = [time.perf_counter()]
    aware = technique.apply(model)
    times.append(time.perf_counter())
    quantization.calibrate(aware, images[:128])
    times.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as folder:
        artifact = export.to_tflite(
            aware, Path(folder) / "small.tflite", representative_data=images
        )
        times.append(time.perf_counter())
        found = artifact.predict(images[:128]).argmax(-1)
        scale = file_scale(artifact)
    skipped = dict(technique.account.skipped)
    return {
        "model": name,
        "side": side,
        "parameters": model.count_params(),
        "skipped": skipped,
        "float_operations": collections.Counter(
            operation.kind for operation in artifact.float_operations
        ),
        "not_listed": [
            operation.output
            for operation in artifact.float_operations
            if not any(layer in operation.output for layer in skipped)
        ],
        "samples": artifact.verification.samples,
        "same_class": artifact.verification.same_class,
        "steps": artifact.verification.steps,
        "itself": own_difference(aware, images[:128]) / scale,
        "accuracy": accuracy,
        "file_accuracy": float((found == labels[:128]).mean()),
        "bytes": artifact.bytes,
        "seconds": np.diff(times).tolist(),
    }


def make_images(side: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns images between patterns of colours, and the class of each."""
    import tensorflow as tf

    generator = np.random.default_rng(1)

    def make_patterns(count: int) -> np.ndarray:
        fields = generator.uniform(0, 255, (count, 5, 5, 3))
        return tf.image.resize(fields, (side, side), method="bicubic").numpy()

    patterns = make_patterns(CLASSES)
    labels = generator.integers(0, CLASSES, count)
    others = (labels + generator.integers(1, CLASSES, count)) % CLASSES
    share = generator.uniform(0, 0.3, (count, 1, 1, 1))
    images = (1 - share) * patterns[labels] + share * patterns[others]
    images = 0.9 * images + 0.1 * make_patterns(count)
    return images.clip(0, 255).astype("float32"), labels


def draw_weights(model: Any, images: np.ndarray) -> None:
    """Draws the weights of a model as training leaves them; see above."""
    generator = np.random.default_rng(0)
    for variable in model.weights:
        if "kernel" in variable.name:
            variable.assign(draw_kernel(generator, variable.shape, variable.name))
    for layer in last_layers_of_branches(model):
        scale = next((w for w in layer.weights if "gamma" in w.name), layer.weights[0])
        scale.assign(scale * _BRANCH)
    normalizations = [
        layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"
    ]
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
        if layer.beta is not None:
            size = layer.beta if layer.gamma is None else layer.gamma
            layer.beta.assign(0 * layer.beta + _SHIFT * size)
    model(images, training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum


def draw_kernel(generator: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Draws a kernel of He's variance that is alike over space."""
    *space, inputs, outputs = shape
    kernel = generator.normal(0, 1, (*(1 for _ in space), inputs, outputs))
    kernel = kernel + generator.normal(0, _ALIKE, shape)
    fan = 1 if "depthwise" in name else inputs
    return (kernel * np.sqrt(2 / fan) / np.prod(space)).astype("float32")


def last_layers_of_branches(model: Any) -> list[Any]:
    """Returns the last layer with weights of what is added to a shortcut."""
    from tfcompress import keras_compat

    graph = keras_compat.read(model)
    found = []
    for node in graph.nodes:
        before = [graph.node(tensor.node) for tensor in node.inputs()]
        if graph.layer_of(node).kind != "Add" or not any(
            len(graph.consumers(other)) > 1 for other in before
        ):
            continue
        for branch in before:
            while len(graph.consumers(branch)) == 1:
                layer = model.get_layer(branch.layer)
                if layer.weights:
                    found.append(layer)
                    break
                branch = graph.node(branch.inputs()[0].node)
    return found


def fit_head(model: Any, images: np.ndarray, labels: np.ndarray) -> float:
    """Sets the last layer to the mean features of each class; returns the accuracy."""
    from tfcompress import keras_compat

    head = [layer for layer in model.layers if layer.weights][-1]
    body = keras_compat.keras_of(model).Model(model.inputs, head.input)
    features = body.predict(images, batch_size=64, verbose=0).reshape(len(images), -1)
    mean = features.mean(0)
    centres = np.stack([features[labels == k].mean(0) for k in range(CLASSES)]) - mean
    centres /= np.linalg.norm(centres, axis=1, keepdims=True) + 1e-9
    kernel, _ = head.get_weights()
    head.set_weights([centres.T.reshape(kernel.shape), -centres @ mean])
    logits = (features - mean) @ centres.T
    return float((logits.argmax(-1) == labels).mean())


def file_scale(artifact: Any) -> float:
    """Returns the step of the output of a file."""
    from tfcompress.measurement import LiteRTModel

    (output,) = LiteRTModel(artifact).output_details.values()
    return output.scale


def own_difference(model: Any, images: np.ndarray) -> float:
    """Returns how far a model is from itself with kernels a millionth larger."""
    before = model.predict(images, batch_size=64, verbose=0)
    for variable in model.trainable_weights:
        if "kernel" in variable.name:
            variable.assign(variable * (1 + 2**-20))
    return float(np.abs(model.predict(images, verbose=0) - before).max())


def as_table(results: list[Result]) -> str:
    """Builds the table of all models, in Markdown."""
    lines = [
        "| model | input | float layers | float operations | same class | steps "
        "| itself | accuracy, float | file | bytes | apply, s | calibrate, s "
        "| export, s | missed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        if "error" in result:
            empty = "| " * 12
            lines.append(f"| {result['model']} {empty}| {missed(result)} |")
            continue
        operations = ", ".join(
            f"{count} {kind}" for kind, count in result["float_operations"].items()
        )
        times = " | ".join(f"{seconds:.1f}" for seconds in result["seconds"])
        lines.append(
            f"| {result['model']} | {result['side']} | {len(result['skipped'])} "
            f"| {operations or 'none'} | {result['same_class']:.1%} "
            f"| {result['steps']:.1f} | {result['itself']:.1f} "
            f"| {result['accuracy']:.1%} | {result['file_accuracy']:.1%} "
            f"| {result['bytes'] / result['parameters'] / 4:.2f} | {times} "
            f"| {judge(result)} |"
        )
    return "\n".join(lines)


def judge(result: Result) -> str:
    """Says which bars a result misses."""
    faults = []
    if result["not_listed"]:
        faults.append(f"float, not listed: {result['not_listed'][:3]}")
    if result["same_class"] < SAME_CLASS:
        faults.append("class")
    if result["steps"] > max(STEPS, 2 * result["itself"]) + 0.01:
        faults.append("steps")
    return ", ".join(faults)


if __name__ == "__main__":
    main()
