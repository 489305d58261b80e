"""Optimizers, losses, metrics and callbacks of one Keras for a model of the other."""

import importlib
import inspect
from types import ModuleType
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.membership import name_of_class
from tfcompress.keras_compat.parameters import parameters

# Settings of an optimizer that say nothing about how it optimizes.
_OF_ONE_KERAS = {"is_legacy_optimizer", "jit_compile"}

# Callbacks that work on the inside of a model, and so need that of its own Keras.
_REMADE = {
    "tf_keras": {"BackupAndRestore", "TensorBoard"},
    "keras": {
        "BackupAndRestore",
        "LearningRateScheduler",
        "ModelCheckpoint",
        "ReduceLROnPlateau",
        "TensorBoard",
    },
}


def cross(value: Any, *, keras: str) -> Any:
    """Returns training objects as a model of this Keras takes them.

    Args:
        value: An optimizer, learning-rate schedule, loss, metric, callback or
            `PyDataset` of either Keras, or a list, tuple or dict of them. Anything else
            is returned as it is, and so is what belongs to this Keras already.
        keras: `"keras"` or `"tf_keras"`, the Keras of the model to be trained.

    Returns:
        The same with the same settings. An optimizer starts without state. Losses and
        metrics of the user's own are wrapped, and callbacks are wrapped such that the
        user's own object sees every event.

    Raises:
        ArgumentError: If the other Keras has no such optimizer, or no such setting.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import cross

    optimizer = cross(keras.optimizers.Adam(1e-3, clipnorm=1.0), keras="tf_keras")
    ```
    """
    modules.module(keras)
    if isinstance(value, list | tuple):
        return type(value)(cross(item, keras=keras) for item in value)
    if isinstance(value, dict):
        return {key: cross(item, keras=keras) for key, item in value.items()}
    home = name_of_class(type(value))
    if home is None or home == keras:
        return value
    source = modules.module(home)
    if isinstance(value, internals.optimizer_classes(home)):
        return _optimizer(value, keras)
    if isinstance(value, source.optimizers.schedules.LearningRateSchedule):
        return _schedule(value, keras)
    if isinstance(value, source.losses.Loss):
        return _loss(value, keras)
    if isinstance(value, source.metrics.Metric):
        return _metric(value, keras)
    if isinstance(value, source.callbacks.Callback):
        return _callback(value, keras)
    if isinstance(value, source.utils.Sequence):
        return _adapters(keras).AdaptedDataset(value)
    return value


def _optimizer(optimizer: Any, keras: str) -> Any:
    if type(optimizer).__name__ == "LossScaleOptimizer":
        inner = cross(optimizer.inner_optimizer, keras=keras)
        scale = internals.loss_scale_class(keras)
        return scale(inner)
    kind = _twin(optimizer, modules.module(keras).optimizers)
    if kind is None:
        raise ArgumentError(
            f"{keras} has no optimizer {type(optimizer).__name__}. Use one that both "
            "Kerases have, such as Adam, AdamW, SGD, RMSprop or Lion. Received: "
            f"optimizer={optimizer!r}"
        )
    try:
        config = dict(optimizer.get_config())
    except NotImplementedError:  # Of a schedule that cannot be written out.
        own: Any = type(optimizer)
        settings = vars(optimizer)
        config = {key: settings[key] for key in parameters(own) if key in settings}
    config["learning_rate"] = _learning_rate(optimizer, keras)
    taken = parameters(kind)
    for key in [key for key in config if key not in taken]:
        value = config.pop(key)
        if key not in _OF_ONE_KERAS and value is not None:
            raise ArgumentError(
                f"{type(optimizer).__name__} of {keras} has no setting {key!r}. "
                f"Received: {key}={value!r}"
            )
    return kind(**config)


def _learning_rate(optimizer: Any, keras: str) -> Any:
    rate = internals.learning_rate(optimizer)
    tensorflow = importlib.import_module("tensorflow")
    if isinstance(rate, tensorflow.Variable | modules.keras().Variable):
        return float(rate.numpy())
    return cross(rate, keras=keras)


def _schedule(schedule: Any, keras: str) -> Any:
    kind = _twin(schedule, modules.module(keras).optimizers.schedules)
    if kind is None:
        return _adapters(keras).AdaptedSchedule(schedule)
    config = {k: v for k, v in schedule.get_config().items() if v is not None}
    return kind(**config)


def _loss(loss: Any, keras: str) -> Any:
    kind = _twin(loss, modules.module(keras).losses)
    config = internals.settings_of_loss(loss)
    config["reduction"] = _reduction(config.get("reduction"), keras)
    config.pop("dtype", None)
    known = kind is not None and set(config) <= set(parameters(kind))
    if kind is None or not known or config["reduction"] == "mean":
        return _adapters(keras).AdaptedLoss(loss)
    return kind(**config)


def _reduction(reduction: Any, keras: str) -> Any:
    if keras == "tf_keras":
        return {None: "none", "mean_with_sample_weight": "mean"}.get(
            reduction, reduction
        )
    return {"auto": "sum_over_batch_size", "none": None}.get(reduction, reduction)


def _metric(metric: Any, keras: str) -> Any:
    kind = _twin(metric, modules.module(keras).metrics)
    config = dict(metric.get_config())
    if kind is None or "fn" in config or not set(config) <= set(parameters(kind)):
        return _adapters(keras).AdaptedMetric(metric)
    return kind(**config)


def _callback(callback: Any, keras: str) -> Any:
    kind = _twin(callback, modules.module(keras).callbacks)
    if kind is None or kind.__name__ not in _REMADE[keras]:
        return _adapters(keras).AdaptedCallback(callback)
    settings = vars(callback)
    arguments = {}
    for name in inspect.signature(kind).parameters:
        for attribute in (name, f"_{name}"):
            if attribute in settings:
                arguments[name] = settings[attribute]
    if "mode" not in arguments and "monitor_op" in settings:
        rising = settings["monitor_op"].__name__ == "greater"
        arguments["mode"] = "max" if rising else "min"
    return kind(**arguments)


def _adapters(keras: str) -> ModuleType:
    return importlib.import_module(f"tfcompress.keras_compat.adapters_{keras}")


def _twin(value: Any, module: Any) -> type | None:
    """Returns the class of the same name, where the class is a stock one."""
    if type(value).__module__.split(".", 1)[0] not in ("keras", "tf_keras"):
        return None
    found = getattr(module, type(value).__name__, None)
    return found if isinstance(found, type) else None
