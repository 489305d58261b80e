"""A float `.tflite` file in memory: what every quantized variant starts from."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.recurrent import with_fresh_state
from tfcompress.export.conversion.signature import Signature, read_signature
from tfcompress.export.layer_operations import list_layer_operations
from tfcompress.keras_compat import tfmot_layers
from tfcompress.measurement import LiteRTModel
from tfcompress.measurement.files.operation_name import type_name

_FUSED_RNN = {"UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM"}


@dataclasses.dataclass(frozen=True)
class FloatFile:
    """A float file, and the model that it shall be compared with.

    Attributes:
        name: Name of the model, or of the file without its ending.
        content: The bytes of the file.
        signature: Its inputs and outputs, by name.
        layers: Names of the layers of the model it came from, those without an
            operation of their own too; of a file, the outermost in its tensors' names.
        model: What is called as a Keras model is, for `verify`.
    """

    name: str
    content: bytes
    signature: Signature
    layers: tuple[str, ...]
    model: Any


def convert_to_float(model: Any, batch: int | None) -> FloatFile:
    """Converts a Keras model to a float file whose tensors have its layers' names.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed. The LSTM of tf_keras becomes a loop of plain operations, which can
            be quantized, and not LiteRT's fused one.
        batch: Samples in one run of the file, or None for any number.

    Returns:
        The file.

    Raises:
        ModelError: If the model is subclassed, unbuilt, holds weights not finite, is
            still being pruned, or is quantization-aware.
        ExportError: If the model cannot be converted.
    """
    keras_compat.check_model(model)
    keras_compat.check_pruning_done(model)
    if tfmot_layers.is_quantization_aware(model):
        raise ModelError(
            "The model is quantization-aware and knows its ranges; write it with "
            "tfcompress.export.to_tflite, or give the float model. "
            f"Received: model {model.name!r}"
        )
    model = with_fresh_state(keras_compat.in_float32(model))
    signature = read_signature(model, batch)
    content = convert_named(model, signature)
    kinds = {operation.kind for operation in list_layer_operations(content)}
    if kinds & _FUSED_RNN and keras_compat.is_tf_keras(model):
        content = convert_named(keras_compat.to_keras(model), signature)
    graph = keras_compat.read_flat(model)
    layers = [n for n, layer in graph.layers.items() if layer.kind != "InputLayer"]
    return FloatFile(model.name, content, signature, tuple(layers), model)


def read_float_file(path: str | os.PathLike[str]) -> FloatFile:
    """Reads a float `.tflite` file.

    Args:
        path: The file. It is not changed.

    Returns:
        The file.

    Raises:
        ModelError: If there is no such file, if it is damaged or cannot be run, or if
            it is not float32 throughout.
    """
    path = Path(path)
    runtime = LiteRTModel(path)
    content = path.read_bytes()
    held = sorted(_reduced(schema.ModelT.InitFromPackedBuf(content, 0)))
    if held:
        raise ModelError(
            "Expected a .tflite file in float32: what is quantized or sparse already "
            "cannot be quantized again; write the model to float32 first. "
            f"Received: path={str(path)!r}, which holds {', '.join(held)}"
        )
    inputs = {
        name: tf.TensorSpec(details.shape, tf.as_dtype(details.dtype), name=name)
        for name, details in runtime.input_details.items()
    }
    names = tuple(inputs)
    signature = Signature(
        inputs=inputs,
        outputs=tuple(runtime.output_details),
        keys=names if len(names) > 1 else (),
        structure={name: name for name in names},
    )
    layers: dict[str, None] = {}
    for operation in list_layer_operations(content):
        layers.update(dict.fromkeys(operation.outer))
    return FloatFile(
        path.stem, content, signature, tuple(layers), _Reference(runtime, signature)
    )


class _Reference:
    """A file that is called as a Keras model is."""

    def __init__(self, runtime: LiteRTModel, signature: Signature) -> None:
        self.runtime = runtime
        self.signature = signature

    def __call__(self, inputs: dict[str, Any], training: bool = False) -> list[Any]:
        del training  # a file cannot be trained
        arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
        outputs = self.runtime.predict(arrays)
        if not isinstance(outputs, dict):
            outputs = {self.signature.outputs[0]: outputs}
        return [tf.constant(outputs[name]) for name in self.signature.outputs]


def _reduced(file: Any) -> set[str]:
    """Returns what a file holds that is not plain float32."""
    found = set()
    for subgraph in file.subgraphs:
        for tensor in subgraph.tensors:
            kind = type_name(tensor)
            quantization = tensor.quantization
            scaled = quantization is not None and quantization.scale is not None
            if scaled or kind in ("float16", "bfloat16", "int4", "int2"):
                found.add(f"{kind} numbers")
            if tensor.sparsity is not None:
                found.add("kernels in sparse encoding")
    return found
