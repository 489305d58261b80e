"""Calibration: ranges learned from data, before any training."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tfcompress import data as data_module
from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.keras_compat import ActivationRange
from tfcompress.keras_compat.quantized_graph import activation_ranges, embedding_of
from tfcompress.keras_compat.settled_biases import settle_biases
from tfcompress.measurement.quality.fitting import check_fits
from tfcompress.quantization.formats.observers import Observer, build_observer


def calibrate(
    model: Any, data: Any, *, method: str = "min_max", samples: int = 1024
) -> Any:
    """Sets the ranges of a quantization-aware model to what its data needs.

    The model is run on data in inference mode, its weights rounded and its activations
    not, and a range is chosen for the values of each tensor. Without that, a range is
    whatever the first batch of training shows.

    Args:
        model: What `QuantizationAwareTraining.apply` returned. Its ranges are changed,
            and its biases become whole numbers of the steps that they have in the file.
        data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; labels in it are not used.
        method: `"min_max"`, the default: from the least to the greatest value seen;
            `"moving_average"`: from the average least to the average greatest of the
            batches; `"percentile"`: without the outermost 0.01 % on each side; `"mse"`:
            with the least squared error of rounding; `"kl"`: with the least loss of
            information. See `tfcompress.quantization.formats`.
        samples: How many samples to run at the most. Defaults to 1024.

    Returns:
        The same model.

    Raises:
        ArgumentError: If the method is not known, or `samples` is no number of samples.
        ModelError: If the model is not quantization-aware.
        DataError: If the data is empty, not finite, or does not fit the model.

    Example:
    ```python
    model = tfc.quantization.QuantizationAwareTraining().apply(trained)
    tfc.quantization.calibrate(model, x, method="mse")
    ```
    """
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise ArgumentError(
            "samples must be a whole number of 1 or more. "
            f"Received: samples={samples!r}"
        )
    keras_compat.check_model(model)
    layers = [layer for layer in activation_ranges(model) if layer.fixed is None]
    if not layers:
        raise ModelError(
            "calibrate takes the model that QuantizationAwareTraining().apply "
            f"returned. Received: model {model.name!r}, which is not quantization-aware"
        )
    observers = [
        build_observer(method, bits=layer.bits, symmetric=layer.quantizer.symmetric)
        for layer in layers
    ]
    _run(model, data, samples, lambda: _observing(layers, observers))
    for layer, observer in zip(layers, observers, strict=True):
        layer.set_range(*_with_embedding(layer, observer.range()))
    settle_biases(model)
    return model


@contextlib.contextmanager
def _observing(
    layers: list[ActivationRange], observers: list[Observer]
) -> Iterator[None]:
    """Lets observers see what passes through the ranges, which round nothing."""
    try:
        for layer, observer in zip(layers, observers, strict=True):
            layer.observer = observer
        yield
    finally:
        for layer in layers:
            layer.observer = None


def _run(
    model: Any,
    data: Any,
    samples: int,
    observing: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    seen = 0
    for batch in data_module.batches(data):
        data_module.check_finite(batch.x, "Calibration data")
        count = data_module.length(batch.x)
        if not count:
            continue
        if not seen:
            check_fits(model, batch.x)
        with observing():
            model(tf.nest.map_structure(tf.convert_to_tensor, batch.x), training=False)
        seen += count
        if seen >= samples:
            return
    if not seen:
        raise DataError(
            "Calibration needs one sample at least; 100 to 1000 are usual. "
            f"Received: {data_module.describe(data)}"
        )


def _with_embedding(
    layer: ActivationRange, found: tuple[float, float]
) -> tuple[float, float]:
    """Widens the range behind an Embedding to its whole table, which has its steps."""
    tables = [table for table in embedding_of(layer) if table.size]
    lows = [found[0], *(float(table.min()) for table in tables)]
    highs = [found[1], *(float(table.max()) for table in tables)]
    return min(lows), max(highs)
