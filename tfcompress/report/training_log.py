"""A log of a training for TensorBoard."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
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
      validation data too; of a metric with several numbers, each as `name/0` and on;
    - what the model tells of itself, under `distillation/`: of a `Distiller` its
      temperatures and the weights of its losses;
    - the share of zeros of each layer that is being pruned, and of all of them
      together, under `zeros/`;
    - the range of each tensor of a quantization-aware model, under `ranges/`;
    - the share of samples on which model and teacher choose the same class, as
      `agreement`, where both `teacher` and `data` are given.

    Agreement is measured once when the callback is made, so that data which does not
    fit is found before the training. Look at the log with
    `tensorboard --logdir DIRECTORY`.

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
        DataError: If `data` does not fit the teacher or the model.
        ModelError: If `model` is no model of either Keras, or if it has other classes
            than the teacher.
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
    if teacher is not None:
        agreement(teacher, model if model.built else teacher, data)
    log = _Log(os.fspath(directory))

    def write(epoch: int, logs: Mapping[str, Any] | None) -> None:
        values = _numbers(logs or {}) | observe(model)
        if teacher is not None:
            values["agreement"] = float(agreement(teacher, model, data))
        log.write(values, epoch)

    return library.callbacks.LambdaCallback(
        on_epoch_end=write, on_train_end=lambda logs: log.close()
    )


class _Log:
    """Scalars in a folder. After `close`, the next ones go into a new file there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._writer: Any = self._open()

    def write(self, values: Mapping[str, float], step: int) -> None:
        self._writer = self._writer or self._open()
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _open(self) -> Any:
        try:
            os.makedirs(self._folder, exist_ok=True)
            return tf.summary.create_file_writer(self._folder)
        except (OSError, tf.errors.OpError) as error:
            raise OutputError(
                "Cannot write a log; choose a folder that can be written to. "
                f"Received: directory={self._folder!r} ({error})"
            ) from error


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """Returns what `fit` reports as single numbers."""
    values = {}
    for name, value in logs.items():
        several = np.ndim(value) > 0
        for index, number in enumerate(np.ravel(value).tolist()):
            values[f"epoch/{name}/{index}" if several else f"epoch/{name}"] = number
    return values


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
