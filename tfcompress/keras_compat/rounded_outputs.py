"""Where what a layer of a quantization-aware model gives is rounded."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.activation_range import ActivationRange
from tfcompress.keras_compat.rounded_layer import RoundedLayer


@dataclasses.dataclass(frozen=True)
class RoundedOutput:
    """A tensor that a layer with kernels gives.

    Attributes:
        tensor: The symbolic tensor, before it is rounded.
        range: The layer that rounds it.
    """

    tensor: Any
    range: ActivationRange


def rounded_outputs(model: Any) -> dict[str, list[RoundedOutput]]:
    """Returns what each layer with kernels gives, at the places where it is rounded.

    That is behind the batch normalization and the ReLU that the file folds into the
    layer, once for each of its calls.

    Args:
        model: What `QuantizationAwareTraining.apply` returned.

    Returns:
        The outputs of each `RoundedLayer` of the model, by its name.
    """
    nodes = [node for level in model._nodes_by_depth.values() for node in level]
    consumers: dict[int, list[Any]] = {}
    for node in nodes:
        for tensor in node.keras_inputs:
            consumers.setdefault(id(tensor), []).append(node)
    found: dict[str, list[RoundedOutput]] = {}
    for node in nodes:
        if isinstance(node.layer, RoundedLayer):
            outputs = found.setdefault(node.layer.name, [])
            outputs.extend(_behind(node, consumers))
    return found


def _behind(node: Any, consumers: dict[int, list[Any]]) -> Iterator[RoundedOutput]:
    for tensor in modules.flatten(node.outputs):
        taking = consumers.get(id(tensor), [])
        ranges = [n.layer for n in taking if isinstance(n.layer, ActivationRange)]
        if ranges:
            yield RoundedOutput(tensor, ranges[0])
        elif len(taking) == 1:
            yield from _behind(taking[0], consumers)
