"""The private parts of both Kerases that have no public counterpart.

Everything tfcompress takes from `keras.src` or `tf_keras.src`, and every attribute
with a leading underscore, is here, so that a change in Keras shows in one place.
"""

import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.parameters import parameters


class Call(NamedTuple):
    """One recorded call of a layer or operation.

    Attributes:
        key: Tells apart this call from every other.
        layer: The layer or operation that was called.
        arguments: Positional arguments, with symbolic tensors among them.
        keywords: Keyword arguments, in the same way.
        outputs: The symbolic tensors that it returned, flattened.
    """

    key: int
    layer: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outputs: list[Any]


def producer(tensor: Any, keras: str) -> tuple[Call, int]:
    """Returns the call that produced a symbolic tensor, and which output it is."""
    history = tensor._keras_history
    if keras == "keras":
        node = history.operation._inbound_nodes[history.node_index]
        arguments, keywords = node.arguments.args, node.arguments.kwargs
        call = Call(
            id(node), node.operation, tuple(arguments), dict(keywords), node.outputs
        )
    else:
        node = history.layer._inbound_nodes[history.node_index]
        outputs = importlib.import_module("tensorflow").nest.flatten(node.outputs)
        call = Call(
            id(node),
            node.layer,
            tuple(node.call_args),
            dict(node.call_kwargs),
            outputs,
        )
    return call, history.tensor_index


def implicit_mask(tensor: Any) -> Any:
    """Returns the mask that Keras attached to a symbolic tensor, or None."""
    return getattr(tensor, "_keras_mask", None)


def rename_operation(tensor: Any, name: str) -> None:
    """Names the Keras 3 operation that produced a symbolic tensor."""
    tensor._keras_history.operation.name = name


def functional_class(keras: str) -> type:
    """Returns the class of functional models."""
    if keras == "keras":
        return importlib.import_module("keras.src.models.functional").Functional
    return importlib.import_module("tf_keras.src.engine.functional").Functional


def overrides_call(model: Any, keras: str) -> bool:
    """Returns whether the class of a functional model has a `call` of its own."""
    stock = (functional_class(keras), modules.module(keras).Sequential)
    owner = next(base for base in type(model).__mro__ if "call" in vars(base))
    return owner not in stock


def sublayers(layer: Any, keras: str) -> Iterator[Any]:
    """Yields the layers directly inside a layer, each once, in order of creation."""
    if keras == "keras":
        inner = layer._layers
    else:
        inner = layer._flatten_layers(include_self=False, recursive=False)
    yield from {id(item): item for item in inner}.values()


def places_of(variable: Any, layer: Any) -> list[tuple[Any, str]]:
    """Returns where a tf_keras layer, or one inside it, holds a variable.

    Returns:
        Pairs of the layer and the name of its attribute.
    """
    return [
        (owner, name)
        for owner in layer._flatten_layers()
        for name, value in vars(owner).items()
        if value is variable
    ]


def use_open_loops(model: Any) -> None:
    """Lets the LSTM layers of a tf_keras model run as loops of plain operations.

    The converter makes one operation of its own of what they are otherwise.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, modules.tf_keras().layers.LSTM):
            layer._could_use_gpu_kernel = False


def own_variables(layer: Any, keras: str) -> list[Any]:
    """Returns the weights of a layer without those of layers inside it."""
    if keras == "keras":
        return [*layer._trainable_variables, *layer._non_trainable_variables]
    return [*layer._trainable_weights, *layer._non_trainable_weights]


def counterpart(kind: type) -> type | None:
    """Returns the class of the same name in the same file of the other Keras.

    For layers that Keras uses inside but does not export, such as the `LayerScale`
    of ConvNeXt.
    """
    root, _, rest = kind.__module__.partition(".")
    other = {"keras": "tf_keras", "tf_keras": "keras"}.get(root)
    if other is None:
        return None
    try:
        module = importlib.import_module(f"{other}.{rest}")
    except ImportError:
        return None
    found = vars(module).get(kind.__name__)
    return found if isinstance(found, type) else None


def constants_count(layer: Any) -> int:
    """Returns how many constants a tf_keras RNN takes behind its states."""
    return layer._num_constants or 0


def lambda_output_shape(layer: Any) -> Any:
    """Returns the `output_shape` that a Lambda layer was made with."""
    return layer._output_shape


def symbolic_class(keras: str) -> type:
    """Returns the class of the symbolic tensors that models are made of."""
    if keras == "keras":
        return modules.keras().KerasTensor
    return importlib.import_module("tf_keras.src.engine.keras_tensor").KerasTensor


def optimizer_classes(keras: str) -> tuple[type, ...]:
    """Returns the base classes of optimizers."""
    optimizers = modules.module(keras).optimizers
    if keras == "keras":
        return (optimizers.Optimizer,)
    scale = loss_scale_class("tf_keras")
    return (optimizers.Optimizer, optimizers.legacy.Optimizer, scale)


def loss_scale_class(keras: str) -> type:
    """Returns the optimizer that scales the loss for mixed precision."""
    if keras == "keras":
        return modules.keras().optimizers.LossScaleOptimizer
    return modules.tf_keras().mixed_precision.LossScaleOptimizer


def learning_rate(optimizer: Any) -> Any:
    """Returns the schedule, variable or function an optimizer takes its rate from."""
    return optimizer._learning_rate


def settings_of_loss(loss: Any) -> dict[str, Any]:
    """Returns the settings of a loss, also those that its config leaves out.

    Keras 3 leaves out the `delta` of Huber and the `axis` of some others; they are here
    where they are not the default. A function has no settings.
    """
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    kind: type = type(loss)
    known = parameters(kind)
    hidden = {
        key: value
        for key, value in getattr(loss, "_fn_kwargs", {}).items()
        if key in known and value != known[key]
    }
    return {key: v for key, v in {**hidden, **config}.items() if key != "fn"}


def overrides_events(callback: Any, *kinds: str) -> bool:
    """Returns whether a callback does something at the events of these kinds."""
    methods = [
        getattr(callback, f"on_{kind}_{edge}")
        for kind in kinds
        for edge in ("begin", "end")
    ]
    return not all(getattr(method, "_is_default", False) for method in methods)


def metric_direction(metric: Any) -> str | None:
    """Returns `"up"` or `"down"` for a tf_keras metric that Keras 3 has as well."""
    kind = vars(modules.keras().metrics).get(type(metric).__name__)
    try:
        return None if kind is None else getattr(kind(), "_direction", None)
    except TypeError:  # A metric that cannot be made without arguments.
        return None


def steps_per_execution(model: Any) -> int:
    """Returns how many steps a compiled tf_keras model takes at a time."""
    steps = model._steps_per_execution
    return 1 if steps is None else int(steps.numpy())


def keeps_layers(get_config: Any) -> Any:
    """Marks the `get_config` of a functional model as one that keeps its layers.

    tf_keras then clones the model layer by layer, as TF-MOT needs it.
    """
    get_config._is_default = True
    return get_config
