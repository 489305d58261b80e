"""The main job: distil, prune and quantize a student, and ship it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tfcompress import keras_compat
from tfcompress.distillation import Distiller, LogitsDistillation
from tfcompress.export import Artifact, to_tflite
from tfcompress.pipeline.classifier_training import Arrays, ClassifierTraining
from tfcompress.pipeline.run_directory import RunDirectory
from tfcompress.pruning import MagnitudePruning
from tfcompress.quantization import QuantizationAwareTraining, calibrate


@dataclasses.dataclass(frozen=True)
class Shipment:
    """What the main job leaves: a file for each step, the last one to ship.

    Attributes:
        artifacts: The `.tflite` of each step, by the step's name, in order.
        models: The Keras model of each step that has one.
    """

    artifacts: dict[str, Artifact]
    models: dict[str, Any]


def distil_prune_quantize(
    teacher: Any,
    student: Any,
    train: Arrays,
    validation: Arrays,
    *,
    directory: RunDirectory,
    training: ClassifierTraining,
    temperature: float = 4.0,
    sparsity: float = 0.8,
    on_step: Callable[[str, int], Sequence[Any]] = lambda name, epochs: (),
) -> Shipment:
    """Takes an untrained student to a full-integer `.tflite`, taught by a teacher.

    The student is distilled; pruned while it is distilled; trained with the rounding of
    8 bits while it is distilled, its zeros kept; and exported. The models and files of
    each step are in the folder as soon as the step is done.

    Args:
        teacher: A trained classifier of either Keras.
        student: An untrained classifier with the same outputs, that ends in logits.
            It is not changed.
        train: Inputs of shape `(samples, ...)` and class numbers `(samples,)`.
        validation: The same, for the figures after each epoch.
        directory: Where models and files go.
        training: How to train. Pruning takes as many epochs, quantization a quarter.
        temperature: Of the distillation. Defaults to 4.
        sparsity: Share of zero weights. Defaults to 0.8.
        on_step: Called with the name of a step and its epochs before it starts; returns
            callbacks for its training, such as a progress bar.

    Returns:
        The `Shipment`.

    Raises:
        TFCompressError: If a model, the data or the folder cannot be used.

    Example:
    ```python
    shipment = distil_prune_quantize(
        teacher, student, (x, y), (x_validation, y_validation),
        directory=RunDirectory("run"), training=ClassifierTraining(epochs=20),
    )
    ```
    """
    loss = LogitsDistillation(temperature)
    artifacts: dict[str, Artifact] = {}
    models: dict[str, Any] = {}

    def teach(
        name: str, model: Any, how: ClassifierTraining, callbacks: Sequence[Any]
    ) -> Any:
        distiller = Distiller(teacher, model, loss, student_loss_weight=0.1)
        shown = on_step(name, how.epochs)
        how.run(distiller, train, validation, [*callbacks, *shown])
        return distiller.student

    def keep(name: str, model: Any) -> None:
        models[name] = model
        save_model(model, name, directory)

    def ship(name: str, model: Any, target: str) -> None:
        path = directory.path / f"{file_name(name)}.tflite"
        artifacts[name] = to_tflite(
            model, path, target=target, representative_data=train[0]
        )

    student = keras_compat.to_origin(student, like=student)
    teach("distilled", student, training, [])
    keep("distilled", student)
    ship("distilled", student, "cpu_float32")

    pruning = MagnitudePruning(sparsity)
    pruned = pruning.finalize(
        teach(
            "distilled + pruned", pruning.apply(student), training, pruning.callbacks()
        )
    )
    keep("distilled + pruned", pruned)
    ship("distilled + pruned", pruned, "cpu_float32")

    quantization = QuantizationAwareTraining(preserve=("sparsity",))
    aware = calibrate(quantization.apply(pruned), train[0])
    name = "distilled + pruned + quantized"
    gentle = dataclasses.replace(
        training,
        epochs=max(1, training.epochs // 4),
        learning_rate=training.learning_rate / 10,
    )
    teach(name, aware, gentle, quantization.callbacks())
    keep(name, quantization.finalize(aware))
    ship(name, aware, "cpu_int8_float_io")
    on_step("shipped file", 0)
    ship("shipped file", aware, "cpu_int8")
    return Shipment(artifacts, models)


def save_model(model: Any, name: str, directory: RunDirectory) -> None:
    """Saves a step's model as a `.keras` file in the folder of the run."""
    with directory.writing(f"{file_name(name)}.keras") as path:
        model.save(path)


def file_name(step: str) -> str:
    """Returns the name of a step as it stands in file names."""
    return step.replace(" + ", "-").replace(" ", "-")
