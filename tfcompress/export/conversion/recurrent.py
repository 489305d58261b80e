"""Recurrent layers in full-integer files.

A recurrent layer is a loop, and TensorFlow's converter ends the process when it learns
the ranges of a loop. There are three ways around it. Measured by
`benchmarks/recurrent.py` for an LSTM of 32 units and 32 steps on one thread of an x86
CPU, where a loop in float takes 0.034 ms and 28 kB:

- unrolled, with its steps one after the other: 0.017 ms, whole numbers throughout,
  36 dB of signal to error, but 5 kB for each step (a GRU of 64 units 11 kB), 167 kB;
- a loop in float around int8 weights: 0.033 ms, 44 dB and 17 kB;
- TFLite's own operation for LSTM: 0.26 ms, whole numbers throughout, 25 dB and 10 kB.

So layers are unrolled up to `MOST_STEPS` steps, which take less than 0.8 MB; beyond 100
they also lose accuracy, for a step hands its error on to the next. Longer ones stay
loops in float, and for a device without float become TFLite's own operation.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ExportError, UnsupportedLayerError
from tfcompress.export.conversion.direct_conversion import convert_directly
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.quantizer.edge_quantizer import quantize_file
from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.export.quantizer.ranges import read_ranges
from tfcompress.export.targets import Target
from tfcompress.graph import Graph, Layer

MOST_STEPS = 64


def unroll(model: Any, *, most: int = MOST_STEPS) -> Any:
    """Returns a model whose recurrent layers have their steps one after the other.

    Args:
        model: A functional or Sequential model of either Keras. It is not changed.
        most: The most steps of all layers together; both directions of a
            `Bidirectional` count.

    Returns:
        A copy without models inside it. It is of Keras 3 where the model's own Keras
        cannot unroll a layer, as tf_keras cannot convolutional ones. None if there are
        more steps, or if the number of steps of a layer is not known.

    Example:
    ```python
    import keras
    from tfcompress.export.conversion.recurrent import unroll

    model = keras.Sequential([keras.Input((7, 3)), keras.layers.GRU(5)])
    assert unroll(model).layers[-1].unroll
    ```
    """
    graph = keras_compat.read_flat(model)
    if not 0 < count_steps(graph) <= most:
        return None
    layers = {
        name: dataclasses.replace(layer, config=_unrolled(layer.config))
        for name, layer in graph.layers.items()
    }
    convolutional = any(_holds_convolution(layer) for layer in graph.layers.values())
    keras = "keras"
    if keras_compat.is_tf_keras(model) and not convolutional:
        keras = "tf_keras"
    try:
        return keras_compat.build(
            dataclasses.replace(graph, layers=layers), keras=keras, trusted=True
        )
    except UnsupportedLayerError:
        return None


def with_fresh_state(model: Any) -> Any:
    """Returns a model whose stateful layers remember nothing.

    Args:
        model: A functional or Sequential model of either Keras. It is not changed, and
            its state does not move when the copy is run.

    Returns:
        The model itself if no layer is stateful, else a copy with states of zero.

    Example:
    ```python
    import keras
    from tfcompress.export.conversion.recurrent import with_fresh_state

    inputs = keras.Input(batch_shape=(1, 7, 3))
    model = keras.Model(inputs, keras.layers.GRU(5, stateful=True)(inputs))
    assert with_fresh_state(model) is not model
    ```
    """
    if not any(getattr(layer, "stateful", False) for layer in model._flatten_layers()):
        return model
    keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
    return keras_compat.build(keras_compat.read(model), keras=keras, trusted=True)


def count_steps(graph: Graph) -> float:
    """Counts the steps that the recurrent layers of a graph take in one run.

    Args:
        graph: A graph without models inside it.

    Returns:
        How many there are, infinity if the length of a sequence is not known.
    """
    steps = 0.0
    for node in graph.nodes:
        layer = graph.layer_of(node)
        if _is_recurrent(layer.config) and node.inputs():
            before = node.inputs()[0]
            specs = graph.node(before.node).outputs
            shape = specs[before.index].shape if specs else ()
            steps += _count(layer.kind, layer.config, shape)
    return steps


def _count(
    kind: str, config: Mapping[str, Any], shape: tuple[int | None, ...]
) -> float:
    length = shape[1] if len(shape) > 1 else None
    if length is None:
        return math.inf
    if "unroll" in config:
        return length
    inner = config.get("layer")
    if not isinstance(inner, Mapping):
        return math.inf
    if kind == "Bidirectional":
        return 2 * _count(inner["class_name"], inner["config"], shape)
    times = _count(inner["class_name"], inner["config"], (shape[0], *shape[2:]))
    return length * times


def _is_recurrent(config: Any) -> bool:
    if isinstance(config, Mapping):
        return "unroll" in config or any(map(_is_recurrent, config.values()))
    return isinstance(config, list | tuple) and any(map(_is_recurrent, config))


def _unrolled(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {k: k == "unroll" or _unrolled(value) for k, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(map(_unrolled, config))
    return config


def _holds_convolution(layer: Layer) -> bool:
    inner = layer.config.get("layer")
    kinds = [layer.kind, inner["class_name"] if isinstance(inner, Mapping) else ""]
    return any(kind.startswith("ConvLSTM") for kind in kinds)


def convert_with_float_loops(
    model: Any, signature: Signature, target: Target, samples: dict[str, np.ndarray]
) -> bytes:
    """Converts a model to a full-integer file whose loops compute in float.

    Weights in the loops are int8 as all others are.

    Args:
        model: A functional or Sequential model of either Keras.
        signature: Its inputs and outputs, by name.
        target: What the file shall take and give.
        samples: Representative inputs by name.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If the model cannot be converted or quantized.
    """
    if keras_compat.is_tf_keras(model):  # whose LSTM would become TFLite's own
        model = keras_compat.to_keras(model, trusted=True)
    content = convert_named(model, signature)
    return quantize_file(
        content,
        NumberFormat("int8", "int8"),
        ranges=read_ranges(content, samples),
        float_inputs_and_outputs=target.inputs_and_outputs == "float32",
    )


def convert_with_fused_layers(
    model: Any, signature: Signature, target: Target, samples: dict[str, np.ndarray]
) -> bytes:
    """Converts a model whose LSTM layers become TFLite's own operation.

    Args:
        model: A functional or Sequential model of either Keras.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold.
        samples: Representative inputs by name.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If there are other loops in the model, which a file without float
            operations cannot hold.
    """
    if not keras_compat.is_tf_keras(model):  # whose LSTM stays a loop
        model = keras_compat.to_tf_keras(model, trusted=True)
    try:
        return convert_directly(model, signature, target, samples=samples)
    except ExportError as error:
        raise ExportError(
            f"A file for {target.name} without operations in float holds recurrent "
            f"layers of more than {MOST_STEPS} steps only as plain LSTM layers, and "
            "without a mask. Give the model shorter sequences, use LSTM, or export to "
            f"cpu_int8 with strict=False. {error}"
        ) from error
