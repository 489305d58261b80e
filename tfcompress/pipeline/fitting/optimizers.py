"""The optimizer of a training, and its learning rate over the steps."""

from collections.abc import Mapping
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.names import nearest
from tfcompress.pipeline.training import Training

_NOT_ONES = ("Optimizer", "LossScaleOptimizer")


def build_optimizer(training: Training, library: Any, steps: int) -> Any:
    """Returns the optimizer of a training.

    Args:
        training: How a stage trains.
        library: The Keras of the model: `keras` or `tf_keras`.
        steps: Steps of the whole training.

    Returns:
        An optimizer of this Keras.

    Raises:
        ArgumentError: If there is no such optimizer, or no such setting.

    Example:
    ```python
    import keras
    from tfcompress.pipeline import Training
    from tfcompress.pipeline.fitting.optimizers import build_optimizer

    optimizer = build_optimizer(Training(optimizer="sgd"), keras, steps=100)
    ```
    """
    given: Any = training.optimizer
    name, config = given, {}
    if isinstance(given, Mapping):
        name, config = given.get("class_name"), dict(given.get("config") or {})
        unknown = sorted(set(given) - {"class_name", "config"})
        if not isinstance(name, str) or unknown:
            raise ArgumentError(
                'optimizer must be a name, or {"class_name": name, "config": '
                f"settings}}. Received: optimizer={dict(given)!r}"
            )
    known = {
        key.lower(): value
        for key, value in vars(library.optimizers).items()
        if isinstance(value, type)
        and issubclass(value, library.optimizers.Optimizer)
        and key not in _NOT_ONES
    }
    kind = known.get(str(name).lower())
    if kind is None:
        names = [value.__name__ for value in known.values()]
        by_name = {one.lower(): one for one in names}
        near = [by_name[one] for one in nearest(str(name).lower(), by_name)]
        raise ArgumentError(
            f"optimizer must be the name of a Keras optimizer, such as "
            f"{', '.join(map(repr, near))}. Received: optimizer={name!r}"
        )
    if "learning_rate" in config:
        raise ArgumentError(
            "The learning rate stands in the training, not in the optimizer's config. "
            f"Received: optimizer={dict(given)!r}"
        )
    try:
        return kind(learning_rate=learning_rate(training, library, steps), **config)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{kind.__name__} does not take these settings: {error}. "
            f"Received: optimizer={given!r}"
        ) from error


def learning_rate(training: Training, library: Any, steps: int) -> Any:
    """Returns the learning rate of a training: a number or a schedule of Keras.

    Args:
        training: How a stage trains.
        library: The Keras of the model: `keras` or `tf_keras`.
        steps: Steps of the whole training.

    Returns:
        The rate where it never changes, else a schedule over the steps.

    Example:
    ```python
    import keras
    from tfcompress.pipeline import Training
    from tfcompress.pipeline.fitting.optimizers import learning_rate

    rate = learning_rate(Training(), keras, steps=100)
    ```
    """
    schedules, rate = library.optimizers.schedules, training.learning_rate
    warmup = round(training.warmup * steps)
    if training.schedule == "cosine":
        if warmup:
            left = max(1, steps - warmup)
            return schedules.CosineDecay(
                0.0, left, warmup_target=rate, warmup_steps=warmup
            )
        return schedules.CosineDecay(rate, steps)
    if warmup:
        return schedules.PolynomialDecay(0.0, warmup, end_learning_rate=rate)
    return rate
