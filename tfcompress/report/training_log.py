"""A log of a training for TensorBoard."""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, OutputError
from tfcompress.measurement import agreement
from tfcompress.observation import Observed


def training_log(
    model: Any,
    directory: str | os.PathLike[str],
    *,
    teacher: Any = None,
    data: Any = None,
) -> Any:
    """Returns a callback that logs what compression changes, for TensorBoard.

    At the end of each epoch it writes, as scalars over the epochs:

    - what `fit` reports, under `epoch/`: the losses by name and the metrics, of the
      validation data too;
    - what the model tells of itself, under `distillation/`: of a `Distiller` its
      temperatures and the weights of its losses;
    - the share of zeros of each layer that is being pruned, and of all of them
      together, under `zeros/`;
    - the range of each tensor of a quantization-aware model, under `ranges/`;
    - the share of samples on which model and teacher choose the same class, as
      `agreement`, where both `teacher` and `data` are given.

    Look at them with `tensorboard --logdir DIRECTORY`.

    Args:
        model: The model that `fit` is called on, of either Keras: a `Distiller`, or
            what `apply` of a technique returned, or any other.
        directory: Where the log goes; it is made if it does not exist.
        teacher: A classifier to compare with: a model of either Keras or the path of a
            `.tflite` file. Defaults to None: no agreement is measured.
        data: Inputs to compare on, in a form that `tfcompress.data.batches` accepts;
            some hundred samples are enough. Goes with `teacher`.

    Returns:
        A callback of the model's Keras, for `callbacks` of its `fit`.

    Raises:
        ArgumentError: If one of `teacher` and `data` is given without the other.
        ModelError: If `model` is no model of either Keras.
        OutputError: If the directory cannot be written.

    Example:
    ```python
    log = tfc.report.training_log(distiller, "logs", teacher=teacher, data=images)
    distiller.fit(x, y, epochs=10, callbacks=[log])
    ```
    """
    if (teacher is None) != (data is None):
        missing = "teacher" if teacher is None else "data"
        raise ArgumentError(
            "teacher and data go together: agreement is measured of the one on the "
            f"other. Received: {missing}=None"
        )
    library: Any = keras_compat.keras_of(model)
    folder = os.fspath(directory)
    try:
        os.makedirs(folder, exist_ok=True)
        writer = tf.summary.create_file_writer(folder)
    except (OSError, tf.errors.OpError) as error:
        raise OutputError(
            "Cannot write a log; choose a folder that can be written to. "
            f"Received: directory={folder!r} ({error})"
        ) from error

    def write(epoch: int, logs: Mapping[str, Any] | None) -> None:
        values = {f"epoch/{name}": float(value) for name, value in (logs or {}).items()}
        values |= observe(model)
        if teacher is not None:
            values["agreement"] = float(agreement(teacher, model, data))
        with writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=epoch)
        writer.flush()

    return library.callbacks.LambdaCallback(on_epoch_end=write)


def observe(model: Any) -> dict[str, float]:
    """Returns the numbers of a model that compression changes while it trains.

    Args:
        model: A model of either Keras.

    Returns:
        Numbers by name, grouped by what stands before the slash: `distillation`,
        `zeros` (shares from 0 to 1) and `ranges`.
    """
    values = {}
    if isinstance(model, Observed):
        observed = model.observe()
        values = {f"distillation/{name}": value for name, value in observed.items()}
    zeros = keras_compat.share_of_zeros(model)
    values |= {f"zeros/{name}": share for name, share in zeros.items()}
    ranges = {}
    if keras_compat.is_quantization_aware(model):
        ranges = keras_compat.known_ranges(model)
    for name, (low, high) in ranges.items():
        values[f"ranges/{name}/low"] = low
        values[f"ranges/{name}/high"] = high
    return values
