"""What the distillation examples share: teachers once, students often, one table.

Every row of the table is the same student, trained from the same start, on the same
batches, for the same epochs with the same optimizer. Only what it is told differs.
"""

import argparse
import dataclasses
import json
import math
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc

ALONE = "student alone"
BATCH = 128


def soft_targets(teacher: Any, student: keras.Model) -> tfc.Distiller:
    """Teaches the teacher's softened probabilities."""
    loss = tfc.distillation.LogitsDistillation(temperature=4)
    return tfc.Distiller(teacher, student, loss, student_loss_weight=0.1)


def decoupled(teacher: Any, student: keras.Model) -> tfc.Distiller:
    """Teaches the label's probability apart from those of the other classes."""
    loss = tfc.distillation.DecoupledDistillation(beta=2, temperature=4)
    return tfc.Distiller(teacher, student, loss)


def correlation(
    teacher: Any, student: keras.Model, beta: float = 1, temperature: float = 4
) -> tfc.Distiller:
    """Teaches the order of classes, with weight `beta`, and of samples alone."""
    loss = tfc.distillation.CorrelationDistillation(beta, temperature=temperature)
    return tfc.Distiller(teacher, student, loss, student_loss_weight=1 / 3)


def features(teacher: Any, student: keras.Model, weight: float = 10) -> tfc.Distiller:
    """Teaches softened probabilities and, through a regressor, features."""
    losses = [
        tfc.distillation.LogitsDistillation(temperature=4),
        tfc.distillation.FeatureDistillation("mse", "features", "features"),
    ]
    weights = [1, weight]
    return tfc.Distiller(teacher, student, losses, weights, student_loss_weight=0.1)


METHODS = {
    "KD": soft_targets,
    "DKD": decoupled,
    "DIST": correlation,
    "KD, hint": features,
}
ENSEMBLE = "KD, ensemble"


@dataclasses.dataclass(frozen=True)
class Task:
    """A task to distil: its data, the two networks, and how they train.

    Both networks end in logits, and have a layer `"features"`. Augmentation is drawn
    once and is a part of `train`: teacher and student see the same views of a sample,
    and what the teacher says of them is stored.

    Attributes:
        name: Names the files of the teachers.
        train: Inputs and class numbers.
        test: Inputs and class numbers.
        build_teacher: Builds the large network.
        build_student: Builds the small one.
        methods: Ways to distil by name, such as those of `METHODS`.
        teacher_epochs: Epochs of each teacher.
        student_epochs: Epochs of each student.
        learning_rate: That of Adam at the start; it goes down to 0 along a cosine.
    """

    name: str
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    build_teacher: Callable[[], keras.Model]
    build_student: Callable[[], keras.Model]
    methods: dict[str, Callable[[Any, keras.Model], tfc.Distiller]]
    teacher_epochs: int
    student_epochs: int
    learning_rate: float


def parse_arguments(description: str) -> argparse.Namespace:
    """Returns the arguments of the command line, the same for every example."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, help="the data; without it, small data")
    parser.add_argument("--quick", action="store_true", help="train for a minute only")
    parser.add_argument("--seeds", type=int, help="students of each row; 3, quick 1")
    parser.add_argument("--teachers", type=Path, help="folder that keeps the teachers")
    parser.add_argument("--output", type=Path, help="JSON file of all the numbers")
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or (1 if arguments.quick else 3)
    return arguments


def compare(task: Task, arguments: argparse.Namespace) -> None:
    """Trains teachers and students, and prints how the students compare.

    Args:
        task: What to distil.
        arguments: Those of `parse_arguments`.
    """
    folder = arguments.teachers or Path(tempfile.mkdtemp(prefix="tfcompress-teachers-"))
    count = 2 if arguments.quick else 3
    teachers = [train_teacher(task, folder, seed) for seed in range(count)]
    cached = [
        tfc.distillation.cache_teacher(
            teacher, task.train[0], folder / f"{task.name}_{seed}", layers=["features"]
        )
        for seed, teacher in enumerate(teachers)
    ]
    results: dict[str, Any] = {
        "train": len(task.train[1]),
        "test": len(task.test[1]),
        "teacher_parameters": teachers[0].count_params(),
        "student_parameters": task.build_student().count_params(),
        "teacher_accuracy": [accuracy([teacher], task.test) for teacher in teachers],
        "ensemble_accuracy": accuracy(teachers, task.test),
        "student_accuracy": {},
    }
    print(json.dumps(results, indent=2), flush=True)
    for seed in range(arguments.seeds):
        for name in (ALONE, *task.methods, ENSEMBLE):
            student = train_student(task, name, cached, seed)
            score = accuracy([student], task.test)
            results["student_accuracy"].setdefault(name, []).append(score)
            print(f"seed {seed}, {name}: {score:.2%}", flush=True)
            if arguments.output:
                arguments.output.write_text(json.dumps(results, indent=2))
    print(table(results["student_accuracy"]))


def train_teacher(task: Task, folder: Path, seed: int) -> keras.Model:
    """Returns a trained teacher: that of the folder, if it is there already."""
    path = folder / f"{task.name}_{seed}.keras"
    if path.exists():
        return keras.models.load_model(path)
    keras.utils.set_random_seed(100 + seed)
    teacher = task.build_teacher()
    compile_model(teacher, task, task.teacher_epochs)
    teacher.fit(*task.train, batch_size=BATCH, epochs=task.teacher_epochs, verbose=2)
    folder.mkdir(parents=True, exist_ok=True)
    teacher.save(path)
    return teacher


def train_student(
    task: Task, name: str, teachers: list[tfc.distillation.Teacher], seed: int
) -> keras.Model:
    """Returns the student of one row of the table."""
    keras.utils.set_random_seed(seed)
    trained = student = task.build_student()
    if name == ENSEMBLE:
        trained = soft_targets(teachers, student)
    elif name != ALONE:
        trained = task.methods[name](teachers[0], student)
    compile_model(trained, task, task.student_epochs)
    keras.utils.set_random_seed(seed)
    trained.fit(*task.train, batch_size=BATCH, epochs=task.student_epochs, verbose=0)
    return student


def compile_model(model: keras.Model, task: Task, epochs: int) -> None:
    """Compiles a network or a distiller, all in the same way."""
    steps = epochs * math.ceil(len(task.train[1]) / BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(task.learning_rate, steps)
    model.compile(
        keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def accuracy(models: list[keras.Model], data: tuple[np.ndarray, np.ndarray]) -> float:
    """Returns the share of classes that models get right by their mean probability."""
    x, labels = data
    logits = [model.predict(x, batch_size=BATCH, verbose=0) for model in models]
    probabilities = tf.reduce_mean(tf.nn.softmax(np.stack(logits)), axis=0)
    return float(np.mean(np.argmax(probabilities, -1) == labels))


def table(scores: dict[str, list[float]]) -> str:
    """Returns a table of the mean of each row, its spread, and what it gains.

    The spread is the standard deviation over seeds; a gain is that over the student
    alone of the same seed.

    Args:
        scores: Accuracies by the row's name, one for each seed.
    """
    lines = ["| student | accuracy, % | gain |", "|---|---|---|"]
    for name, row in scores.items():
        gains = [score - alone for score, alone in zip(row, scores[ALONE], strict=True)]
        gain = "" if name == ALONE else mean_and_spread(gains, "+.2f")
        lines.append(f"| {name} | {mean_and_spread(row, '.2f')} | {gain} |")
    return "\n".join(lines)


def mean_and_spread(values: list[float], form: str) -> str:
    """Returns the mean and standard deviation of shares, in percent."""
    percent = [100 * value for value in values]
    mean = format(statistics.mean(percent), form)
    return f"{mean} ± {statistics.stdev(percent):.2f}" if len(percent) > 1 else mean
