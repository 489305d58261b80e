"""The demonstration: the whole way, on real images, in one command."""

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from rich.console import Console

from tfcompress import __version__, report
from tfcompress.cli import images as image_data
from tfcompress.cli.console import make_console
from tfcompress.cli.demo_folder import RESULTS, DemoFolder
from tfcompress.cli.networks import TEACHER_WIDTHS, build_network, build_student
from tfcompress.errors import TFCompressError
from tfcompress.pipeline import (
    Distil,
    Distillation,
    Export,
    FittingStage,
    Pipeline,
    PruneWeights,
    Quantize,
    Stage,
    Training,
    TrainTeacher,
)

MANY_IMAGES = 10_000
NOTES = {
    "teacher": "the large network, trained on the labels",
    "student alone": "the small network, trained on the labels: the baseline",
    "distilled": "the small network, taught by the teacher",
    "distilled + pruned": "80 % of its weights set to zero while being taught",
    "distilled + pruned + quantized": "trained with the rounding of 8 bits while being "
    "taught, its zeros kept; full integer inside, float32 in and out",
    "shipped file": "the same network, full integer, int8 in and out",
}


@dataclasses.dataclass(frozen=True)
class Step:
    """A row of the table.

    Attributes:
        target: What its file is made for.
        stage: How its model comes from that of the step before, or None where it is
            the same.
    """

    target: str
    stage: FittingStage | None = None


def run_demo(
    *,
    data: str | None = None,
    output: str = "tfcompress-demo",
    seed: int = 0,
    epochs: int | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    console: Console | None = None,
) -> report.Comparison:
    """Trains, distils, prunes, quantizes, exports and measures, and leaves a folder.

    One that was stopped goes on where it was.

    Args:
        data: An `.npz` file of images, as `images.load_file` takes it. Defaults to
            scikit-learn's digits.
        output: The folder for models, files, `results.json` and `report.html`.
        seed: Of the split of the data and of the training.
        epochs: Of each training. Defaults to 40, or to 10 for many images.
        overwrite: Whether to start anew in a folder that holds something.
        quiet: Whether no progress is shown.
        console: Where the table is shown. Defaults to standard output.

    Returns:
        The comparison of the steps.

    Raises:
        TFCompressError: If an argument, the data or the folder cannot be used.
    """
    console = console or make_console()
    images = image_data.load_file(data, seed) if data else image_data.load_digits(seed)
    training = _choose_training(images, epochs)
    folder = DemoFolder(output, runs=("alone", "taught"), overwrite=overwrite)
    started = time.monotonic()
    _introduce(images, console)
    keras.utils.set_random_seed(seed)
    shape = images.train[0].shape[1:]
    teacher = build_network(shape, images.classes, TEACHER_WIDTHS, "teacher")
    student = build_student(shape, images.classes, teacher.count_params() // 10)
    runs = {
        "alone": (student, _train_alone(training)),
        "taught": (teacher, _teach(student, training)),
    }
    files: dict[str, Path] = {}
    try:
        for name, (model, steps) in runs.items():
            result = Pipeline(_list_stages(steps), name=name, seed=seed).run(
                model,
                images.train,
                images.validation,
                directory=folder.run(name),
                verbose=0 if quiet else 1,
            )
            files |= _keep_files(result, steps, folder)
    except (KeyboardInterrupt, TFCompressError):
        console.print(
            f"Stopped. What is finished is kept in {folder.path}; the same command "
            "goes on there.",
            soft_wrap=True,
        )
        raise
    comparison = report.compare({step: files[step] for step in NOTES}, images.test)
    _leave(comparison, images, folder, seed, epochs)
    console.print(comparison)
    console.print(
        f"Took {time.monotonic() - started:.0f} s. Models, files, results.json, "
        f"size-accuracy.png and report.html are in {folder.path}",
        soft_wrap=True,
    )
    return comparison


def _introduce(images: image_data.Images, console: Console) -> None:
    counts = [len(part[0]) for part in (images.train, images.validation, images.test)]
    console.print(
        f"tfcompress {__version__}: {images.name}, {images.classes} classes; "
        f"{counts[0]} images to train, {counts[1]} to validate, {counts[2]} to test; "
        f"{images.prepared}.",
        soft_wrap=True,
    )


def _choose_training(images: image_data.Images, epochs: int | None) -> Training:
    many = len(images.train[0]) >= MANY_IMAGES
    usual = 10 if many else 40
    return Training(
        epochs=usual if epochs is None else epochs,
        batch_size=128 if many else 32,
        learning_rate=2e-3,
    )


def _train_alone(training: Training) -> dict[str, Step]:
    return {"student alone": Step("cpu_float32", TrainTeacher(training=training))}


def _teach(student: Any, training: Training) -> dict[str, Step]:
    taught = Distillation(temperature=4)
    gentle = dataclasses.replace(
        training,
        epochs=max(1, training.epochs // 4),
        learning_rate=training.learning_rate / 10,
    )
    distil = Distil(student=student, training=training, distillation=taught)
    prune = PruneWeights(sparsity=0.8, training=training, distillation=taught)
    quantize = Quantize(training=gentle, distillation=taught)
    return {
        "teacher": Step("cpu_float32", TrainTeacher(training=training)),
        "distilled": Step("cpu_float32", distil),
        "distilled + pruned": Step("cpu_float32", prune),
        "distilled + pruned + quantized": Step("cpu_int8_float_io", quantize),
        "shipped file": Step("cpu_int8"),
    }


def _list_stages(steps: Mapping[str, Step]) -> list[Stage]:
    stages: list[Stage] = []
    for step, how in steps.items():
        name = _file_name(step)
        if how.stage is not None:
            stages.append(dataclasses.replace(how.stage, name=name))
        stages.append(Export(name=f"{name}.tflite", target=how.target))
    return stages


def _keep_files(
    result: Any, steps: Mapping[str, Step], folder: DemoFolder
) -> dict[str, Path]:
    """Copies models and files of a run to the front; returns the file of each step."""
    files = {}
    for step, how in steps.items():
        name = _file_name(step)
        artifact = result.artifacts[f"{name}.tflite"]
        files[step] = folder.write(f"{name}.tflite", artifact.path.read_bytes())
        folder.write(f"{name}.tflite.json", artifact.account.read_bytes())
        if how.stage is not None:
            model = result.stages[name].path / "model.keras"
            folder.write(f"{name}.keras", model.read_bytes())
    return files


def _leave(
    comparison: report.Comparison,
    images: image_data.Images,
    folder: DemoFolder,
    seed: int,
    epochs: int | None,
) -> None:
    comparison.plot(folder.path / "size-accuracy.png")
    comparison.to_html(
        folder.path / "report.html",
        title=f"tfcompress demo: {images.name}",
        notes=NOTES,
    )
    results = {
        "tfcompress": __version__,
        "data": images.name,
        "seed": seed,
        "epochs": epochs,
        **json.loads(comparison.to_json()),
    }
    folder.write(RESULTS, json.dumps(results, indent=2) + "\n")


def _file_name(step: str) -> str:
    """Returns the name of a step as it stands in file names."""
    return step.replace(" + ", "-").replace(" ", "-")
