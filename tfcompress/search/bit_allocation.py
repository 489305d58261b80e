"""Which bits each layer gets, so that a file is within a number of bytes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.graph.bias import read_bias
from tfcompress.search.allocation import Option, choose
from tfcompress.search.bit_choice import CHOICES, USUAL, BitChoice, can_store
from tfcompress.search.flat_model import FlatModel
from tfcompress.search.measurement_cache import MeasurementCache

# A layer computes in float only where int8 puts the outputs off by more, 20 dB.
_NOISE_OF_INT8 = 1e-2


class BitAllocation:
    """Chooses bits, granularity and range method of each layer.

    What a choice costs is the noise that it alone brings into the outputs of the model:
    the sum of squared errors by the sum of squares. Noises of several layers add up,
    as those that do not depend on each other do; accuracies on some hundred samples
    are too coarse for that. Pandey et al., "A Practical Mixed Precision Algorithm for
    Post-Training Quantization", 2023, https://arxiv.org/abs/2302.05397; Dong et al.,
    "HAWQ: Hessian AWare Quantization of Neural Networks with Mixed-Precision", 2019,
    https://arxiv.org/abs/1905.03696.

    Args:
        flat: The model.
        inputs: Batches of its inputs to measure noise on.
        cache: Where measurements are kept.
    """

    def __init__(
        self, flat: FlatModel, inputs: Sequence[Any], cache: MeasurementCache
    ) -> None:
        self._flat = flat
        self._inputs = inputs
        self._cache = cache
        self._exact = self._run()
        self.options = {name: self._options(name) for name in flat.names}

    def choose(self, flat: FlatModel, saving: float) -> dict[str, BitChoice]:
        """Chooses so that layers need less bytes together than in int8.

        Args:
            flat: The model that is to be stored, or one of the same layers.
            saving: How many less, by estimate; negative where there is room.

        Returns:
            The choice of each layer; the smallest where that does not suffice.
        """
        usual = {name: _bytes(flat, name, USUAL) for name in self.options}
        options: dict[str, list[Option]] = {}
        most = 0
        for name, noises in self.options.items():
            largest = max(_bytes(flat, name, choice) for choice in noises)
            most += largest - usual[name]
            options[name] = [
                Option(float(number), largest - _bytes(flat, name, choice), noise)
                for number, (choice, noise) in enumerate(noises.items())
            ]
        found = choose(options, saving + most)
        return {
            name: list(self.options[name])[int(option.ratio)]
            for name, option in found.items()
        }

    def _options(self, name: str) -> dict[BitChoice, float]:
        """Returns the choices of a layer that are worth it, and the noise of each."""
        kinds = self._flat.kinds[name]
        noises: dict[BitChoice, float] = {}
        for choice in CHOICES:
            quiet = choice.format == "float16" and noises[USUAL] <= _NOISE_OF_INT8
            if can_store(choice, kinds) and not quiet:
                noises[choice] = self._measured(name, choice)
        return noises

    def _measured(self, name: str, choice: BitChoice) -> float:
        key = f"{name}: {choice}"
        found = self._cache.get(key, 0.0)
        if found is None:
            kernel, axes = self._flat.kernel(name)
            with self._flat.holding(name, choice.rounded(kernel, axes)):
                found = self._noise()
            self._cache.add(key, 0.0, found)
        return found

    def _noise(self) -> float:
        signal = error = 0.0
        for exact, rounded in zip(self._exact, self._run(), strict=True):
            for one, other in zip(exact, rounded, strict=True):
                one = one.astype(np.float64)
                signal += float(np.sum(one**2))
                error += float(np.sum((one - other) ** 2))
        return error / max(signal, 1e-30)

    def _run(self) -> list[list[np.ndarray]]:
        return [
            tf.nest.flatten(self._flat.model.predict_on_batch(x)) for x in self._inputs
        ]


def _bytes(flat: FlatModel, name: str, choice: BitChoice) -> int:
    biased = bool(np.any(read_bias(flat.graph.layers[name])))
    return choice.bytes(*flat.kernel(name), biased=biased)


def read_budget(budget: Any, whole: int) -> int:
    """Returns a budget in bytes.

    Args:
        budget: A whole number of bytes, or a share in (0, 1) of the float file.
        whole: Bytes of the float file.

    Raises:
        ArgumentError: If it is neither.
    """
    number = isinstance(budget, int | float | np.number)
    if number and not isinstance(budget, bool):
        if 0 < float(budget) < 1:
            return int(float(budget) * whole)
        if float(budget) >= 1 and float(budget).is_integer():
            return int(budget)
    raise ArgumentError(
        "budget must be a whole number of bytes, or a share in (0, 1) of those of the "
        f"float file. Received: budget={budget!r}"
    )
