"""MLPerf-Tiny's ResNet-8 on CIFAR-10: distilled and quantized beside plainly trained.

Rows, each of a network trained from the same seed, on the same images in the same
views, for as many epochs:

- `alone`: trained on the labels by Keras, and written in float by TensorFlow's
  converter; `converter`: the same network in int8 by the converter;
- `mlperf`: distilled as MLPerf-Tiny does it since 2026, by a train_step written by
  hand: KL alone at temperature 2, AdamW at 0.01; in int8 by the converter;
- `ours`: a `Pipeline` that distils from the larger network and writes int8;
- `half`: a `Pipeline` that distils a ResNet-8 of fewer filters and trains it for 4-bit
  kernels: half the bytes.

The teacher is a ResNet-8 of twice the filters, trained once and for longer, on more
views. Accuracy is that of the `.tflite` file on the test images. The last 5,000
training images are left out, to choose learning rates by.

Run it with `python benchmarks/pipeline.py --data cifar10_jpeg.npz --directory
runs/pipeline --output runs/pipeline.jsonl`. Each row of a seed is done in a process of
its own and kept in `--output`; one that is there is not done again.
"""

import argparse
import dataclasses
import functools
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc
from tfcompress.pipeline import (
    Distil,
    Distillation,
    Export,
    FittingStage,
    Pipeline,
    Quantize,
    Training,
)

FILTERS, TEACHER_FILTERS, HALF_FILTERS = 16, 32, 14
VALIDATION, CALIBRATION, QUICK = 5000, 500, 1000
BATCH, TEACHER_BATCH, WARMUP = 64, 128, 0.05
TEACHER = "teacher"
NAMES = {
    TEACHER: "the teacher, float",
    "alone": "trained alone, float",
    "converter": "trained alone, int8 by the converter",
    "mlperf": "MLPerf-Tiny's distiller, int8 by the converter",
    "ours": "ours: distilled, int8",
    "half": "ours: distilled, fewer filters, 4-bit kernels",
}
LABELS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
Data = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of one seed.

    Attributes:
        seed: What the network starts from, and the order of its data.
        epochs: How long the network trains.
        rate: Its highest learning rate.
        images: Images to train on, and their classes.
        validation: Images that no network trains on, and their classes.
        path: Where the file of the row is written.
    """

    seed: int
    epochs: int
    rate: float
    images: Data
    validation: Data
    path: Path

    @functools.cached_property
    def train(self) -> Data:
        """Images in the view that students see, and their classes."""
        return draw_view(self.images[0], 0), self.images[1]

    @property
    def teacher(self) -> Path:
        """File of the larger network."""
        return self.path.with_name("teacher.keras")


def main() -> None:
    """Measures what `--output` does not hold yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="CIFAR-10 as JPEG")
    parser.add_argument("--directory", type=Path, required=True, help="for networks")
    parser.add_argument("--output", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--epochs", type=int, default=3, help="of students")
    parser.add_argument("--teacher-epochs", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="to see that it runs")
    parser.add_argument("--rate", type=float, default=3e-3, help="learning rate")
    parser.add_argument("--child", nargs=2, metavar=("ROW", "SEED"))
    arguments = parser.parse_args()
    if arguments.child:
        measure(arguments, arguments.child[0], int(arguments.child[1]))
        return
    arguments.directory.mkdir(parents=True, exist_ok=True)
    rows = [row for row in arguments.rows if row != TEACHER]
    wanted = [(row, seed) for seed in arguments.seeds for row in rows]
    for row, seed in [(TEACHER, 0), *wanted]:
        if (row, seed) not in read_results(arguments.output):
            line = run_child(row, seed)
            with arguments.output.open("a") as file:
                file.write(line + "\n")
            print(line, flush=True)
    print(table(read_results(arguments.output), arguments.seeds))


def read_results(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Returns what a file of JSON lines says of each row and seed."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {(each["row"], each["seed"]): each for each in map(json.loads, lines)}


def run_child(row: str, seed: int) -> str:
    """Does one row of one seed in a process of its own; returns its last line."""
    command = [sys.executable, *sys.argv, "--child", row, str(seed)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()[-1]


def table(results: dict[tuple[str, int], dict[str, Any]], seeds: list[int]) -> str:
    """Returns the mean and standard deviation of each row over the seeds."""
    lines = ["| network | accuracy, % | gain | bytes |", "|---|---:|---:|---:|"]
    for row, name in NAMES.items():
        found = {seed: results[row, seed] for seed in seeds if (row, seed) in results}
        if not found:
            continue
        scores = [100 * result["accuracy"] for result in found.values()]
        gains = [
            100 * (result["accuracy"] - results["converter", seed]["accuracy"])
            for seed, result in found.items()
            if row not in ("converter", TEACHER) and ("converter", seed) in results
        ]
        gain = spread(gains, "+.2f") if gains else ""
        size = max(result["bytes"] for result in found.values())
        lines.append(f"| {name} | {spread(scores, '.2f')} | {gain} | {size:,} |")
    return "\n".join(lines)


def spread(values: list[float], form: str) -> str:
    """Returns the mean of values and their standard deviation."""
    mean = format(statistics.mean(values), form)
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


def measure(arguments: argparse.Namespace, row: str, seed: int) -> None:
    """Makes the file of one row and seed, and prints its figures as JSON."""
    images, labels = read_jpeg(arguments.data, "train", arguments.quick)
    held = QUICK if arguments.quick else VALIDATION
    validation = images[-held:], labels[-held:]
    images, labels = images[:-held], labels[:-held]
    path = arguments.directory / f"{row}_{seed}.tflite"
    epochs = arguments.teacher_epochs if row == TEACHER else arguments.epochs
    run = Run(seed, epochs, arguments.rate, (images, labels), validation, path)
    ROWS[row](run)
    test = read_jpeg(arguments.data, "test", arguments.quick)
    result = {
        "row": row,
        "seed": seed,
        "accuracy": tfc.measurement.evaluate(path, test).accuracy,
        "validation": tfc.measurement.evaluate(path, validation).accuracy,
        "bytes": path.stat().st_size,
    }
    print(json.dumps(result))


def write_teacher(run: Run) -> None:
    """Trains the larger network, which sees each image in another view each epoch."""
    if not run.teacher.exists():
        keras.utils.set_random_seed(100)
        images, labels = run.images
        views = np.concatenate([draw_view(images, view) for view in range(run.epochs)])
        teacher = build_resnet8(TEACHER_FILTERS)
        rate = cosine(run.rate, math.ceil(len(views) / TEACHER_BATCH))
        teacher.compile(keras.optimizers.Adam(rate), loss=LABELS)
        labels = np.tile(labels, run.epochs)
        teacher.fit(views, labels, batch_size=TEACHER_BATCH, verbose=0)
        teacher.save(run.teacher)
    convert(keras.models.load_model(run.teacher), run.path)


def write_alone(run: Run) -> None:
    """Trains a network on the labels alone, and writes it in float."""
    convert(train_alone(run), run.path)


def write_converted(run: Run) -> None:
    """Writes the network that was trained alone in int8."""
    convert(train_alone(run), run.path, run.train[0])


def train_alone(run: Run) -> keras.Model:
    """Returns the network trained on the labels alone, once for both of its rows."""
    kept = run.path.with_name(f"alone_{run.seed}.keras")
    if kept.exists():
        return keras.models.load_model(kept)
    keras.utils.set_random_seed(run.seed)
    model = build_resnet8(FILTERS)
    steps = run.epochs * math.ceil(len(run.train[1]) / BATCH)
    model.compile(keras.optimizers.Adam(cosine(run.rate, steps)), loss=LABELS)
    model.fit(*run.train, batch_size=BATCH, epochs=run.epochs, verbose=0)
    model.save(kept)
    return model


def write_mlperf(run: Run) -> None:
    """Distils as MLPerf-Tiny's script does, and writes the student in int8.

    Each image comes in one view, so the teacher runs over it once.
    """
    teacher = keras.models.load_model(run.teacher)
    said = teacher.predict(run.train[0], batch_size=500, verbose=0)
    keras.utils.set_random_seed(run.seed)
    student = build_resnet8(FILTERS)
    distiller = HandWrittenDistiller(student, temperature=2.0)
    rate = cosine(1e-2, run.epochs * math.ceil(len(said) / BATCH))
    distiller.compile(keras.optimizers.AdamW(rate, weight_decay=1e-5, clipnorm=1.0))
    distiller.fit(run.train[0], said, batch_size=BATCH, epochs=run.epochs, verbose=0)
    convert(student, run.path, run.train[0])


class HandWrittenDistiller(keras.Model):
    """Distillation written by hand, with the loss of MLPerf-Tiny's script.

    Its networks end in softmax, and the loss takes the softmax of their probabilities
    once more, divided by the temperature; there is no factor of its square.
    """

    def __init__(self, student: keras.Model, temperature: float):
        super().__init__()
        self.student = student
        self.temperature = temperature

    def train_step(self, data: Data) -> dict[str, Any]:
        """Trains on a batch of images and what the teacher says of them."""
        x, said = data
        soft = tf.nn.softmax(tf.nn.softmax(said) / self.temperature)
        with tf.GradientTape() as tape:
            probabilities = tf.nn.softmax(self.student(x, training=True))
            logarithms = tf.nn.log_softmax(probabilities / self.temperature)
            each = tf.reduce_sum(soft * (tf.math.log(soft) - logarithms), axis=-1)
            loss = tf.reduce_mean(each)
        variables = self.student.trainable_variables
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, variables), variables, strict=True)
        )
        return {"loss": loss}


def write_ours(run: Run) -> None:
    """Distils, and writes int8."""
    run_pipeline(run, FILTERS, [Distil(**learning(run, epochs=run.epochs))])


def write_half(run: Run) -> None:
    """Distils a narrower network, and trains it for 4-bit kernels in the last epoch.

    The learning rate falls in that epoch. Where there are few weights they keep 8 bits.
    """
    layers = {"first": 8, "shortcut_*": 8, "classes": 8}
    stages = [
        Distil(**learning(run, epochs=run.epochs - 1, schedule="constant")),
        Quantize(weight_bits=4, layers=layers, **learning(run, epochs=1)),
    ]
    run_pipeline(run, HALF_FILTERS, stages)


def learning(run: Run, **settings: Any) -> dict[str, Any]:
    """Returns how a stage trains, and what it learns from the teacher."""
    settings = {"learning_rate": run.rate, "warmup": WARMUP, **settings}
    return {
        "training": Training(batch_size=BATCH, **settings),
        "distillation": Distillation(
            teacher=str(run.teacher),
            loss="correlation",
            student_loss_weight=1 / 3,
            cached=True,
        ),
    }


def run_pipeline(run: Run, filters: int, stages: list[FittingStage]) -> None:
    """Runs a pipeline on an untrained network, and puts its file in its place."""
    keras.utils.set_random_seed(run.seed)
    model = build_resnet8(filters)
    pipeline = Pipeline([*stages, Export()], seed=run.seed)
    result = pipeline.run(
        model, run.train, run.validation, directory=run.path.with_suffix(""), verbose=0
    )
    shutil.copy(result.artifacts["export"], run.path)


def convert(model: keras.Model, path: Path, images: Any = None) -> None:
    """Writes a file by TensorFlow's converter: float, or int8 where it has images."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if images is not None:
        few = images[:CALIBRATION].astype("float32")
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in few)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())


def cosine(rate: float, steps: int) -> Any:
    """Returns a learning rate that rises for a share of the steps, and falls to 0."""
    rising = round(WARMUP * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - rising, warmup_target=rate, warmup_steps=rising
    )


def build_resnet8(filters: int) -> keras.Model:
    """Builds MLPerf-Tiny's ResNet-8; it ends in logits."""
    layers, inputs = keras.layers, keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.ReLU()(normalized(x, filters, name="first"))
    for width, strides in ((filters, 1), (2 * filters, 2), (4 * filters, 2)):
        branch = layers.ReLU()(normalized(x, width, strides))
        branch = normalized(branch, width)
        if strides > 1:
            x = convolution(x, width, 1, strides, name=f"shortcut_{width}")
        x = layers.ReLU()(layers.Add()([x, branch]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, name="classes")(x))


def normalized(x: Any, width: int, strides: int = 1, name: str | None = None) -> Any:
    """Applies a 3 by 3 convolution and batch normalization."""
    return keras.layers.BatchNormalization()(convolution(x, width, 3, strides, name))


def convolution(x: Any, width: int, size: int, strides: int, name: str | None) -> Any:
    """Applies a convolution that starts as those of MLPerf-Tiny do."""
    start = {"kernel_initializer": "he_normal", "name": name}
    return keras.layers.Conv2D(width, size, strides, padding="same", **start)(x)


def read_jpeg(path: Path, part: str, quick: bool) -> Data:
    """Returns the images of a part of the file, and their classes."""
    file = np.load(path)
    joined, offset = file[f"jpeg_{part}"], file[f"offset_{part}"]
    labels = file[f"y_{part}"].astype("int32")
    if quick:
        labels = labels[: 2 * QUICK]
    images = [
        tf.io.decode_jpeg(joined[offset[i] : offset[i + 1]].tobytes()).numpy()
        for i in range(len(labels))
    ]
    return np.stack(images), labels


def draw_view(images: np.ndarray, view: int) -> np.ndarray:
    """Returns each image shifted by up to 4 points, half of them mirrored."""
    generator = np.random.default_rng(view)
    count = len(images)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    top, left = generator.integers(0, 9, (2, count))
    mirrored = generator.random(count)[:, None] < 0.5
    across = np.where(mirrored, np.arange(31, -1, -1), np.arange(32))
    rows = (top[:, None] + np.arange(32))[:, :, None]
    columns = (left[:, None] + across)[:, None, :]
    return padded[np.arange(count)[:, None, None], rows, columns]


ROWS: dict[str, Callable[[Run], None]] = {
    TEACHER: write_teacher,
    "alone": write_alone,
    "converter": write_converted,
    "mlperf": write_mlperf,
    "ours": write_ours,
    "half": write_half,
}


if __name__ == "__main__":
    main()
