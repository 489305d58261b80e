"""Which loss `LogitsDistillation` was asked for: a name, a Keras loss, a function."""

import inspect
from collections.abc import Callable
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat import membership, modules

NAMES = (
    "kl_divergence",
    "categorical_crossentropy",
    "reverse_kl_divergence",
    "jensen_shannon",
    "binary_crossentropy",
    "mse",
)

# Without case and underscores, so that names of classes are known too.
_ALIASES = {
    **{name.replace("_", ""): name for name in NAMES},
    "kld": "kl_divergence",
    "jensenshannondivergence": "jensen_shannon",
    "meansquarederror": "mse",
}

# Losses of Keras on probabilities: they have a stable form here, on logits.
_STABLE = ("kl_divergence", "categorical_crossentropy", "binary_crossentropy")


def known_loss(loss: Any) -> Any:
    """Returns a loss as one of `NAMES` where it is one, and else as it is.

    Args:
        loss: A name in the style of functions or of classes, a loss of either Keras, or
            a function of two tensors.

    Raises:
        ArgumentError: If it is none of these, or a Keras loss with settings that its
            stable form does not have.

    Example:
    ```python
    import keras

    from tfcompress.distillation.losses.loss_choice import known_loss

    known_loss("KLDivergence")  # "kl_divergence"
    known_loss(keras.losses.KLDivergence())  # "kl_divergence"
    ```
    """
    if isinstance(loss, str):
        name = _ALIASES.get(loss.replace("_", "").lower())
        if name is not None:
            return name
    elif callable(loss) and not isinstance(loss, type):
        return _stable_form(loss) or loss
    raise ArgumentError(
        f"loss must be one of {', '.join(map(repr, NAMES))}, a Keras loss such as "
        "keras.losses.Huber(), a function of the teacher's and the student's logits, "
        f"or a structure of these like the outputs. Received: loss={loss!r}"
    )


def is_structure(loss: Any) -> bool:
    """Returns whether this is a list or dict of losses, and not one written out."""
    return isinstance(loss, list | tuple) or (
        isinstance(loss, dict) and set(loss) != {"keras", "loss"}
    )


def map_losses(function: Callable[[Any], Any], losses: Any) -> Any:
    """Returns losses, each changed by a function, in their structure; None stays."""
    if isinstance(losses, dict) and is_structure(losses):
        return {key: map_losses(function, loss) for key, loss in losses.items()}
    if is_structure(losses):
        return [map_losses(function, loss) for loss in losses]
    return None if losses is None else function(losses)


def is_keras_loss(loss: Any) -> bool:
    """Returns whether this is a `Loss` of either Keras, and not a function."""
    return not inspect.isfunction(loss) and _home(loss) is not None


def serialize(loss: Any) -> Any:
    """Returns a loss as plain data: its name, or what its Keras writes of it."""
    if isinstance(loss, str):
        return loss
    saving = modules.module(_home(loss) or "keras").saving
    return {
        "keras": _home(loss) or "keras",
        "loss": saving.serialize_keras_object(loss),
    }


def deserialize(data: Any) -> Any:
    """Returns a loss from what `serialize` returned; all else as it is."""
    if not isinstance(data, dict):
        return data
    saving = modules.module(data["keras"]).saving
    return saving.deserialize_keras_object(data["loss"])


def _stable_form(loss: Any) -> str | None:
    name = _definition(loss).__name__
    found = _ALIASES.get(name.replace("_", "").lower())
    if found not in _STABLE or _home(loss) is None:
        return None
    config = loss.get_config() if is_keras_loss(loss) else {}
    smoothing, axis = config.get("label_smoothing", 0), config.get("axis", -1)
    if smoothing or axis != -1:
        raise ArgumentError(
            f"{name} must have no label_smoothing, for soft targets are smooth "
            "already, and the last axis. Received: loss with "
            f"label_smoothing={smoothing}, axis={axis}"
        )
    return found


def _definition(loss: Any) -> Any:
    return loss if inspect.isfunction(loss) else type(loss)


def _home(loss: Any) -> str | None:
    """Returns `"keras"` or `"tf_keras"` for a loss of theirs, None for a function."""
    if inspect.isfunction(loss):
        root = loss.__module__.split(".", 1)[0]
        return root if root in ("keras", "tf_keras") else None
    return membership.name_of_class(type(loss))
