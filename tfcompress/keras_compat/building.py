"""Builds a Keras model from a graph, in either Keras."""

import dataclasses
import re
from typing import Any

from tfcompress.errors import UnsupportedLayerError
from tfcompress.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.graph import map_tensors
from tfcompress.keras_compat import internals, modules, operation_names
from tfcompress.keras_compat.arguments import encode
from tfcompress.keras_compat.configs import write_config
from tfcompress.keras_compat.membership import name_of_class
from tfcompress.keras_compat.stock_operations import stock_layer
from tfcompress.keras_compat.twins import find_class, is_stock
from tfcompress.keras_compat.weights import write_weights


def build(graph: Graph, *, keras: str, trusted: bool = False) -> Any:
    """Builds a model from a graph.

    Args:
        graph: What `read` returned, or what a pass made of it.
        keras: `"keras"` for a Keras 3 model, `"tf_keras"` for a tf_keras model.
        trusted: Whether code inside `Lambda` layers may run in the other Keras than
            the one it was written for. Say so only of models whose author you trust.

    Returns:
        A new model with weights of its own: the same names, `trainable` flags and
        numbers. What a Keras does not allow in a name becomes an underscore, such as
        the slash in Keras 3.

    Raises:
        ArgumentError: If `keras` is another name.
        UnsupportedLayerError: If a layer has no twin in this Keras.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import build, read

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    twin = build(read(model), keras="tf_keras")
    ```
    """
    modules.module(keras)
    return _Builder(keras, trusted).model(graph)


class _Builder:
    """Builds one model and those nested in it; a shared layer is built once."""

    def __init__(self, keras: str, trusted: bool) -> None:
        self.keras = keras
        self.module = modules.module(keras)
        self.symbolic = internals.symbolic_class(keras)
        self.trusted = trusted
        self.built: dict[int, Any] = {}
        self.unwritten: list[tuple[Any, Layer]] = []

    def model(self, graph: Graph) -> Any:
        """Builds the model of a graph, with its weights and flags."""
        model = self._network(graph)
        self._freeze(model, graph)
        for layer, source in self.unwritten:
            write_weights(layer, source.weights, self.keras)
            if source.kind == "Normalization":
                layer.finalize_state()
        return model

    def _network(self, graph: Graph) -> Any:
        if graph.kind == "Sequential" and _is_chain(graph):
            start, *rest = [graph.layers[node.layer] for node in graph.nodes]
            layers = [self._input(start), *map(self._layer, rest)]
            return self.module.Sequential(layers, name=self._name(graph.name))
        values: dict[Tensor, Any] = {}
        for node in graph.nodes:
            self._run(node, graph.layers[node.layer], values)
        inputs = map_tensors(values.__getitem__, graph.inputs)
        outputs = map_tensors(values.__getitem__, graph.outputs)
        functional = internals.functional_class(self.keras)
        return functional(inputs, outputs, name=self._name(graph.name))

    def _run(self, node: Node, layer: Layer, values: dict[Tensor, Any]) -> None:
        """Calls a layer on what came before and keeps what it returns."""
        arguments = map_tensors(values.__getitem__, node.arguments)
        keywords = map_tensors(values.__getitem__, dict(node.keywords))
        if layer.kind == "InputLayer":
            result = self._input(layer)
        elif layer.kind.startswith("ops."):
            result = self._operation(node, layer, arguments, keywords)
        elif layer.kind.startswith("tf."):
            result = self._function(node, layer, arguments, keywords)
        else:
            result = self._layer(layer)(*arguments, **keywords)
        flat = modules.flatten(result, self.keras)
        for index, tensor in enumerate(flat):
            values[Tensor(node.name, index)] = tensor

    def _layer(self, layer: Layer) -> Any:
        """Returns the Keras layer for a layer of the graph, made at the first call."""
        if id(layer) in self.built:
            return self.built[id(layer)]
        if layer.graph is not None:
            made = self._network(layer.graph)
        elif layer.kind == "Lambda":
            made = self._lambda(layer)
        else:
            made = self._made(layer)
        self.built[id(layer)] = made
        if layer.weights:
            self.unwritten.append((made, layer))
        return made

    def _made(self, layer: Layer) -> Any:
        kind: Any
        kind, convert = find_class(layer.kind, layer.type, layer.name, self.keras)
        config = dict(layer.config)
        if is_stock(kind, self.keras) or layer.type is None:
            config = write_config(config, kind, layer.type, layer.name)
        elif kind is not layer.type:
            config = convert(config)
        config = {**config, "name": self._name(layer.name)}
        if kind.__name__ == "MultiHeadAttention":
            return kind(**config)  # Its `from_config` in tf_keras asks for shapes.
        return kind.from_config(config)

    def _lambda(self, layer: Layer) -> Any:
        source = name_of_class(layer.type)
        if source != self.keras and not self.trusted:
            raise UnsupportedLayerError(
                f"Layer {layer.name!r} is a Lambda, whose code was written for "
                f"{source}. If you trust its author, run it in {self.keras} too: use "
                f"tfcompress.keras_compat.to_{self.keras}(model, trusted=True) in "
                f"place of the model. Received: trusted={self.trusted}"
            )
        name = self._name(layer.name)
        return self.module.layers.Lambda(**layer.config, name=name)

    def _input(self, layer: Layer) -> Any:
        config = dict(layer.config)
        shape = tuple(config["batch_shape"])
        arguments = {
            key: config[key] for key in ("sparse", "ragged") if config.get(key)
        }
        if config.get("optional") and self.keras == "keras":
            arguments["optional"] = True
        return self.module.Input(
            shape[1:],
            batch_size=shape[0],
            dtype=config.get("dtype", "float32"),
            name=self._name(layer.name),
            **arguments,
        )

    def _operation(
        self, node: Node, layer: Layer, arguments: Any, keywords: dict[str, Any]
    ) -> Any:
        """Calls an operation of `keras.ops`."""
        name = layer.kind.removeprefix("ops.")
        keywords = {**layer.config, **keywords}
        if self.keras == "keras":
            result = operation_names.call(name, arguments, keywords)
            first = modules.flatten(result, "keras")[0]
            internals.rename_operation(first, self._name(_call_name(node)))
            return result
        masked = any(internals.implicit_mask(a) is not None for a in arguments)
        called = dataclasses.replace(node, name=self._name(_call_name(node)))
        stock = None if masked else stock_layer(name, called, layer.config)
        if stock is not None:
            return stock(*arguments)
        template, tensors = encode((arguments, keywords), self._is_tensor)
        from tfcompress.keras_compat.operations import KerasOperation

        made = KerasOperation(name, template, name=self._name(_call_name(node)))
        return made(tensors if len(tensors) > 1 else tensors[0])

    def _function(
        self, node: Node, layer: Layer, arguments: Any, keywords: dict[str, Any]
    ) -> Any:
        """Calls a TensorFlow function."""
        name = layer.kind.removeprefix("tf.")
        if self.keras == "tf_keras":
            kind = "TFOpLambda"
            if name == "__operators__.getitem":
                kind = "SlicingOpLambda"
                arguments, keywords = _without_slices((arguments, keywords))
            config = {"function": name, "name": self._name(_call_name(node))}
            made = self.module.layers.deserialize(
                {"class_name": kind, "config": config}
            )
            return made(*arguments, **keywords)
        template, tensors = encode((arguments, keywords), self._is_tensor)
        from tfcompress.keras_compat.tensorflow_functions import TensorFlowFunction

        made = TensorFlowFunction(name, template, name=self._name(_call_name(node)))
        return made(tensors if len(tensors) > 1 else tensors[0])

    def _name(self, name: str) -> str:
        """Returns a name that this Keras takes.

        Keras 3 allows no slash, TensorFlow only what may stand in a scope.
        """
        if self.keras == "keras":
            return name.replace("/", "_")
        name = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
        return name if re.match(r"[A-Za-z0-9.]", name) else f"layer{name}"

    def _is_tensor(self, value: Any) -> bool:
        return isinstance(value, self.symbolic)

    def _freeze(self, model: Any, graph: Graph) -> None:
        """Gives the model and its layers the `trainable` flags of the graph."""
        if model.trainable != graph.trainable:
            model.trainable = graph.trainable
        for layer in graph.layers.values():
            made = self.built.get(id(layer))
            if made is None:
                continue
            if layer.graph is not None:
                self._freeze(made, layer.graph)
            elif made.trainable != layer.trainable:
                made.trainable = layer.trainable


def _is_chain(graph: Graph) -> bool:
    """Returns whether a graph is one input and layers called one after the other."""
    if not isinstance(graph.inputs, Tensor) or not isinstance(graph.outputs, Tensor):
        return False
    before = graph.inputs
    for node in graph.nodes[1:]:
        kind = graph.layers[node.layer].kind
        if kind.startswith(("ops.", "tf.")) or node.arguments != (before,):
            return False
        if node.keywords or node.name != node.layer:
            return False
        before = Tensor(node.name)
    return graph.nodes[0].name == graph.inputs.node and graph.outputs == before


def _call_name(node: Node) -> str:
    """Returns the name for an operation that a node alone calls."""
    return node.name.replace(":", "_again_")


def _without_slices(value: Any) -> Any:
    """Returns call arguments with slices written as tf_keras records them."""
    if isinstance(value, slice):
        return {"start": value.start, "stop": value.stop, "step": value.step}
    if isinstance(value, dict):
        return {key: _without_slices(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_slices(item) for item in value)
    return value
