"""The losses and metrics that a model is compiled with."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfcompress import keras_compat
from tfcompress.distillation.tapped_model import symbolic_outputs
from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.internals import settings_of_loss
from tfcompress.names import nearest

if TYPE_CHECKING:
    from tfcompress.pipeline.fitting.task import OutputTask, Task

_OF_ENDING = {"softmax": "categorical", "sigmoid": "binary"}
_OF_NUMBERS = ("squared", "absolute", "huber", "cosh", "cosine", "mse", "mae", "mape")


def losses_of_outputs(model: Any, name: str | None) -> tuple[list[Any], Any]:
    """Returns the loss of each output, and their weights, as far as they were said.

    Args:
        model: A model of either Keras.
        name: Name of a Keras loss for every output, or None for what the model was
            compiled with.

    Returns:
        A loss, its name or None for each output in flattened order; and the weights
        that `compile` was given, or None.

    Raises:
        ArgumentError: If there is no loss of this name.

    Example:
    ```python
    from tfcompress.pipeline.fitting.losses import losses_of_outputs

    losses, weights = losses_of_outputs(model, "mse")
    ```
    """
    count = len(model.outputs)
    if name is not None:
        build_named(keras_compat.keras_of(model).losses, name, "loss")
        return [name] * count, None
    given = getattr(model, "loss", None)
    if given is None or given == {} or given == []:
        return [None] * count, None
    weights = (model.get_compile_config() or {}).get("loss_weights")
    if isinstance(given, dict):
        return [given.get(name) for name in names_of_outputs(model)], weights
    if isinstance(given, list | tuple):
        return list(given), weights
    return [given] * count, weights


def names_of_outputs(model: Any) -> list[str]:
    """Returns the names of a model's outputs.

    Args:
        model: A built functional or Sequential model of either Keras.

    Returns:
        A name for each output, in flattened order.

    Example:
    ```python
    from tfcompress.pipeline.fitting.losses import names_of_outputs

    print(names_of_outputs(model))
    ```
    """
    outputs = symbolic_outputs(model)
    if isinstance(outputs, dict):
        return sorted(outputs)
    # A Sequential model of Keras 3 has no such names.
    names = getattr(model, "output_names", [model.layers[-1].name])
    return [str(name) for name in names]


def kind_of_loss(loss: Any) -> str | None:
    """Returns what a loss is for.

    Args:
        loss: A loss, a function, or the name of either.

    Returns:
        `"classes"`, `"labels"` or `"numbers"`; None where its name does not say it.

    Example:
    ```python
    from tfcompress.pipeline.fitting.losses import kind_of_loss

    assert kind_of_loss("mae") == "numbers"
    ```
    """
    name = name_of_loss(loss)
    if "categorical" in name:
        return "classes"
    if "binary" in name:
        return "labels"
    return "numbers" if any(part in name for part in _OF_NUMBERS) else None


def name_of_loss(loss: Any) -> str:
    """Returns the name of a loss in small letters.

    Args:
        loss: A loss, a function, or the name of either. A loss that Keras has is called
            as its class, whatever name it was given.

    Returns:
        Such as `"categoricalcrossentropy"` or `"categorical_crossentropy"`.

    Example:
    ```python
    import keras
    from tfcompress.pipeline.fitting.losses import name_of_loss

    assert name_of_loss(keras.losses.Huber(name="mine")) == "huber"
    ```
    """
    if isinstance(loss, str):
        return loss.lower()
    if is_stock(loss) and not hasattr(loss, "__name__"):
        return type(loss).__name__.lower()
    return str(getattr(loss, "__name__", getattr(loss, "name", ""))).lower()


def is_stock(loss: Any) -> bool:
    """Returns whether a loss is Keras's own.

    Args:
        loss: A loss, a function, or the name of either.

    Returns:
        False for the user's own losses and functions.

    Example:
    ```python
    from tfcompress.pipeline.fitting.losses import is_stock

    assert is_stock("mse") and not is_stock(lambda y_true, y_pred: y_pred)
    ```
    """
    if isinstance(loss, str):
        return True
    definition = loss if hasattr(loss, "__name__") else type(loss)
    return definition.__module__.split(".", 1)[0] in ("keras", "tf_keras")


def build_losses(
    task: "Task", model: Any, trained: Any, ends: Sequence[str | None]
) -> Any:
    """Returns the losses to compile with.

    Args:
        task: What the model is to learn.
        model: The model, for the structure of its outputs.
        trained: The model that is trained, which may end in logits where `model` ends
            in probabilities.
        ends: The activation in which each output of `trained` ends, or None.

    Returns:
        A loss of the Keras of `trained`, or a list of them, or a dict.

    Example:
    ```python
    from tfcompress.keras_compat import output_activations
    from tfcompress.pipeline.fitting import find_task
    from tfcompress.pipeline.fitting.losses import build_losses

    task = find_task(model, (x, y))
    loss = build_losses(task, model, model, output_activations(model))
    ```
    """
    library = keras_compat.keras_of(trained)
    losses = [
        _loss(library, output, end)
        for output, end in zip(task.outputs, ends, strict=True)
    ]
    return in_structure(model, losses)


def build_metrics(
    task: "Task",
    model: Any,
    trained: Any,
    ends: Sequence[str | None],
    names: Sequence[str] | None,
) -> Any:
    """Returns the metrics to compile with.

    Args:
        task: What the model is to learn.
        model: The model, for the structure of its outputs.
        trained: The model that is trained.
        ends: As in `build_losses`.
        names: Names of Keras metrics, or None for those of the task.

    Returns:
        A list of metrics of the Keras of `trained`, or a list or dict of such lists.

    Raises:
        ArgumentError: If there is no metric of this name.

    Example:
    ```python
    from tfcompress.keras_compat import output_activations
    from tfcompress.pipeline.fitting import find_task
    from tfcompress.pipeline.fitting.losses import build_metrics

    task = find_task(model, (x, y))
    metrics = build_metrics(task, model, model, output_activations(model), None)
    ```
    """
    library = keras_compat.keras_of(trained)
    metrics = [
        [
            _metric(library, name, output, end)
            for name in (names if names is not None else (output.metric,))
        ]
        for output, end in zip(task.outputs, ends, strict=True)
    ]
    return in_structure(model, metrics)


def in_structure(model: Any, parts: Sequence[Any]) -> Any:
    """Returns what there is for each output in the structure of a model's outputs.

    Args:
        model: A built functional or Sequential model of either Keras.
        parts: One for each output, in flattened order.

    Returns:
        The part of a single output, or a list or dict of parts.

    Example:
    ```python
    from tfcompress.pipeline.fitting.losses import in_structure

    model.compile(loss=in_structure(model, ["mse"] * len(model.outputs)))
    ```
    """
    outputs = symbolic_outputs(model)
    if isinstance(outputs, dict):
        return dict(zip(sorted(outputs), parts, strict=True))
    return parts[0] if len(parts) == 1 else list(parts)


def build_named(module: Any, name: str, what: str) -> Any:
    """Returns a loss or metric of Keras by its name.

    Args:
        module: `losses` or `metrics` of either Keras.
        name: Its name, such as `"mse"`.
        what: What it is called in errors: `"loss"` or `"metric"`.

    Returns:
        What Keras has under this name.

    Raises:
        ArgumentError: If there is none; names the nearest.

    Example:
    ```python
    import keras
    from tfcompress.pipeline.fitting.losses import build_named

    loss = build_named(keras.losses, "mse", "loss")
    ```
    """
    try:
        return module.get(name)
    except ValueError as error:
        known = [one for one in dir(module) if not one.startswith("_")]
        raise ArgumentError(
            f"{what} must be the name of a Keras {what}, such as "
            f"{', '.join(map(repr, nearest(name, known)))}. "
            f"Received: {what}={name!r}"
        ) from error


def _loss(library: Any, output: "OutputTask", end: str | None) -> Any:
    """Returns the loss of an output that is trained with `end` as its activation."""
    keras = "tf_keras" if library is keras_compat.tf_keras() else "keras"
    loss = keras_compat.cross(output.loss, keras=keras)
    if isinstance(loss, str):
        loss = build_named(library.losses, loss, "loss")
    ending = output.activation if output.activation != end else None
    of_logits = ending is None and isinstance(output.loss, str) and output.from_logits
    if of_logits or _is_of_ending(output.loss, ending):
        kind = _class_of(library, loss, output.loss)
        if kind is not None:
            settings = {**settings_of_loss(loss), "from_logits": True}
            with contextlib.suppress(TypeError):  # A loss that knows no logits.
                return kind(**settings)
    return loss if ending is None else _on_probabilities(library, loss, ending)


def _is_of_ending(loss: Any, ending: str | None) -> bool:
    """Whether a loss on logits applies this very softmax or sigmoid."""
    return ending is not None and _OF_ENDING[ending] in name_of_loss(loss)


def _class_of(library: Any, loss: Any, given: Any) -> Any:
    """Returns the class of a loss that may have been given as a function or a name."""
    if isinstance(loss, library.losses.Loss):
        return type(loss)
    wanted = name_of_loss(given).replace("_", "")
    for known in dir(library.losses) if is_stock(given) else ():
        found = getattr(library.losses, known)
        if isinstance(found, type) and known.lower() == wanted:
            return found
    return None


def _on_probabilities(library: Any, loss: Any, ending: str) -> Any:
    """Returns a loss on logits that is another one on their probabilities."""
    import tensorflow as tf

    activate = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid}[ending]
    if not isinstance(loss, library.losses.Loss):

        def loss_on_probabilities(y_true: Any, y_pred: Any) -> Any:
            return loss(y_true, activate(y_pred))

        return loss_on_probabilities

    class LossOnProbabilities(library.losses.Loss):
        """A loss of logits, with the reduction of one of their probabilities."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss.call(y_true, activate(y_pred))

    return LossOnProbabilities(reduction=loss.reduction, name=loss.name)


def _metric(library: Any, name: str, output: "OutputTask", end: str | None) -> Any:
    metrics = library.metrics
    if name in ("accuracy", "acc"):
        if output.kind == "labels":
            middle = 0.5 if end == "sigmoid" else 0.0
            return metrics.BinaryAccuracy(name="accuracy", threshold=middle)
        if output.kind == "classes":
            if output.numbered:
                return metrics.SparseCategoricalAccuracy(name="accuracy")
            return metrics.CategoricalAccuracy(name="accuracy")
    if name == "mae":
        return metrics.MeanAbsoluteError(name="mae")
    found = build_named(metrics, name, "metric")
    return found
