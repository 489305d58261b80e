"""Finds the first layer at which a `.tflite` file departs from its model."""

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress import data as data_module
from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.export.conversion.representative import read_samples
from tfcompress.export.conversion.signature import Signature, read_signature
from tfcompress.export.verification.gap import (
    LARGEST_SQNR,
    Gap,
    RunningGap,
    measure_gap,
)
from tfcompress.export.verification.layer_comparison import LayerComparison, LayerGap
from tfcompress.export.verification.layer_matching import TensorMatch, match_tensors
from tfcompress.export.verification.output_steps import find_signature
from tfcompress.graph import Graph, Tensor
from tfcompress.graph.rewiring import leaves
from tfcompress.measurement import LiteRTModel
from tfcompress.measurement.files.file import read_tflite

_PREFIX = "tensor of a layer "
_FAR_DB = 12.0


def compare_layers(
    file: str | os.PathLike[str],
    model: Any,
    data: Any,
    *,
    samples: int = 4,
    signature: str | None = None,
    delegates: bool = True,
) -> LayerComparison:
    """Compares a `.tflite` file with the Keras model it came from, layer by layer.

    Where a file does not do what its model does, the first layer that departs is the
    one to look at. Layers are found in the file by the names of its tensors; several
    layers that became one operation are one line.

    Args:
        file: The `.tflite` file. It is not changed.
        model: The functional or Sequential model, of either Keras. It is not changed.
        data: Inputs, in a form that `tfcompress.data.batches` accepts.
        samples: How many samples to run, one after the other. Defaults to 4.
        signature: Name of the file's signature, where it holds several. Defaults to
            the one with the model's inputs and outputs.
        delegates: Whether LiteRT's default kernels run the file, XNNPACK among them, or
            its own ones alone.

    Returns:
        A table of layers, with the `first_departure`.

    Raises:
        ArgumentError: If the file has no such signature, or none is named and not
            exactly one of several has the model's inputs and outputs.
        DataError: If the data does not fit the model.
        ModelError: If the model is subclassed or not built, if the file cannot be run,
            or if it is not that of the model.

    Example:
    ```python
    comparison = tfc.export.compare_layers("model.tflite", model, images)
    print(comparison)
    ```
    """
    keras_compat.check_model(model)
    known = read_signature(model, None)
    read = read_samples(data, known, samples=samples)
    key = _choose_signature(read_tflite(file), known, signature)
    return bisect(file, model, known, read, key=key, delegates=delegates)


def bisect(
    path: str | os.PathLike[str],
    model: Any,
    signature: Signature,
    samples: dict[str, np.ndarray],
    *,
    key: str | None = None,
    delegates: bool = True,
) -> LayerComparison:
    """Does the work of `compare_layers`, on samples that have been read.

    Args:
        path: The `.tflite` file.
        model: The Keras model.
        signature: The model's inputs and outputs, by name.
        samples: Inputs by name, each of shape `(samples, ...)`.
        key: Name of the file's signature, where it holds several.
        delegates: As in `compare_layers`.

    Returns:
        The layers.

    Raises:
        ModelError: If the file cannot be run, or is not that of the model.
    """
    graph = keras_compat.read_flat(model)
    content = read_tflite(Path(path))
    opened, matches = _give_out_layers(content, graph, signature, key)
    nodes = list(
        dict.fromkeys(
            name for match in matches for name in (*match.nodes, *match.behind)
        )
    )
    twin = _give_out_nodes(model, graph, nodes)
    with tempfile.TemporaryDirectory(prefix="tfcompress-") as folder:
        copy = Path(folder) / "layers.tflite"
        copy.write_bytes(opened)
        file = LiteRTModel(copy, signature=key, delegates=delegates)
    comparing = _Comparing(graph, matches, file)
    count = data_module.length(list(samples.values()))
    for number in range(count):
        rows = {name: array[number : number + 1] for name, array in samples.items()}
        arguments = tf.nest.map_structure(
            lambda name, rows=rows: tf.constant(rows[name]), signature.structure
        )
        values = tf.nest.flatten(twin(arguments, training=False))
        given = {n: v.numpy() for n, v in zip(nodes, values, strict=True)}
        comparing.add(rows, given)
    return LayerComparison(tuple(comparing.layers()), count)


def _choose_signature(
    content: bytes, signature: Signature, key: str | None
) -> str | None:
    """Returns the name of the signature that is the model's; None if it needs none."""
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    names = {
        each.signatureKey.decode(): _names(each.inputs) + _names(each.outputs)
        for each in file.signatureDefs or []
    }
    if key is None and len(names) < 2:
        return None
    wanted = sorted(signature.inputs) + sorted(signature.outputs)
    fitting = [key] if key in names else []
    if key is None:
        fitting = [name for name, found in names.items() if found == wanted]
    if len(fitting) != 1:
        raise ArgumentError(
            f"The file holds the signatures {list(names)}; name the one that was "
            f"converted from the model, as signature. Received: signature={key!r}"
        )
    return fitting[0]


def _names(ends: Any) -> list[str]:
    return sorted(each.name.decode() for each in ends or [])


def _give_out_layers(
    content: bytes, graph: Graph, signature: Signature, key: str | None
) -> tuple[bytes, list[TensorMatch]]:
    """Returns a file that also gives out what its layers give, and their tensors."""
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    definition = find_signature(file, key)
    names = signature.outputs
    given = [item.name.decode() for item in definition.outputs] if definition else []
    if set(given) != set(names):
        raise ModelError(
            "Expected a file that was converted from the model, with the outputs "
            f"{list(names)}. Received: {given}"
        )
    subgraph = file.subgraphs[definition.subgraphIndex]
    nodes = [tensor.node for tensor in leaves(graph.outputs)]
    outputs = {
        int(item.tensorIndex): nodes[names.index(item.name.decode())]
        for item in definition.outputs
    }
    batch = subgraph.tensors[subgraph.inputs[0]].shape[0]
    matches = [
        match
        for match in match_tensors(file, subgraph, graph, outputs)
        if match.index in outputs or _can_go_out(subgraph.tensors[match.index], batch)
    ]
    for match in matches:
        item = schema.TensorMapT()
        item.name = f"{_PREFIX}{match.index}".encode()
        item.tensorIndex = match.index
        definition.outputs.append(item)
        if match.index not in outputs:
            subgraph.outputs = [*map(int, subgraph.outputs), match.index]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file)), matches


def _can_go_out(tensor: Any, batch: int) -> bool:
    """Returns whether LiteRTModel can read a tensor: a row for each sample."""
    scales = getattr(tensor.quantization, "scale", None)
    sizes = [] if tensor.shape is None else list(tensor.shape)
    one_scale = scales is None or len(scales) == 1
    return bool(sizes) and sizes[0] == batch and one_scale


def _give_out_nodes(model: Any, graph: Graph, nodes: list[str]) -> Any:
    """Returns a model that gives what nodes of a graph give."""
    tapped = dataclasses.replace(
        graph, outputs=[Tensor(name) for name in nodes], kind="Functional"
    )
    keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
    return keras_compat.build(tapped, keras=keras, trusted=True)


class _Comparing:
    """Adds up the differences of each layer, sample by sample."""

    def __init__(
        self, graph: Graph, matches: list[TensorMatch], file: LiteRTModel
    ) -> None:
        self.graph = graph
        self.nodes = {node.name: node for node in graph.nodes}
        self.matches = matches
        self.file = file
        self.chosen: dict[int, str] = {}
        self.running: dict[int, RunningGap] = {}
        self.inputs: dict[str, RunningGap] = {}

    def add(
        self, rows: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
    ) -> None:
        """Runs the file on a sample, and compares with what the nodes gave."""
        details = self.file.input_details
        for name, each in details.items():
            stored = each.dequantize(each.quantize(rows[name]))
            self.inputs.setdefault(name, RunningGap()).add(stored, rows[name])
        found = self.file.predict({name: rows[name] for name in details})
        if not self.running:
            self._choose(found, values)
        for match in self.matches:
            if match.index in self.chosen:
                array = found[f"{_PREFIX}{match.index}"]
                expected = values[self.chosen[match.index]].reshape(array.shape)
                self.running.setdefault(match.index, RunningGap()).add(array, expected)

    def _choose(
        self, found: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
    ) -> None:
        """Chooses the node that a tensor is compared with: the nearest of its size.

        What an operation in the middle of a layer gives belongs to no node; the last
        tensor of a node is its output. A node behind those that are named must be far
        nearer than they are.
        """
        last: dict[str, int] = {}
        for match in self.matches:
            array = found[f"{_PREFIX}{match.index}"]
            ratios = {
                name: measure_gap(array, values[name].reshape(array.shape)).sqnr_db
                for name in (*reversed(match.nodes), *match.behind)
                if values[name].size == array.size
            }
            for name in match.behind:
                if name in ratios:
                    ratios[name] -= _FAR_DB
            if ratios:
                best = max(ratios, key=ratios.__getitem__)
                last[best] = match.index
        self.chosen = {index: name for name, index in last.items()}

    def layers(self) -> Iterator[LayerGap]:
        """Yields the layers, in the order of the file."""
        details = self.file.output_details
        gaps: dict[str, Gap] = {}
        for match in self.matches:
            if match.index not in self.chosen:
                continue
            detail = details[f"{_PREFIX}{match.index}"]
            gap = self.running[match.index].gap(detail.scale or None)
            line = [*match.nodes, *match.behind]
            place = max(line.index(self.chosen[match.index]), len(match.nodes) - 1)
            inside = line[: place + 1]
            before = [
                self._ratio_of(tensor.node, gaps)
                for name in inside
                for tensor in self.nodes[name].inputs()
                if tensor.node not in inside
            ]
            gaps.update(dict.fromkeys(inside, gap))
            yield LayerGap(
                layer=match.layer,
                operation=match.operation,
                shape=tuple(int(size or 1) for size in detail.shape[1:]),
                gap=gap,
                inputs_sqnr_db=min(before, default=LARGEST_SQNR),
            )

    def _ratio_of(self, node: str, gaps: Mapping[str, Gap]) -> float:
        """Returns the signal to noise ratio of the layers nearest to a node."""
        waiting, seen, ratios = [node], {node}, [LARGEST_SQNR]
        while waiting:
            name = waiting.pop()
            if name in gaps:
                ratios.append(gaps[name].sqnr_db)
                continue
            before = [tensor.node for tensor in self.nodes[name].inputs()]
            if not before:
                ratios += [each.gap().sqnr_db for each in self.inputs.values()]
            waiting += [other for other in before if other not in seen]
            seen.update(before)
        return min(ratios)
