"""Does the training of one stage."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.programs.epoch_backup import EpochBackup
from tfcompress.keras_compat.random_layers import seeded_random_layers
from tfcompress.pipeline.fitting.held_zeros import zero_holder
from tfcompress.pipeline.fitting.losses import build_losses, build_metrics
from tfcompress.pipeline.fitting.optimizers import build_optimizer
from tfcompress.pipeline.fitting.preparation import Prepared, prepare
from tfcompress.pipeline.fitting.stored_answers import stored_answers
from tfcompress.pipeline.fitting.task import Task, find_task
from tfcompress.pipeline.fitting.teaching import build_distiller, join_teachers
from tfcompress.pipeline.fitting.training_data import TrainingData, seed_of
from tfcompress.pipeline.stages import FittingStage, PruneWeights, techniques_of


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What the training of a stage leaves.

    Attributes:
        model: A plain model of the user's Keras, with the outputs of the user's model.
        trained: What the exporter takes: after `quantize` the quantization-aware model,
            else `model`.
        history: Figures after each epoch by name; empty without training.
        account: What was done to which layer and what was not, and why.

    Example:
    ```python
    from tfcompress.pipeline.fitting import Fitted

    fitted = Fitted(model, model, {"loss": [0.4, 0.2]}, "")
    assert fitted.trained is fitted.model
    ```
    """

    model: Any
    trained: Any
    history: Mapping[str, list[float]]
    account: str


def fit_stage(
    stage: FittingStage,
    model: Any,
    teacher: Any = None,
    *,
    train: Any,
    validation: Any,
    seed: int,
    backup: Path | None,
    keep_zeros: bool = False,
    callbacks: Sequence[Any] = (),
    strategy: Any = None,
) -> Fitted:
    """Does what a stage says to a copy of a model, and trains it.

    A model that ends in softmax or sigmoid is trained on its logits, and gives
    probabilities again in the end. The training depends on the stage, the model, the
    data and the seed alone, and on the validation data where it has `patience`; where
    it was killed, the same call with the same backup goes on after the last full epoch,
    and ends in the same weights.

    Args:
        stage: The stage.
        model: A built functional or Sequential model of either Keras. It is not
            changed.
        teacher: What `Distiller` takes for a teacher, where the stage distils, or None.
            Of a list the average teaches that suits the task.
        train: Inputs and labels, in a form that `tfcompress.data.batches` accepts.
        validation: The same, for the figures after each epoch.
        seed: Of everything that is drawn at random.
        backup: The `.npz` file that keeps the last full epoch, or None. It stays when
            the training is done, and beside it, under the same name with `.teacher`,
            what a teacher said that is `cached`; those of another training must not
            stand there.
        keep_zeros: Whether weights of kernels that are zero stay zero, as those that
            an earlier stage pruned shall. Quantization-aware layers keep them anyway.
        callbacks: Keras callbacks of the training.
        strategy: A `tf.distribute.Strategy` to train under, or None.

    Returns:
        What was made of the model.

    Raises:
        DataError: If the labels do not fit the outputs.
        ModelError: If the model cannot be used, or ends in weights that are not finite.
        ArgumentError: If a setting is none that the model, the task or Keras has.

    Example:
    ```python
    from tfcompress.pipeline import FineTune
    from tfcompress.pipeline.fitting import fit_stage

    fitted = fit_stage(
        FineTune(), model, train=(x, y), validation=(x, y), seed=0, backup=None
    )
    ```
    """
    keras_compat.check_model(model)
    name = stage.name or stage.kind
    if stage.training is None:
        prepared = prepare(stage, model, None, train)
        plain, trained = prepared.finish()
        return Fitted(plain, trained, {}, prepared.account)
    task = find_task(model, train, stage.training.loss)
    data = TrainingData(
        train, batch_size=stage.training.batch_size, seed=seed_of(seed, name)
    )
    with (
        stored_answers(
            stage.distillation, join_teachers(teacher, task), train, backup
        ) as teacher,
        contextlib.nullcontext() if strategy is None else strategy.scope(),
    ):
        # Keras 3 cannot fit under this strategy.
        keras = "tf_keras" if _has_several_workers(strategy) else None
        prepared = prepare(stage, model, task, train, keras=keras)
        learner = prepared.learner
        if stage.distillation is not None:
            learner = build_distiller(stage.distillation, task, teacher, learner)
        _compile(
            learner,
            prepared,
            stage,
            task,
            model,
            data.steps * stage.training.epochs,
        )
        held = zero_holder(prepared.learner) if keep_zeros else None
        needed = [*prepared.callbacks, *([] if held is None else [held])]
        with seeded_random_layers(prepared.learner) as restart:
            needed.append(_restarting(learner, restart, seed, name))
            watching = [*_stopping(learner, stage), *callbacks]
            history = _fit(learner, stage, data, validation, backup, needed, watching)
    keras_compat.check_model(prepared.learner, name="the trained model")
    plain, trained = prepared.finish()
    return Fitted(plain, trained, history, prepared.account)


def _restarting(
    learner: Any, restart: Callable[[int], None], seed: int, name: str
) -> Any:
    """Returns the callback that restarts random layers with each epoch."""
    library = keras_compat.keras_of(learner)
    return library.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: restart(seed_of(seed, name, "layers", epoch))
    )


def _finishing(learner: Any, needed: Sequence[Any]) -> Any:
    """Returns the callback that finishes a training, after all others.

    What techniques do when a training ends, they do again where `EarlyStopping` has
    put the weights of an earlier epoch back.
    """

    def finish(logs: Any) -> None:
        for callback in needed:
            callback.on_train_end(logs)

    library = keras_compat.keras_of(learner)
    return library.callbacks.LambdaCallback(on_train_end=finish)


def _stopping(learner: Any, stage: FittingStage) -> list[Any]:
    """Returns the callback that ends a training of which no better is to come."""
    training = stage.training
    assert training is not None
    if training.patience is None:
        return []
    prunes = any(isinstance(part, PruneWeights) for part in techniques_of(stage))
    return [
        keras_compat.keras_of(learner).callbacks.EarlyStopping(
            "val_loss",
            mode="min",
            patience=training.patience,
            restore_best_weights=True,
            # Zeros come in the first half of a training: see `MagnitudePruning`.
            start_from_epoch=-(-training.epochs // 2) if prunes else 0,
        )
    ]


def _has_several_workers(strategy: Any) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _compile(
    learner: Any,
    prepared: Prepared,
    stage: FittingStage,
    task: Task,
    model: Any,
    steps: int,
) -> None:
    training = stage.training
    assert training is not None
    trained, ends = prepared.learner, prepared.ends
    learner.compile(
        build_optimizer(training, keras_compat.keras_of(trained), steps),
        loss=build_losses(task, model, trained, ends),
        metrics=build_metrics(task, model, trained, ends, training.metrics),
        loss_weights=task.loss_weights,
    )


def _fit(
    learner: Any,
    stage: FittingStage,
    data: TrainingData,
    validation: Any,
    path: Path | None,
    needed: Sequence[Any],
    callbacks: Sequence[Any],
) -> dict[str, list[float]]:
    training = stage.training
    assert training is not None
    backup = EpochBackup(path, callbacks)
    keras = "tf_keras" if keras_compat.is_tf_keras(learner) else "keras"
    shown = None
    if validation is not None:
        shown = TrainingData(validation, batch_size=training.batch_size, seed=0)
    try:
        learner.fit(
            data.dataset(backup.epoch, training.epochs),
            epochs=backup.epochs(training.epochs),
            initial_epoch=backup.epoch,
            steps_per_epoch=data.steps,
            validation_data=None if shown is None else shown.in_order(),
            callbacks=keras_compat.cross(
                [*needed, *callbacks, _finishing(learner, needed), backup], keras=keras
            ),
            shuffle=False,
            verbose=0,
        )
    except tf.errors.OpError as error:
        if data.error is not None:
            raise data.error from error
        raise
    return backup.history
