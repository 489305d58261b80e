"""Quantization-aware training: the model trains with the rounding it will ship with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import (
    Graph,
    lower_activations,
    lower_attention,
    lower_merges,
    lower_normalizations,
    split_activations,
    split_separable_convolutions,
)
from tfcompress.keras_compat.clustered_kernels import is_clustered
from tfcompress.keras_compat.prunable_weights import PrunableWeight, prunable_weights
from tfcompress.keras_compat.quantized_graph import activation_ranges, read_rounded
from tfcompress.keras_compat.rounded_layer import RoundedLayer
from tfcompress.keras_compat.steady_batch_normalization import (
    SteadyBatchNormalization,
)
from tfcompress.names import read_choices
from tfcompress.quantization import settings
from tfcompress.quantization.kernel_grid import check_bits
from tfcompress.quantization.phases import Phases
from tfcompress.quantization.placing import first_names, place_ranges, remove_ranges
from tfcompress.quantization.planning import Plan, plan_ranges
from tfcompress.quantization.weight_rounding import ROUNDINGS, check_weight_format
from tfcompress.technique import Account, Technique


class QuantizationAwareTraining(Technique):
    """Wraps a model so that it trains with the whole numbers that it will ship with.

    Kernels are rounded as the file holds them, symmetric with a scale for each output
    channel, and activations to 256 steps of a range for each tensor, on TF-MOT's
    wrappers. What the model computes is then what a full-integer `.tflite` computes, up
    to the last step of rounding: give the wrapped model itself to
    `tfcompress.export.to_tflite`. Jacob et al., "Quantization and Training of Neural
    Networks for Efficient Integer-Arithmetic-Only Inference", 2018,
    https://arxiv.org/abs/1712.05877.

    Models inside the model are dissolved; separable convolutions, activations inside
    layers, attention, and normalizations that stand alone are taken apart into layers
    that TFLite computes in whole numbers. `account.skipped` names the layers that stay
    in float, and why.

    A freshly wrapped model does not know the ranges of its activations; give it to
    `tfcompress.quantization.calibrate` before training.

    Args:
        weight_bits: How many bits kernels have, from 2 to 8. Defaults to 8.
        activation_bits: 8, the default, or 16, which is exact but slow on CPUs.
        layers: Bits for the kernels of single layers, by name or pattern, such as
            `{"dense*": 4}`.
        weight_format: What kernels are rounded to, with a scale for each output
            channel; with one scale for embedding tables and for kernels whose
            clusters are kept. `"linear"`, the default: equal steps, as in a file.
            `"logarithmic"` and `"power_of_two"`: see `formats`. TFLite has no kernels
            for these two: a full-integer file rounds the numbers once more, to int8,
            and what they save is measured by `tfcompress.quantization.storage`.
        preserve: What training shall keep. `"sparsity"`: zero weights stay zero.
            `"clusters"`: a kernel of 256 values or fewer keeps as few, equal weights
            staying equal. Defaults to both.
        start: Share of the training after which rounding begins. Defaults to 0. Needs
            `callbacks()`, as do the next two.
        freeze_batch_norm: Share of the training after which batch normalizations use
            the statistics that they have. None is never. Defaults to 0.8.
        freeze_ranges: Share of the training after which the ranges of activations hold
            still. None is never. Defaults to 0.8.
        strict: Whether a layer that would stay in float is an error.

    Raises:
        ArgumentError: If bits, a format, a share or a name is none that can be.

    Example:
    ```python
    aware = tfc.quantization.QuantizationAwareTraining()
    model = aware.apply(trained)
    tfc.quantization.calibrate(model, x)
    model.compile("adam", loss=loss)
    model.fit(x, y, epochs=2, callbacks=aware.callbacks())
    tfc.export.to_tflite(model, "small.tflite", target="cpu_int8")
    ```
    """

    def __init__(
        self,
        weight_bits: int = 8,
        activation_bits: int = 8,
        *,
        layers: Mapping[str, int] | None = None,
        weight_format: str = "linear",
        preserve: Sequence[str] = ("sparsity", "clusters"),
        start: float = 0.0,
        freeze_batch_norm: float | None = 0.8,
        freeze_ranges: float | None = 0.8,
        strict: bool = False,
    ):
        self.weight_bits = check_bits(weight_bits, "weight_bits")
        self.activation_bits = settings.check_activation_bits(activation_bits)
        self.layers = settings.check_layers(layers)
        self.weight_format = check_weight_format(weight_format)
        self.preserve = read_choices(preserve, settings.PRESERVABLE, "preserve")
        self.start = settings.check_share("start", start)
        self.freeze_batch_norm = settings.check_optional_share(
            "freeze_batch_norm", freeze_batch_norm
        )
        self.freeze_ranges = settings.check_optional_share(
            "freeze_ranges", freeze_ranges
        )
        self.strict = bool(strict)

    def apply(self, model: Any) -> Any:
        """Returns a quantization-aware copy of the model, in tf_keras.

        Args:
            model: A built functional or Sequential model of either Keras.

        Returns:
            A tf_keras model that takes optimizers, losses, metrics and callbacks of
            either Keras. Calibrate it before training. Files that it saves are loaded
            by `tf_keras.models.load_model`, after tfcompress was imported.

        Raises:
            ModelError: If the model is not usable, is wrapped already, no layer of it
                can be quantized, or one that would stay in float is not allowed.
            ArgumentError: If `layers` names no layer with weights to round.
        """
        keras_compat.check_model(model)
        keras_compat.check_plain(model)
        source = keras_compat.read_flat(keras_compat.in_float32(model))
        graph = prepare(source)
        plan = plan_ranges(graph)
        if self.strict and plan.reasons:
            raise ModelError(
                "These layers would compute in float, which strict=True does not "
                f"allow: {dict(plan.reasons)}. Received: model {model.name!r}"
            )
        bits = dict.fromkeys(plan.ranges.values(), self.activation_bits)
        copy = keras_compat.build(
            place_ranges(graph, plan, bits, source=source),
            keras="tf_keras",
            trusted=True,
        )
        wrapped = self._wrap(copy, list(source.layers))
        self.account = _account(graph, wrapped, plan)
        sequential = isinstance(model, keras_compat.keras_of(model).Sequential)
        return keras_compat.adopt(
            wrapped, origin=keras_compat.origin_of(model), sequential=sequential
        )

    def callbacks(self) -> list[Any]:
        """Returns the callback that begins rounding, and holds things still later."""
        phases = Phases(self.start, self.freeze_batch_norm, self.freeze_ranges)
        return [phases.callback()]

    def finalize(self, model: Any) -> Any:
        """Returns a plain model whose weights are rounded as in the wrapped one.

        Ranges of activations are not in a plain model. To ship the integers that were
        trained, export the wrapped model itself.

        Args:
            model: What `apply` returned.

        Returns:
            A model of stock layers with weights of its own, in the user's Keras.

        Raises:
            ModelError: If the model is not one of `apply`.
        """
        keras_compat.check_model(model)
        if not activation_ranges(model):
            raise ModelError(
                "finalize takes the model that apply returned. "
                f"Received: model {model.name!r}, which is not quantization-aware"
            )
        graph = remove_ranges(read_rounded(model))
        return keras_compat.to_origin(graph, like=model, trusted=True)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "weight_bits": self.weight_bits,
            "activation_bits": self.activation_bits,
            "layers": dict(self.layers) or None,
            "weight_format": self.weight_format,
            "preserve": list(self.preserve),
            "start": self.start,
            "freeze_batch_norm": self.freeze_batch_norm,
            "freeze_ranges": self.freeze_ranges,
            "strict": self.strict,
        }

    def _wrap(self, model: Any, origins: list[str]) -> Any:
        kernels = {
            layer.name: prunable_weights(layer)
            for layer in model.layers
            if layer.weights and not isinstance(layer, keras_compat.ActivationRange)
        }
        kernels = {name: found for name, found in kernels.items() if found}
        if not kernels:
            raise ModelError(
                f"No layer of the model has a kernel to round. Received: model "
                f"{model.name!r}"
            )
        before = _first_names(model)
        names = {name: before.get(name, name) for name in kernels}
        bits = settings.bits_of_layers(names, origins, self.layers, self.weight_bits)

        def wrap(layer: Any) -> Any:
            if layer.name in kernels:
                return self._rounded(layer, kernels[layer.name], bits[layer.name])
            if type(layer) is keras_compat.tf_keras().layers.BatchNormalization:
                return SteadyBatchNormalization.from_config(layer.get_config())
            return layer

        wrapped = keras_compat.tf_keras().models.clone_model(model, clone_function=wrap)
        for layer in wrapped.layers:
            if isinstance(layer, RoundedLayer):
                layer.keep()
            elif isinstance(layer, SteadyBatchNormalization):
                weights = model.get_layer(layer.name).get_weights()
                layer.set_weights([*weights, np.int32(1)])
        return wrapped

    def _rounded(self, layer: Any, kernels: list[PrunableWeight], bits: int) -> Any:
        kept = {
            number: names
            for number, kernel in enumerate(kernels)
            if (names := self._kept(kernel.variable.numpy()))
        }
        roundings = {
            number: ROUNDINGS[self.weight_format](
                bits,
                () if "clusters" in kept.get(number, ()) else kernel.outputs,
            )
            for number, kernel in enumerate(kernels)
        }
        shapes = {number: kernel.shape for number, kernel in enumerate(kernels)}
        return RoundedLayer(layer, roundings, kept, shapes)

    def _kept(self, kernel: np.ndarray) -> tuple[str, ...]:
        """Returns what of a kernel there is to keep."""
        found = []
        if "sparsity" in self.preserve and not kernel.all():
            found.append("sparsity")
        if "clusters" in self.preserve and is_clustered(kernel):
            found.append("clusters")
        return tuple(found)


def prepare(graph: Graph) -> Graph:
    """Takes layers apart into those that TFLite computes in whole numbers."""
    graph = lower_normalizations(split_separable_convolutions(graph))
    graph = lower_merges(graph)
    return lower_attention(lower_activations(split_activations(graph)))


def _first_names(model: Any) -> dict[str, str]:
    """Returns what layers were called that left their names to ranges."""
    ranges = [layer.name for layer in activation_ranges(model)]
    return first_names(ranges, [str(layer.name) for layer in model.layers])


def _account(graph: Graph, wrapped: Any, plan: Plan) -> Account:
    """Returns which layers are rounded, to how many bits, and which stay in float."""
    before = _first_names(wrapped)
    notes: dict[str, str] = {}
    for layer in wrapped.layers:
        if isinstance(layer, RoundedLayer):
            name = str(before.get(layer.name, layer.name))
            first = next(iter(layer.roundings.values()))
            kind = first.format.replace("_", "-")
            notes[name] = f"{kind} weights of {first.bits} bits"
    computing = [
        name
        for name, layer in graph.layers.items()
        if layer.kind != "InputLayer" and name not in plan.reasons
    ]
    return Account(
        tuple(computing),
        dict(plan.reasons),
        {name: note for name, note in notes.items() if name not in plan.reasons},
    )
