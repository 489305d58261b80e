"""What a training step of distillation costs, beside other ways to write it.

On two pairs of Keras 3 models with 32x32x3 inputs, a convolutional one and a
MobileNet-like one whose teacher is much larger than the student, the same batches are
trained on, in one process and in turn, in these ways:

- plain: `fit` of the student alone, on the labels;
- loop: a hand-written loop around a `tf.function`, without metrics or callbacks;
- hand-written: the same step as the `train_step` of a `keras.Model`, run by `fit`, with
  the metrics that a distiller has: this is what the live distiller is held against;
- keras: `keras.distillation`, with a `KLDivergence` instance;
- live: `tfcompress.Distiller`;
- cached: the same, with a teacher from `cache_teacher` (float16);
- keras, features and live, features: both with a loss on a layer beside the logits.

Each round runs one `fit` of every way, in another order; the first fits, which trace,
are left out, and so are the first steps of each fit. The table shows the median
milliseconds of a step, by the clock and of the processor, and ratios of these medians.
Run it with `python benchmarks/distillation_step.py`; on two cores it takes about five
minutes. Nothing is written unless `--output` names a file for the numbers, as JSON.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tfcompress as tfc

BATCH, CLASSES, TEMPERATURE, SHARE = 64, 10, 4.0, 0.3
FEATURE_WEIGHT = 10.0
# Steps at the start of each fit that are not counted.
SKIPPED = 3
# A way, the way it is held against, and the bar for the ratio of their medians.
BARS = (
    ("live", "hand-written", 1.03),
    ("live, features", "keras, features", 0.8),
    ("cached", "plain", 1.08),
)
PAIRS = ("convolutional", "MobileNet-like")


def main() -> None:
    """Measures the pairs that were asked for and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument(
        "--rounds", type=int, default=15, help="fits of each way; default 15"
    )
    parser.add_argument(
        "--steps", type=int, default=25, help="steps of each fit; default 25"
    )
    parser.add_argument("--output", type=Path, help="a JSON file for the numbers")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.steps <= SKIPPED:
        parser.error(f"it takes 1 round and {SKIPPED + 1} steps at the least")
    console, results = Console(), {}
    for pair in arguments.pairs:
        results[pair] = measure(pair, arguments.rounds, arguments.steps)
        console.print(as_table(pair, results[pair]))
        for line in bars(results[pair]):
            console.print(line)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=2) + "\n")


def measure(pair: str, rounds: int, steps: int) -> dict[str, dict[str, float]]:
    """Returns the median seconds of a step of each way, by both clocks."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(BATCH * steps, 32, 32, 3)).astype("float32")
    y = generator.integers(0, CLASSES, len(x))
    with tempfile.TemporaryDirectory() as folder:
        ways = build_ways(pair, x, y, folder)
        for run in ways.values():
            run()
        found: dict[str, list[Any]] = {name: [] for name in ways}
        order = list(ways)
        progress = track(
            range(rounds), pair, console=Console(stderr=True), transient=True
        )
        for _ in progress:
            random.Random(len(found["plain"])).shuffle(order)
            for name in order:
                found[name].extend(ways[name]())
    return {
        name: {
            "seconds": statistics.median(wall for wall, _ in pairs),
            "processor_seconds": statistics.median(cpu for _, cpu in pairs),
        }
        for name, pairs in found.items()
    }


def build_ways(
    pair: str, x: Any, y: Any, folder: str
) -> dict[str, Callable[[], list[Any]]]:
    """Returns what runs one fit of each way, and says the times of its steps."""
    build = build_convolutional if pair == "convolutional" else build_mobile
    keras.utils.set_random_seed(0)
    teacher = build("teacher")
    student = build("student")

    def copy() -> Any:
        model = keras.models.clone_model(student)
        model.set_weights(student.get_weights())
        return model

    logits = tfc.distillation.LogitsDistillation(TEMPERATURE)
    hint = tfc.distillation.FeatureDistillation("mse", "feature", "feature")
    cached = tfc.distillation.cache_teacher(teacher, x, folder)
    weights = [1.0, FEATURE_WEIGHT]
    models = {
        "plain": copy(),
        "hand-written": HandWritten(teacher, copy()),
        "keras": keras.distillation.Distiller(
            teacher, copy(), keras_logits(), student_loss_weight=SHARE
        ),
        "live": tfc.Distiller(teacher, copy(), logits, None, SHARE),
        "cached": tfc.Distiller(cached, copy(), logits, None, SHARE),
        "keras, features": keras.distillation.Distiller(
            teacher,
            copy(),
            [
                keras_logits(),
                keras.distillation.FeatureDistillation("mse", "feature", "feature"),
            ],
            weights,
            SHARE,
        ),
        "live, features": tfc.Distiller(
            teacher, copy(), [logits, hint], weights, SHARE
        ),
    }
    for model in models.values():
        model.compile(
            keras.optimizers.Adam(1e-3),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
    ways = {name: fit_of(model, x, y) for name, model in models.items()}
    return {"plain": ways.pop("plain"), "loop": loop_of(teacher, copy(), x, y), **ways}


def fit_of(model: Any, x: Any, y: Any) -> Callable[[], list[Any]]:
    """Returns what runs one epoch of `fit`, and says the times of its steps."""

    def run() -> list[Any]:
        clock = Clock()
        model.fit(batches(x, y), verbose=0, callbacks=[OnBatches(clock)], shuffle=False)
        return clock.steps()

    return run


def loop_of(teacher: Any, student: Any, x: Any, y: Any) -> Callable[[], list[Any]]:
    """Returns what runs the bare loop over the data once."""
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(student.trainable_variables)

    @tf.function
    def step(inputs: Any, labels: Any) -> Any:
        return take_step(teacher, student, optimizer, inputs, labels)[0]

    def run() -> list[Any]:
        clock = Clock()
        for inputs, labels in batches(x, y):
            step(inputs, labels)
            clock.tick()
        return clock.steps()

    return run


def batches(x: Any, y: Any) -> tf.data.Dataset:
    """Returns the data in batches, without shuffling, read ahead."""
    data = tf.data.Dataset.from_tensor_slices((x, y))
    return data.batch(BATCH, drop_remainder=True).prefetch(2)


def take_step(
    teacher: Any, student: Any, optimizer: Any, x: Any, y: Any
) -> tuple[Any, Any, Any, Any]:
    """Takes the step that is hand-written: KL divergence, teacher outside the tape."""
    targets = teacher(x, training=False)
    log_q = tf.nn.log_softmax(targets / TEMPERATURE)
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        hard = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        )
        log_p = tf.nn.log_softmax(logits / TEMPERATURE)
        rows = tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), -1)
        soft = TEMPERATURE**2 * tf.reduce_mean(rows)
        loss = SHARE * hard + (1 - SHARE) * soft
    variables = student.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return loss, hard, soft, logits


class HandWritten(keras.Model):
    """The hand-written step under `fit`, with the metrics that a distiller has."""

    def __init__(self, teacher: Any, student: Any):
        super().__init__()
        teacher.trainable = False
        self.teacher = teacher
        self.student = student
        names = ("loss", "student_loss", "distillation_loss")
        self.means = [keras.metrics.Mean(name=name) for name in names]
        self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        self.built = True

    @property
    def metrics(self) -> list[Any]:
        """The metrics that `fit` resets."""
        return [*self.means, self.accuracy]

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes one step, and returns the means so far."""
        x, y = data
        *losses, logits = take_step(self.teacher, self.student, self.optimizer, x, y)
        for mean, value in zip(self.means, losses, strict=True):
            mean.update_state(value)
        self.accuracy.update_state(y, logits)
        return {metric.name: metric.result() for metric in self.metrics}


def keras_logits() -> Any:
    """Returns the loss of `keras.distillation` that is right: by an instance."""
    return keras.distillation.LogitsDistillation(
        loss=keras.losses.KLDivergence(), temperature=TEMPERATURE
    )


class Clock:
    """Notes the time after each step, by the clock and of the processor."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def tick(self) -> None:
        """Notes that a step ended."""
        self.times.append((time.perf_counter(), time.process_time()))

    def steps(self) -> list[tuple[float, float]]:
        """Returns the seconds that each step took, but for the first ones."""
        times = self.times[SKIPPED - 1 :]
        pairs = itertools.pairwise(times)
        return [(b[0] - a[0], b[1] - a[1]) for a, b in pairs]


class OnBatches(keras.callbacks.Callback):
    """Tells a clock of each batch that ends."""

    def __init__(self, clock: Clock):
        super().__init__()
        self.clock = clock

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Notes that a step ended."""
        self.clock.tick()


def build_convolutional(role: str) -> Any:
    """Builds a network of three blocks of convolutions; the teacher's are wider."""
    widths = {"teacher": (32, 64, 64), "student": (16, 32, 64)}[role]
    inputs = x = keras.Input((32, 32, 3))
    for width in widths:
        for _ in range(2 if role == "teacher" else 1):
            x = normalized(keras.layers.Conv2D(width, 3, padding="same"), x)
        x = keras.layers.MaxPooling2D()(x)
    return with_head(role, inputs, x)


def build_mobile(role: str) -> Any:
    """Builds a network of separable convolutions; the teacher is wider and deeper."""
    widths = {"teacher": (64, 128, 128, 256, 256, 256), "student": (16, 32, 64)}[role]
    strides = {"teacher": (1, 2, 1, 2, 1, 1), "student": (2, 2, 1)}[role]
    inputs = keras.Input((32, 32, 3))
    x = normalized(keras.layers.Conv2D(widths[0] // 2, 3, padding="same"), inputs)
    for width, stride in zip(widths, strides, strict=True):
        depthwise = keras.layers.DepthwiseConv2D(3, strides=stride, padding="same")
        x = normalized(depthwise, x)
        x = normalized(keras.layers.Conv2D(width, 1), x)
    return with_head(role, inputs, normalized(keras.layers.Conv2D(64, 1), x))


def normalized(layer: Any, x: Any) -> Any:
    """Applies a layer, normalization and a rectifier."""
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(layer(x)))


def with_head(role: str, inputs: Iterable[Any], x: Any) -> Any:
    """Ends a network: features of 64 channels, their means, logits."""
    x = keras.layers.Activation("linear", name="feature")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x), name=role)


def as_table(pair: str, found: dict[str, dict[str, float]]) -> Table:
    """Builds the table of one pair."""
    table = Table(title=f"A step of {BATCH} samples, {pair} pair", box=box.SIMPLE_HEAD)
    table.add_column("way", no_wrap=True)
    for title in ("clock", "processor"):
        table.add_column(f"{title}\nms", justify="right")
        table.add_column("\n/ plain", justify="right")
        table.add_column("/ hand-\nwritten", justify="right")
    for name, taken in found.items():
        cells = []
        for clock in ("seconds", "processor_seconds"):
            cells.append(f"{1e3 * taken[clock]:.2f}")
            for reference in ("plain", "hand-written"):
                cells.append(f"{taken[clock] / found[reference][clock]:.3f}")
        table.add_row(name, *cells)
    return table


def bars(found: dict[str, dict[str, float]]) -> list[str]:
    """Says of each bar whether it is held."""
    lines = []
    for name, reference, bar in BARS:
        wall, processor = (
            found[name][clock] / found[reference][clock]
            for clock in ("seconds", "processor_seconds")
        )
        held = "held" if wall <= bar else "NOT HELD"
        lines.append(
            f"{name} / {reference}: {wall:.3f} (processor {processor:.3f}), "
            f"bar {bar}: {held}"
        )
    return lines


if __name__ == "__main__":
    main()
