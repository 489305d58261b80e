"""MNIST networks in a few kilobytes, beside the figures of Deep Compression.

Han et al., "Deep Compression", 2016, https://arxiv.org/abs/1510.00149, brought
LeNet-300-100 to 27 KB at 1.58 % error, and LeNet-5 to 44 KB at 0.74 %. Here, for each
of them and each seed:

- dense: the network, trained on 55,000 images that are shifted by up to a point at
  random, as a float32 file;
- TF-MOT: from there, magnitude pruning to 90 % as TF-MOT's guide does it, then int8
  after training;
- ours: from there, `ChannelPruning`, then `MagnitudePruning` while the dense network
  teaches, then quantization-aware training while it teaches.

The error is that of the `.tflite` file on LiteRT over the 10,000 test images, the size
that of the file after `gzip -9`; a KB is 1000 bytes. Settings were chosen on
the 5,000 training images left out, which `--validation` measures on. Run it with
`python benchmarks/deep_compression.py --data mnist.npz --directory runs/mnist`; files
and figures are kept there, and what is done is not done again. It takes about 20
minutes of processor time.
"""

import argparse
import dataclasses
import json
import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc

VALIDATION, CALIBRATION, BATCH = 5000, 500, 256
# By how many points images are shifted in training, at the most.
SHIFT = 1
KILOBYTE = 1000
Arrays = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained and made small, and what it is held against.

    Attributes:
        shape: Of an input.
        build: Makes the layers after the input.
        epochs: Of the dense network, of TF-MOT's pruning, of ours, and of the training
            with rounding.
        ratio: Share of channels that go.
        sparsity: Share of the weights left that become zero; the last layer keeps all.
        published: Kilobytes and error in percent of Deep Compression.
        bar: Kilobytes that ours may have at no more error.
    """

    shape: tuple[int, ...]
    build: Callable[[], list[Any]]
    epochs: tuple[int, int, int, int]
    ratio: float
    sparsity: float
    published: tuple[float, float]
    bar: float


def build_perceptron() -> list[Any]:
    """Returns the layers of LeNet-300-100."""
    dense = keras.layers.Dense
    return [dense(300, "relu"), dense(100, "relu"), dense(10)]


def build_convolutional() -> list[Any]:
    """Returns the layers of LeNet-5 as Caffe and Deep Compression have it."""
    layers = keras.layers
    return [
        layers.Conv2D(20, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(50, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(500, "relu"),
        layers.Dense(10),
    ]


RECIPES = {
    "LeNet-300-100": Recipe(
        shape=(784,),
        build=build_perceptron,
        epochs=(20, 10, 30, 3),
        ratio=0.65,
        sparsity=0.87,
        published=(27, 1.58),
        bar=20,
    ),
    "LeNet-5": Recipe(
        shape=(28, 28, 1),
        build=build_convolutional,
        epochs=(12, 4, 14, 2),
        ratio=0.7,
        sparsity=0.7,
        published=(44, 0.74),
        bar=30,
    ),
}


def main() -> None:
    """Trains what is not in the directory, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz of Keras")
    parser.add_argument("--directory", type=Path, required=True, help="for the files")
    parser.add_argument("--networks", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--validation", action="store_true", help="leave the test images alone"
    )
    arguments = parser.parse_args()
    part = "validation" if arguments.validation else "test"
    data = read(arguments.data)
    results: dict[str, list[Any]] = {}
    for seed in arguments.seeds:
        for name in arguments.networks:
            folder = arguments.directory / f"{name}-{seed}"
            done = folder / f"{part}.json"
            if not done.exists():
                print(f"{name}, seed {seed}", flush=True)
                folder.mkdir(parents=True, exist_ok=True)
                found = measure(RECIPES[name], seed, data["train"], data[part], folder)
                done.write_text(json.dumps(found, indent=2) + "\n")
            results.setdefault(name, []).append(json.loads(done.read_text()))
    print(as_markdown(results))


def read(path: Path) -> dict[str, Arrays]:
    """Returns images, of bytes, and classes: to train, to choose by and to test."""
    with np.load(path) as file:
        x, y = file["x_train"], file["y_train"].astype("int32")
        test = file["x_test"], file["y_test"].astype("int32")
    cut = len(x) - VALIDATION
    return {"train": (x[:cut], y[:cut]), "validation": (x[cut:], y[cut:]), "test": test}


def measure(
    recipe: Recipe, seed: int, train: Arrays, judged: Arrays, folder: Path
) -> dict[str, dict[str, float]]:
    """Makes the files of a network from a seed; returns what each of them is."""
    keras.utils.set_random_seed(seed)
    batches = shifted(train, recipe)
    inputs = as_inputs(train[0][:CALIBRATION], recipe)
    dense = keras.Sequential([keras.Input(recipe.shape), *recipe.build()])
    fit(dense, batches, recipe.epochs[0], 2e-3)
    magnitude = prune_as_tfmot_does(dense, batches, recipe.epochs[1])
    ours = compress(dense, batches, inputs, recipe)
    models = {
        "dense": (dense, "cpu_float32"),
        "TF-MOT": (magnitude, "cpu_int8"),
        "ours": (ours, "cpu_int8"),
    }
    found = {}
    for name, (model, target) in models.items():
        path = folder / f"{name}.tflite"
        tfc.export.to_tflite(model, path, target=target, representative_data=inputs)
        size = tfc.measurement.size(path)
        quality = tfc.measurement.evaluate(
            path, (as_inputs(judged[0], recipe), judged[1])
        )
        found[name] = {
            "bytes": size.bytes,
            "gzip_bytes": size.gzip_bytes,
            "error": 100 * (1 - quality.accuracy),
        }
        print(f"  {name}: {found[name]}", flush=True)
    return found


def compress(dense: Any, batches: Any, inputs: np.ndarray, recipe: Recipe) -> Any:
    """Returns the quantization-aware model: narrow, sparse, taught by the dense one."""
    epochs, gentle_epochs = recipe.epochs[2:]
    narrow = tfc.pruning.ChannelPruning(ratio=recipe.ratio, scope="local").apply(dense)
    pruning = tfc.pruning.MagnitudePruning(
        schedule=tfc.schedules.Polynomial(0, recipe.sparsity, begin=0.1, finish=0.6),
        scope="global",
        ignored=[-1],
    )
    model = pruning.apply(narrow)
    distil(dense, model, batches, epochs, 3e-3, pruning.callbacks())
    small = pruning.finalize(model)
    quantization = tfc.quantization.QuantizationAwareTraining(preserve=("sparsity",))
    aware = tfc.quantization.calibrate(quantization.apply(small), inputs)
    distil(dense, aware, batches, gentle_epochs, 3e-4, quantization.callbacks())
    return aware


def distil(
    teacher: Any,
    student: Any,
    batches: Any,
    epochs: int,
    rate: float,
    callbacks: Sequence[Any],
) -> None:
    """Trains a student to do as its teacher does."""
    distiller = tfc.Distiller(
        teacher,
        student,
        tfc.distillation.LogitsDistillation(temperature=2),
        student_loss_weight=0.3,
    )
    fit(distiller, batches, epochs, rate, callbacks)


def prune_as_tfmot_does(dense: Any, batches: Any, epochs: int) -> Any:
    """Returns the network at 90 % zeros, by the code of TF-MOT's guide."""
    sparsity = tfc.keras_compat.tfmot().sparsity.keras
    tf_keras = tfc.keras_compat.tf_keras()
    model = sparsity.prune_low_magnitude(
        tfc.keras_compat.to_tf_keras(dense),
        pruning_schedule=sparsity.PolynomialDecay(
            initial_sparsity=0.5,
            final_sparsity=0.9,
            begin_step=0,
            end_step=epochs * len(batches),
        ),
    )
    model.compile(
        "adam", loss=tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    callbacks = [sparsity.UpdatePruningStep()]
    model.fit(batches, epochs=epochs, callbacks=callbacks, verbose=0)
    return sparsity.strip_pruning(model)


def fit(
    model: Any, batches: Any, epochs: int, rate: float, callbacks: Sequence[Any] = ()
) -> None:
    """Trains a model, the rate falling to 0 along a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * len(batches))
    model.compile(
        keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(batches, epochs=epochs, callbacks=list(callbacks), verbose=0)


def as_inputs(images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Returns images as a network takes them, from 0 to 1."""
    return images.reshape(-1, *recipe.shape).astype("float32") / 255


def shifted(train: Arrays, recipe: Recipe) -> tf.data.Dataset:
    """Returns shuffled batches whose images are each shifted anew."""

    def shift(images: Any, labels: Any) -> Any:
        edges = [[0, 0], [SHIFT, SHIFT], [SHIFT, SHIFT]]
        images = tf.pad(tf.cast(images, tf.float32) / 255, edges)
        corners = tf.random.uniform([2, BATCH, 1], 0, 2 * SHIFT + 1, tf.int32)
        rows, columns = tf.unstack(corners + tf.range(28))
        images = tf.gather(images, rows, batch_dims=1)
        images = tf.gather(images, columns, axis=2, batch_dims=1)
        return tf.reshape(images, [BATCH, *recipe.shape]), labels

    data = tf.data.Dataset.from_tensor_slices(train).shuffle(len(train[0]))
    return data.batch(BATCH, drop_remainder=True).map(shift).prefetch(2)


def as_markdown(results: dict[str, list[dict[str, dict[str, float]]]]) -> str:
    """Returns the table, a line for each network and file."""
    lines = [
        "| network | file | KB | gzip, KB | error, % | mean | bar |",
        "|---|---|---|---|---|---|---|",
    ]
    for network, seeds in results.items():
        recipe = RECIPES[network]
        size, error = recipe.published
        lines.append(f"| {network} | published | | {size} | {error:.2f} | | |")
        for file in seeds[0]:
            runs = [found[file] for found in seeds]
            cells = [
                f"{statistics.mean(run['bytes'] for run in runs) / KILOBYTE:.1f}",
                ", ".join(f"{run['gzip_bytes'] / KILOBYTE:.1f}" for run in runs),
                ", ".join(f"{run['error']:.2f}" for run in runs),
                f"{statistics.mean(run['error'] for run in runs):.2f}",
                f"{recipe.bar:.0f} KB, {error:.2f} %" if file == "ours" else "",
            ]
            lines.append(f"| {network} | {file} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
