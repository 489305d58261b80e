"""A quantization-aware model in which one layer at a time is rounded."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.keras_compat.quantized_graph import activation_ranges, rounded_layers
from tfcompress.keras_compat.rounded_outputs import rounded_outputs

_UNROUNDED = "_unrounded"


class Noise(NamedTuple):
    """Signal to quantization noise in decibels, infinite where nothing changed.

    Attributes:
        weights: Of what a layer gives, with its weights rounded.
        activations: The same, with what it gives rounded.
        both: The same, with both.
        output: Of what the model gives, with both.
    """

    weights: float
    activations: float
    both: float
    output: float


class LayerSwitches:
    """Turns the rounding of single layers on and off.

    Args:
        model: A model of `QuantizationAwareTraining.apply`. Its roundings are all
            turned off, but for the time of `rounding`. Calibrated then, it has the
            ranges of the float model.

    Attributes:
        names: The layers with weights to round, as the user knows them, in the order
            of the model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._outputs = rounded_outputs(model)
        layers = {layer.name: layer for layer in rounded_layers(model)}
        self._layers = {n.removesuffix(_UNROUNDED): layers[n] for n in layers}
        for layer in layers.values():
            layer.rounds.assign(0)
        for layer in activation_ranges(model):
            layer.quantizer_vars["rounds"].assign(0)
        self.names = tuple(self._layers)

    @contextlib.contextmanager
    def rounding(self, name: str, *, activations: bool = True) -> Iterator[Any]:
        """Gives the model with one layer rounded, until the block ends.

        Args:
            name: The layer.
            activations: Whether what it gives is rounded, besides its weights.
        """
        layer = self._layers[name]
        switches = [layer.rounds]
        if activations:
            ranges = {id(out.range): out.range for out in self._outputs[layer.name]}
            switches += [one.quantizer_vars["rounds"] for one in ranges.values()]
        try:
            for switch in switches:
                switch.assign(1)
            yield self.model
        finally:
            for switch in switches:
                switch.assign(0)

    def measure(self, name: str, inputs: Sequence[Any]) -> Noise:
        """Measures what the rounding of one layer does.

        Args:
            name: The layer.
            inputs: Batches of inputs of the model.
        """
        places = self._outputs[self._layers[name].name]
        part = keras_compat.tf_keras().Model(
            self.model.input, [place.tensor for place in places]
        )
        weights, activations, both, output = _Ratio(), _Ratio(), _Ratio(), _Ratio()
        for x in inputs:
            exact = _run(part, x)
            whole = self._predict(x)
            with self.rounding(name, activations=False):
                coarse = _run(part, x)
            with self.rounding(name):
                output.add_all(whole, self._predict(x))
            for place, before, after in zip(places, exact, coarse, strict=True):
                weights.add(before, after)
                activations.add(before, _rounded(place.range, before))
                both.add(before, _rounded(place.range, after))
        found = (weights, activations, both, output)
        return Noise(*(ratio.decibels for ratio in found))

    def _predict(self, x: Any) -> list[np.ndarray]:
        return tf.nest.flatten(self.model.predict_on_batch(x))


@dataclasses.dataclass
class _Ratio:
    """Signal and noise, summed up over batches."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, exact: np.ndarray, rounded: np.ndarray) -> None:
        exact = exact.astype(np.float64)
        self.signal += float(np.sum(exact**2))
        self.noise += float(np.sum((exact - rounded) ** 2))

    def add_all(
        self, exact: Sequence[np.ndarray], rounded: Sequence[np.ndarray]
    ) -> None:
        for one, other in zip(exact, rounded, strict=True):
            self.add(one, other)

    @property
    def decibels(self) -> float:
        if not self.noise:
            return float("inf")
        return 10 * float(np.log10(max(self.signal, 1e-300) / self.noise))


def _run(part: Any, x: Any) -> list[np.ndarray]:
    outputs = part(tf.nest.map_structure(tf.convert_to_tensor, x), training=False)
    return [tensor.numpy() for tensor in tf.nest.flatten(outputs)]


def _rounded(place: Any, values: np.ndarray) -> np.ndarray:
    return place.quantizer.rounded(values, place.quantizer_vars).numpy()
