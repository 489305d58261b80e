"""Calibration: ranges learned from data, before any training."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfcompress import data as data_module
from tfcompress.errors import DataError, ModelError
from tfcompress.keras_compat import tfmot_layers


def calibrate(model: Any, data: Any, *, samples: int = 1024) -> Any:
    """Sets the ranges of a quantization-aware model to what its data needs.

    TF-MOT starts every range at -6 to 6 and moves it by a thousandth each step, so a
    freshly wrapped model is far from the one it was made of. Here the model is run on
    data in inference mode, its weights rounded and its activations not, and each range
    becomes the least and the greatest value seen. The range of each weight becomes that
    of the weight.

    Args:
        model: What `QuantizationAwareTraining.apply` returned. Its ranges are changed,
            nothing else.
        data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; labels in it are not used.
        samples: How many samples to run at the most. Defaults to 1024.

    Returns:
        The same model.

    Raises:
        ModelError: If the model is not quantization-aware.
        DataError: If the data is empty or not finite.

    Example:
    ```python
    model = tfc.quantization.QuantizationAwareTraining().apply(trained)
    tfc.quantization.calibrate(model, x)
    ```
    """
    layers = tfmot_layers.quantization_layers(model)
    if not layers:
        raise ModelError(
            "calibrate takes the model that QuantizationAwareTraining().apply "
            f"returned. Received: model {model.name!r}, which is not quantization-aware"
        )
    for layer in layers:
        tfmot_layers.set_weight_ranges(layer)
    with observe(layers) as ranges:
        _run(model, data, samples)
    for found in ranges.values():
        found.assign()
    return model


def _run(model: Any, data: Any, samples: int) -> None:
    seen = 0
    for batch in data_module.batches(data):
        data_module.check_finite(batch.x, "Calibration data")
        count = data_module.length(batch.x)
        if not count:
            continue
        model(tf.nest.map_structure(tf.convert_to_tensor, batch.x), training=False)
        seen += count
        if seen >= samples:
            return
    if not seen:
        raise DataError(
            "Calibration needs one sample at least; 100 to 1000 are usual. "
            f"Received: {data_module.describe(data)}"
        )


class Range:
    """The least and the greatest value seen of one tensor, 0 always among them."""

    def __init__(self, variables: Any):
        self.variables = variables
        self.low = 0.0
        self.high = 0.0

    def update(self, values: Any) -> None:
        """Widens the range to hold more values."""
        self.low = min(self.low, float(tf.reduce_min(values)))
        self.high = max(self.high, float(tf.reduce_max(values)))

    def assign(self) -> None:
        """Writes the range into the model."""
        self.variables["min_var"].assign(self.low)
        self.variables["max_var"].assign(self.high)


class Observer:
    """Stands in for a quantizer: notes the values, and passes them on unrounded."""

    def __init__(self, ranges: dict[int, Range]):
        self.ranges = ranges

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        """Notes what comes in, under the variables of its range."""
        key = id(weights["min_var"])
        self.ranges.setdefault(key, Range(weights)).update(inputs)
        return inputs


@contextlib.contextmanager
def observe(layers: list[Any]) -> Iterator[dict[int, Range]]:
    """Puts observers in the place of the quantizers of activations for the block.

    Args:
        layers: The fake-quantization layers and wrappers of a model.

    Yields:
        The ranges seen, filled as the model runs.
    """
    ranges: dict[int, Range] = {}
    observer = Observer(ranges)
    places = [place for layer in layers for place in tfmot_layers.quantizers_of(layer)]
    before = [place.get() for place in places]
    try:
        for place in places:
            place.set(observer)
        yield ranges
    finally:
        for place, quantizer in zip(places, before, strict=True):
            place.set(quantizer)
