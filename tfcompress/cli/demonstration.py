"""`tfcompress demo`: the whole way, on real images, in one command."""

import json
import logging
import time
from typing import Any

import keras
from rich.console import Console

from tfcompress import __version__, export, report
from tfcompress.cli import images as image_data
from tfcompress.cli.console import make_console
from tfcompress.cli.networks import TEACHER_WIDTHS, build_network, build_student
from tfcompress.cli.progress import StepProgress
from tfcompress.errors import ArgumentError, TFCompressError
from tfcompress.pipeline import ClassifierTraining, RunDirectory, distil_prune_quantize
from tfcompress.pipeline.distil_prune_quantize import file_name, save_model

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


def run_demo(
    *,
    data: str | None = None,
    output: str = "tfcompress-demo",
    seed: int = 0,
    epochs: int | None = None,
    overwrite: bool = False,
    console: Console | None = None,
) -> report.Comparison:
    """Trains, distils, prunes, quantizes, exports and measures, and leaves a folder.

    Args:
        data: An `.npz` file of images, as `images.load_file` takes it. Defaults to
            scikit-learn's digits.
        output: The folder for models, files, `results.json` and `report.html`.
        seed: Of the split of the data and of the training.
        epochs: Of each training. Defaults to 40, or to 10 for many images.
        overwrite: Whether files of an earlier run in the folder may be replaced.
        console: Where progress and the table are shown. Defaults to standard output.

    Returns:
        The comparison of the steps.

    Raises:
        TFCompressError: If an argument, the data or the folder cannot be used.
    """
    console = console or make_console()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if not 0 <= seed < 2**32:
        raise ArgumentError(
            f"seed must be a whole number from 0 to 2**32 - 1. Received: seed={seed}"
        )
    if epochs is not None and epochs < 1:
        raise ArgumentError(f"epochs must be 1 or more. Received: epochs={epochs}")
    images = image_data.load_file(data, seed) if data else image_data.load_digits(seed)
    directory = RunDirectory(output, overwrite=overwrite)
    keras.utils.set_random_seed(seed)
    started = time.monotonic()
    _introduce(images, console)
    progress = StepProgress(console)
    try:
        with progress.shown():
            artifacts = _run_steps(images, directory, epochs, progress)
            progress.finish()
        comparison = report.compare(artifacts, images.test)
        _leave(comparison, images, directory, seed, epochs)
    except (KeyboardInterrupt, TFCompressError):
        done = ", ".join(progress.finished) or "nothing yet"
        console.print(
            f"Stopped. Finished, and kept in {directory.path}: {done}.",
            soft_wrap=True,
        )
        raise
    console.print(comparison)
    console.print(
        f"Took {time.monotonic() - started:.0f} s. Models, files, results.json, "
        f"size-accuracy.png and report.html are in {directory.path}",
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


def _run_steps(
    images: image_data.Images,
    directory: RunDirectory,
    epochs: int | None,
    progress: StepProgress,
) -> dict[str, Any]:
    many = len(images.train[0]) >= MANY_IMAGES
    training = ClassifierTraining(
        epochs=epochs or (10 if many else 40), batch_size=128 if many else 32
    )
    shape = images.train[0].shape[1:]
    teacher = build_network(shape, images.classes, TEACHER_WIDTHS, "teacher")
    student = build_student(shape, images.classes, teacher.count_params() // 10)
    distilled = keras.models.clone_model(student)
    distilled.set_weights(student.get_weights())
    artifacts = {}
    for name, model in {"teacher": teacher, "student alone": student}.items():
        callbacks = progress.start(name, training.epochs)
        training.run(model, images.train, images.validation, callbacks)
        save_model(model, name, directory)
        artifacts[name] = export.to_tflite(
            model,
            directory.path / f"{file_name(name)}.tflite",
            target="cpu_float32",
            representative_data=images.validation[0],
        )
        progress.finish()
    shipment = distil_prune_quantize(
        teacher,
        distilled,
        images.train,
        images.validation,
        directory=directory,
        training=training,
        on_step=progress.start,
    )
    return {**artifacts, **shipment.artifacts}


def _leave(
    comparison: report.Comparison,
    images: image_data.Images,
    directory: RunDirectory,
    seed: int,
    epochs: int | None,
) -> None:
    comparison.plot(directory.path / "size-accuracy.png")
    comparison.to_html(
        directory.path / "report.html",
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
    directory.write("results.json", json.dumps(results, indent=2) + "\n")
