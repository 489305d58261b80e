"""A model made ready for the training of a stage."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfcompress import keras_compat
from tfcompress.keras_compat.logits_part import logits_part
from tfcompress.pipeline.fitting import techniques
from tfcompress.pipeline.fitting.logits import put_on, take_off
from tfcompress.pipeline.fitting.task import Task
from tfcompress.pipeline.stages import (
    FittingStage,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    techniques_of,
)
from tfcompress.quantization import calibrate


@dataclasses.dataclass
class Prepared:
    """A model made ready for the training of a stage.

    Attributes:
        learner: What is trained: a model that ends in logits, or in numbers.
        callbacks: What its training needs.
        finish: Returns the plain model, and what the exporter takes, when it is done.
        account: What was done to which layer and what was not, and why.
    """

    learner: Any
    callbacks: list[Any]
    finish: Callable[[], tuple[Any, Any]]
    account: str


def prepare(stage: FittingStage, model: Any, task: Task | None, train: Any) -> Prepared:
    """Applies the techniques of a stage to a copy of a model.

    Args:
        stage: The stage.
        model: A built functional or Sequential model of either Keras. It is not
            changed.
        task: What the model is to learn, or None where it is not trained.
        train: The training data, to measure and to calibrate on.
    """
    accounts: list[str] = []
    pruning = quantization = None
    calibration = "min_max"
    for part in techniques_of(stage):
        if isinstance(part, PruneChannels):
            technique: Any = techniques.channel_pruning(part)
            model = technique.apply(model)
            accounts.append(str(technique.account))
        elif isinstance(part, PruneLayers):
            technique = techniques.layer_pruning(part, train)
            model = technique.apply(model)
            accounts.append(str(technique.account))
        elif isinstance(part, PruneWeights):
            pruning = part
        elif isinstance(part, Quantize):
            quantization, calibration = part, part.calibration
    if pruning is not None and (task is None or quantization is not None):
        once = techniques.magnitude_pruning(pruning, at_once=True)
        model = once.finalize(once.apply(model))
        accounts.append(str(once.account))
        pruning = None
    if quantization is not None:
        aware = techniques.quantization_aware_training(quantization)
        wrapped = calibrate(aware.apply(model), train, method=calibration)
        accounts.append(str(aware.account))
        return Prepared(
            logits_part(wrapped),
            aware.callbacks(),
            lambda: (aware.finalize(wrapped), wrapped),
            "\n".join(accounts),
        )
    graph = keras_compat.read(model)
    origin = keras_compat.origin_of(model)
    wanted = [False] * len(model.outputs)
    if task is not None:
        wanted = [output.kind != "numbers" for output in task.outputs]
    graph, endings = take_off(graph, wanted)
    plain = keras_compat.build(graph, keras=origin, trusted=True)
    if pruning is None:
        learner, callbacks, strip = plain, [], lambda: plain
    else:
        gradual = techniques.magnitude_pruning(pruning, at_once=False)
        learner = gradual.apply(plain)
        callbacks = gradual.callbacks()
        accounts.append(str(gradual.account))
        strip = lambda: gradual.finalize(learner)  # noqa: E731

    def finish() -> tuple[Any, Any]:
        whole = put_on(keras_compat.read(strip()), endings)
        done = keras_compat.build(whole, keras=origin, trusted=True)
        return done, done

    return Prepared(learner, callbacks, finish, "\n".join(accounts))
