"""Schedules and policies of TF-MOT that a user has made, read without importing it."""

from collections.abc import Callable
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat import modules
from tfcompress.schedules import PolynomialOfSteps

_TFMOT = "tensorflow_model_optimization."


def is_of_tfmot(value: Any) -> bool:
    """Returns whether the class of an object is one of TF-MOT or derived from one."""
    return any(kind.__module__.startswith(_TFMOT) for kind in type(value).__mro__)


def read_schedule(schedule: Any) -> PolynomialOfSteps:
    """Returns a pruning schedule of TF-MOT as one of ours.

    Its `frequency` is left out: masks are renewed whenever the sparsity has risen by a
    hundredth of the way. So is the `end_step` of a constant sparsity.

    Args:
        schedule: A `ConstantSparsity` or a `PolynomialDecay`.

    Raises:
        ArgumentError: If it is another one.
    """
    kind = type(schedule).__name__
    config = schedule.get_config()["config"]
    if kind == "ConstantSparsity":
        sparsity, step = config["target_sparsity"], config["begin_step"]
        return PolynomialOfSteps(sparsity, sparsity, begin=step, finish=step)
    if kind == "PolynomialDecay":
        return PolynomialOfSteps(
            config["initial_sparsity"],
            config["final_sparsity"],
            begin=config["begin_step"],
            finish=config["end_step"],
            power=config["power"],
        )
    raise ArgumentError(
        "schedule may be ConstantSparsity or PolynomialDecay of TF-MOT; another is to "
        "be written as a subclass of tfcompress.schedules.Schedule. "
        f"Received: schedule={schedule!r}"
    )


def xnnpack_policy() -> Callable[[Any], str | None]:
    """Returns TF-MOT's `PruneForLatencyOnXNNPack`, as `read_policy` does."""
    return read_policy(modules.tfmot().sparsity.keras.PruneForLatencyOnXNNPack())


def read_policy(policy: Any) -> Callable[[Any], str | None]:
    """Returns a pruning policy of TF-MOT as a function.

    Args:
        policy: An object with `allow_pruning`.

    Returns:
        A function that takes a tf_keras layer and returns why it is not pruned, or
        None where it is.
    """

    def reason(layer: Any) -> str | None:
        if policy.allow_pruning(layer):
            return None
        return f"{type(policy).__name__} does not choose {type(layer).__name__}"

    return reason
