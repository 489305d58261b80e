"""Pruning in the file that ships: channels beside weights, with and without a teacher.

A residual network of 14 layers, 24 to 96 channels wide, is trained on CIFAR-10. Then,
each from that network and trained on for as long as the others:

- TF-MOT: magnitude pruning to 80 % as TF-MOT's guide does it;
- half and quarter: `ChannelPruning` to that share of the multiply-adds, trained on the
  labels alone, and distilled from the network that they were cut from.

All are written as float and as int8 files, and the files are measured by
`tfcompress.report.compare`, on one thread. Run it with
`python benchmarks/pruning.py --data cifar10_jpeg.npz --directory runs/pruning`: every
network is kept in the directory when it is done, and one that is there is not trained
again. On two cores it takes one to two hours.
"""

import argparse
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc

BATCH, WIDTH, BLOCKS = 128, 24, 2
SPARSITY, TEMPERATURE, LABELS = 0.8, 2.0, 0.5
SHARES = {"half": 0.5, "quarter": 0.25}
CALIBRATION = 500


def main() -> None:
    """Trains what is not in the directory, and prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="CIFAR-10 as JPEG")
    parser.add_argument("--directory", type=Path, required=True, help="for networks")
    parser.add_argument("--epochs", type=int, default=10, help="of the first network")
    parser.add_argument("--tuning-epochs", type=int, default=6, help="after pruning")
    parser.add_argument("--until", help="stop when this network is done")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    train, test = read(arguments.data, "train"), read(arguments.data, "test")
    models: dict[str, Any] = {}
    for name, build in stages(arguments, train).items():
        path = arguments.directory / f"{name}.keras"
        if not path.exists():
            print(f"{name}: training", flush=True)
            keras.utils.set_random_seed(0)
            build(models).save(path)
        models[name] = keras.models.load_model(path, compile=False)
        if name == arguments.until:
            return
    print(comparison(models, train[0], test, arguments.directory).to_markdown())


def stages(
    arguments: argparse.Namespace, train: Any
) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """Returns how each network is made of those before it."""
    epochs = arguments.tuning_epochs

    def dense(_: Any) -> Any:
        return fit(build_network(), train, arguments.epochs, rate=0.1)

    def magnitude(models: Any) -> Any:
        return prune_as_tfmot_does(models["dense"], train, epochs)

    def cut(models: Any, share: float) -> Any:
        images = scale(train[0][:CALIBRATION]).numpy()
        importance = tfc.pruning.importance.ActivationStatistics(images)
        pruning = tfc.pruning.ChannelPruning(macs=share, importance=importance)
        return pruning.apply(models["dense"])

    def labels(share: float) -> Any:
        return lambda models: fit(cut(models, share), train, epochs)

    def distilled(share: float) -> Any:
        return lambda models: distil(models["dense"], cut(models, share), train, epochs)

    found = {"dense": dense}
    for name, share in SHARES.items():
        found[f"{name}, distilled"] = distilled(share)
        found[name] = labels(share)
    return {**found, "TF-MOT 80 %": magnitude}


def distil(teacher: Any, student: Any, train: Any, epochs: int) -> Any:
    """Returns the student, trained by the teacher."""
    loss = tfc.distillation.LogitsDistillation(TEMPERATURE)
    distiller = tfc.Distiller(teacher, student, loss, student_loss_weight=LABELS)
    fit(distiller, train, epochs)
    return distiller.student


def prune_as_tfmot_does(model: Any, train: Any, epochs: int) -> Any:
    """Returns the network pruned by TF-MOT alone, on its way through tf_keras."""
    twin = tfc.keras_compat.to_tf_keras(model)
    sparsity = tfc.keras_compat.tfmot().sparsity.keras
    steps = epochs * -(-len(train[0]) // BATCH)
    schedule = sparsity.PolynomialDecay(0.0, SPARSITY, 0, steps // 2)
    pruned = sparsity.prune_low_magnitude(twin, schedule)
    tf_keras = tfc.keras_compat.tf_keras()
    rate = tf_keras.optimizers.schedules.CosineDecay(0.05, steps)
    pruned.compile(
        tf_keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=5e-4),
        tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    pruned.fit(
        batches(*train),
        epochs=epochs,
        verbose=2,
        callbacks=[sparsity.UpdatePruningStep()],
    )
    return tfc.keras_compat.to_keras(sparsity.strip_pruning(pruned))


def fit(model: Any, train: Any, epochs: int, rate: float = 0.05) -> Any:
    """Trains a network, or a distiller, in place, and returns it."""
    steps = epochs * -(-len(train[0]) // BATCH)
    falling = keras.optimizers.schedules.CosineDecay(
        rate / 10, steps - steps // 20, warmup_target=rate, warmup_steps=steps // 20
    )
    model.compile(
        keras.optimizers.SGD(falling, momentum=0.9, nesterov=True, weight_decay=5e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(batches(*train), epochs=epochs, verbose=2)
    return model


def batches(x: np.ndarray, y: np.ndarray) -> tf.data.Dataset:
    """Returns shuffled batches of images, shifted by up to 4 points, half mirrored."""

    def augment(image: Any, label: Any) -> tuple[Any, Any]:
        image = tf.pad(image, ((4, 4), (4, 4), (0, 0)), "REFLECT")
        image = tf.image.random_crop(image, (32, 32, 3))
        return scale(tf.image.random_flip_left_right(image)), label

    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0)
    data = data.map(augment, num_parallel_calls=tf.data.AUTOTUNE)
    return data.batch(BATCH).prefetch(2)


def scale(images: Any) -> Any:
    """Returns bytes as numbers from -1 to 1."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def comparison(
    models: dict[str, Any], x_train: np.ndarray, test: Any, directory: Path
) -> Any:
    """Writes every network as a float and an int8 file, and measures the files."""
    samples = scale(x_train[:CALIBRATION]).numpy()
    files = {}
    for target, quantized in (("cpu_float32", False), ("cpu_int8", True)):
        for name, model in models.items():
            title = f"{name}, int8" if quantized else name
            files[title] = tfc.export.to_tflite(
                model,
                directory / f"{title}.tflite",
                target=target,
                representative_data=samples if quantized else None,
            )
    return tfc.report.compare(files, (scale(test[0]).numpy(), test[1]), seconds=30.0)


def read(path: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images of a part of the file, as bytes, and their classes."""
    file = np.load(path)
    data, offset = file[f"jpeg_{part}"], file[f"offset_{part}"]
    images = [
        tf.io.decode_jpeg(data[start:end].tobytes()).numpy()
        for start, end in itertools.pairwise(offset)
    ]
    return np.stack(images), file[f"y_{part}"].astype("int32")


def build_network() -> keras.Model:
    """Returns the network, with logits."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.ReLU()(convolution(inputs, WIDTH))
    for stage in range(3):
        for block in range(BLOCKS):
            x = residual(x, WIDTH << stage, 2 if stage and not block else 1)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def residual(x: Any, width: int, strides: int) -> Any:
    """Applies a residual block of two convolutions."""
    branch = keras.layers.ReLU()(convolution(x, width, strides))
    branch = convolution(branch, width)
    if x.shape[-1] != width:
        x = convolution(x, width, strides, size=1)
    return keras.layers.ReLU()(keras.layers.Add()([x, branch]))


def convolution(x: Any, width: int, strides: int = 1, size: int = 3) -> Any:
    """Applies a convolution and batch normalization."""
    x = keras.layers.Conv2D(width, size, strides, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization(momentum=0.9)(x)


if __name__ == "__main__":
    main()
