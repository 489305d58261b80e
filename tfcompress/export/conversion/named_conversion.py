"""Converts a model to a float file whose tensors have the names of its layers."""

import collections
import re
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress import keras_compat
from tfcompress.export.conversion.direct_conversion import convert_directly
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.layer_operations import kernel_of
from tfcompress.export.targets import Target, find_target
from tfcompress.graph import Graph, rename_layers
from tfcompress.graph.rewiring import leaves

_MARK = re.compile(r"layer(\d+)\.(?:_\d+)?")


def convert_named(
    model: Any,
    signature: Signature,
    *,
    target: Target | None = None,
    samples: dict[str, np.ndarray] | None = None,
) -> bytes:
    """Converts a Keras model to a file with exact layer names in it.

    Keras 3 numbers the scopes in which layers work, so that an operation of the layer
    `conv` may lie in `model_1/conv_1`, and the converter names the last operation
    after the file's output. Here the name of every operation's output is a list of
    paths, parted by `;`, one for each layer that was fused into it, that with the
    kernel first: `model/conv/convolution;model/relu/Relu`. Kernels are named after
    their layers too. Models inside the model are unpacked.

    Args:
        model: A functional or Sequential model of either Keras, in float32. It is not
            changed.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold. Defaults to float32.
        samples: Representative inputs by name, for a full-integer file.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If the model cannot be converted.

    Example:
    ```python
    from tfcompress.export.conversion.named_conversion import convert_named
    from tfcompress.export.conversion.signature import read_signature

    content = convert_named(model, read_signature(model, batch=1))
    ```
    """
    graph = keras_compat.read_flat(model)
    layers = [
        name for name, layer in graph.layers.items() if layer.kind != "InputLayer"
    ]
    marked = {name: f"layer{number}." for number, name in enumerate(layers)}
    keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
    twin = keras_compat.build(rename_layers(graph, marked), keras=keras, trusted=True)
    content = convert_directly(
        twin, signature, target or find_target("cpu_float32"), samples=samples
    )
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    _Naming(graph, layers, signature).rename(file)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


class _Naming:
    """Replaces marks by the names of layers, and names outputs after their layers."""

    def __init__(self, graph: Graph, layers: list[str], signature: Signature) -> None:
        self.graph = graph
        self.layers = layers
        self.signature = signature
        self.kernels = {
            name
            for name, layer in graph.layers.items()
            if any(weight.value.ndim > 1 for weight in layer.weights)
        }

    def rename(self, file: Any) -> None:
        """Renames the tensors of a file, a `ModelT`, in place."""
        taken: collections.Counter[str] = collections.Counter()
        for number, subgraph in enumerate(file.subgraphs):
            names = {
                index: self._paths(tensor.name.decode("utf-8", "replace"))
                for index, tensor in enumerate(subgraph.tensors)
            }
            if not number:
                self._name_outputs(file, names)
            for operator in subgraph.operators or []:
                kernel = kernel_of(file, subgraph, operator)
                if kernel is not None:
                    self._put_owner_first(names, kernel, int(operator.outputs[0]))
            for index, tensor in enumerate(subgraph.tensors):
                name = ";".join(names[index])
                again = taken[name]
                taken[name] += 1
                tensor.name = (f"{name}_{again}" if again else name).encode()

    def _paths(self, name: str) -> list[str]:
        return [self._named(path) for path in name.split(";") if path]

    def _named(self, path: str) -> str:
        parts = path.split("/")
        marks = [_MARK.fullmatch(part) for part in parts]
        first = next((number for number, mark in enumerate(marks) if mark), None)
        if first is None:
            return path
        named = [
            self.layers[int(mark[1])] if mark else part
            for mark, part in zip(marks, parts, strict=True)
        ]
        return "/".join([self.graph.name, *named[first:]])

    def _name_outputs(self, file: Any, names: dict[int, list[str]]) -> None:
        operators = file.subgraphs[0].operators or []
        made = {int(index) for op in operators for index in op.outputs}
        tensors = leaves(self.graph.outputs)
        for item in file.signatureDefs[0].outputs:
            index = int(item.tensorIndex)
            if index in made:
                number = self.signature.outputs.index(item.name.decode())
                layer = self.graph.node(tensors[number].node).layer
                names[index] = [f"{self.graph.name}/{layer}/output"]

    def _put_owner_first(
        self, names: dict[int, list[str]], kernel: int, output: int
    ) -> None:
        """Puts the layer with the kernel first in the names of what it gives."""
        candidates = self._layers([*names[kernel], *names[output]])
        owners = [name for name in candidates if name in self.kernels]
        owner = owners[0] if owners else self._behind(candidates)
        if owner is None:
            return
        others = [
            path
            for path in names[output]
            if not set(self._layers([path])) & ({owner} | self.kernels)
        ]
        own = [path for path in names[output] if owner in self._layers([path])]
        names[output] = [*(own or [f"{self.graph.name}/{owner}/output"]), *others]
        names[kernel] = [f"{self.graph.name}/{owner}/kernel"]

    def _layers(self, paths: list[str]) -> list[str]:
        return [
            part
            for path in paths
            for part in path.split("/")[1:]
            if part in self.graph.layers
        ]

    def _behind(self, layers: list[str]) -> str | None:
        """Returns the layer with a kernel whose output reaches a layer in a line."""
        for name in layers:
            node = self.graph.calls(name)[0]
            while len(before := list(node.inputs())) == 1:
                node = self.graph.node(before[0].node)
                if node.layer in self.kernels:
                    return node.layer
        return None
