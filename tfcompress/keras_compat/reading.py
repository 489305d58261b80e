"""Reads a Keras model into a graph."""

import importlib
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.graph import Graph, Layer, Node, Tensor, TensorSpec
from tfcompress.keras_compat import internals, modules, operation_names
from tfcompress.keras_compat.calls import cleaned, is_operation_layer
from tfcompress.keras_compat.checks import check_structure
from tfcompress.keras_compat.configs import LOOKUPS, read_config, read_custom_config
from tfcompress.keras_compat.membership import name_of
from tfcompress.keras_compat.weights import read_weights


def read(model: Any) -> Graph:
    """Reads a functional or Sequential model of either Keras into a graph.

    Masks that Keras hands on by itself, and the `training` that a Keras 3 layer was
    first called with, are not part of the graph: a model built from it has its own.

    Args:
        model: A built model of Keras 3 or tf_keras. It is not changed.

    Returns:
        The graph, with copies of the weights.

    Raises:
        ModelError: If the model is subclassed or not built.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import read

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs) + 1.0)
    print(read(model))
    ```
    """
    check_structure(model)
    return _Reader(str(name_of(model))).graph(model)


class _Reader:
    """Reads one model and those nested in it; a shared layer is read once."""

    def __init__(self, keras: str) -> None:
        self.keras = keras
        self.legacy = keras == "tf_keras"
        self.module = modules.module(keras)
        self.symbolic = internals.symbolic_class(keras)
        self.seen: dict[int, tuple[Any, Layer]] = {}

    def graph(self, model: Any) -> Graph:
        """Reads a model."""
        return _GraphReader(self, model).read()

    def layer(self, layer: Any) -> Layer:
        """Reads a layer, or returns what was read when it came before."""
        if id(layer) not in self.seen:
            self.seen[id(layer)] = (layer, self._layer(layer))
        return self.seen[id(layer)][1]

    def is_tensor(self, value: Any) -> bool:
        """Returns whether this is a symbolic tensor of a model."""
        return isinstance(value, self.symbolic)

    def _layer(self, layer: Any) -> Layer:
        if isinstance(layer, self.module.Model):
            check_structure(layer, f"the nested model {layer.name!r}")
            return Layer(
                layer.name,
                "Model",
                trainable=layer.trainable,
                graph=self.graph(layer),
                type=type(layer),
            )
        if not isinstance(layer, self.module.layers.Layer):
            return self._operation(layer)
        kind = type(layer).__name__
        if is_operation_layer(layer):
            ours = "ops." + layer.operation if self.legacy else "tf." + layer.function
            return Layer(layer.name, ours)
        if kind in ("TFOpLambda", "SlicingOpLambda"):
            return Layer(layer.name, "tf." + layer.get_config()["function"])
        if type(layer).__module__.startswith(self.keras + "."):
            config = read_config(layer, self.keras)
        else:
            config = read_custom_config(layer)
        weights = () if kind in LOOKUPS else read_weights(layer, self.keras)
        return Layer(
            layer.name, kind, config, weights, layer.trainable, type=type(layer)
        )

    def _operation(self, operation: Any) -> Layer:
        name = operation_names.operation_name(type(operation))
        config = operation_names.operation_arguments(operation)
        if config is None:
            raise ModelError(
                "An operation of a model must tell what it was made with; give it a "
                f"`get_config`. Received: operation {operation.name!r} of class "
                f"{type(operation).__name__}"
            )
        kind = type(operation).__name__ if name is None else "ops." + name
        return Layer(operation.name, kind, config, type=type(operation))


class _GraphReader:
    """Walks back from the outputs of one model to its inputs."""

    def __init__(self, reader: _Reader, model: Any) -> None:
        self.reader = reader
        self.keras = reader.keras
        self.model = model
        self.calls: dict[int, internals.Call] = {}
        self.nodes: dict[int, Node] = {}
        self.layers: dict[str, Layer] = {}
        tensorflow = importlib.import_module("tensorflow")
        self.constants = (tensorflow.Tensor,)
        self.variables = (tensorflow.Variable, modules.keras().Variable)

    def read(self) -> Graph:
        """Reads the model."""
        self._check_losses()
        sequential = isinstance(self.model, self.reader.module.Sequential)
        inputs = self.model.inputs[0] if sequential else self.model.input
        outputs = self.model.outputs[0] if sequential else self.model.output
        inputs = self._reference(inputs)
        outputs = self._reference(outputs)
        return Graph(
            name=self.model.name,
            layers=self.layers,
            nodes=tuple(self.nodes.values()),
            inputs=inputs,
            outputs=outputs,
            kind="Sequential" if sequential else "Functional",
            trainable=self.model.trainable,
        )

    def _check_losses(self) -> None:
        """Raises an error if tf_keras holds losses or metrics beside the outputs."""
        for layer in self.model.layers:
            if type(layer).__name__ in ("AddLoss", "AddMetric"):
                raise ModelError(
                    f"What `add_loss` or `add_metric` gave model {self.model.name!r} "
                    "is not part of its outputs and would be lost. Give it to "
                    "`compile` instead, or as another output. Received: a layer "
                    f"{type(layer).__name__}"
                )

    def _reference(self, value: Any) -> Any:
        """Returns a call argument with graph tensors in place of symbolic ones."""
        if self.reader.is_tensor(value):
            return self._tensor(value)
        if isinstance(value, dict):
            return {key: self._reference(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._reference(item) for item in value)
        if isinstance(value, self.variables):
            raise ModelError(
                "A weight that is used outside its layer cannot be read; put the "
                f"operation into a layer. Received: model {self.model.name!r}, which "
                f"uses the variable {value.name!r} in an operation"
            )
        return value.numpy() if isinstance(value, self.constants) else value

    def _tensor(self, tensor: Any) -> Tensor:
        """Returns the place of a tensor, after adding all the calls it comes from."""
        key, index = self._producer(tensor)
        pending = [key]
        while pending:
            call = self.calls[pending[-1]]
            taken = self._tensors((call.arguments, call.keywords))
            found = [self._producer(tensor_)[0] for tensor_ in taken]
            missing = [key_ for key_ in found if key_ not in self.nodes]
            if missing:
                pending += reversed(missing)
            else:
                self._add(self.calls[pending.pop()])
        return Tensor(self.nodes[key].name, index)

    def _producer(self, tensor: Any) -> tuple[int, int]:
        """Returns the key of the call that made a tensor, and which output it is."""
        call, index = internals.producer(tensor, self.keras)
        if call.key not in self.calls:
            self.calls[call.key] = cleaned(call, self.keras)
        return call.key, index

    def _tensors(self, value: Any) -> list[Any]:
        if self.reader.is_tensor(value):
            return [value]
        if isinstance(value, dict):
            return [leaf for item in value.values() for leaf in self._tensors(item)]
        if isinstance(value, list | tuple):
            return [leaf for item in value for leaf in self._tensors(item)]
        return []

    def _add(self, call: internals.Call) -> None:
        """Adds a call whose arguments are there already."""
        if call.key in self.nodes:
            return
        layer = self.reader.layer(call.layer)
        again = sum(node.layer == layer.name for node in self.nodes.values())
        self.layers[layer.name] = layer
        self.nodes[call.key] = Node(
            f"{layer.name}:{again}" if again else layer.name,
            layer.name,
            tuple(self._reference(value) for value in call.arguments),
            {key: self._reference(value) for key, value in call.keywords.items()},
            tuple(_spec(tensor) for tensor in call.outputs),
        )


def _spec(tensor: Any) -> TensorSpec:
    dtype = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
    return TensorSpec(tuple(tensor.shape), dtype)
