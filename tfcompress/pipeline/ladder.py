"""The pipelines that `compress` tries, from the cheapest to the most drastic."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Literal

from tfcompress.export import find_target
from tfcompress.export.targets import Target
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.stages import (
    Evaluate,
    Export,
    FittingStage,
    PruneChannels,
    PruneWeights,
    Quantize,
    Stage,
)
from tfcompress.pipeline.teaching import Distillation
from tfcompress.pipeline.training import Training

ANY_CPU = "cpu_int8"
"""What is tried first for any CPU."""

_USUAL = Training()
_LONG = Training(epochs=20)
_ROUNDING = Training(epochs=3, learning_rate=1e-4)
_LONG_ROUNDING = Training(learning_rate=1e-4)

_WIDTHS = {0.2: _USUAL, 0.3: _USUAL, 0.5: _LONG, 0.7: _LONG}
"""Shares of the channels that go, and the training that follows."""

_WIDTHS_IN_FOUR_BITS = (0.3, 0.5, 0.7)
_SPARSITIES = (0.7, 0.8, 0.9)

_IN_FLOAT = {
    "weights_8_bits": Export(scheme="dynamic_range"),
    "weights_8_bits_in_float": Export(scheme="weight_only_int8"),
    "float16": Export(target="cpu_float16"),
}
"""Files for any CPU whose activations are float, the smallest first."""

_NARROWER_IN_FLOAT = Export(name="export_in_float", scheme="weight_only_int8")


def build_ladder(target: str | None, demands: Collection[str]) -> tuple[Pipeline, ...]:
    """Returns the pipelines for a target, from the cheapest to the most drastic.

    After training; where the device computes in whole numbers, trained with the
    rounding and taught by the original, shortly and longer; then, for bytes and
    milliseconds, with ever fewer channels, taught by the original; and last, for bytes,
    weights of 4 bits where the device takes them. For a target of sparse files weights
    are pruned in place of bits.

    For any CPU there are files that compute in float as well, which lose less. What
    does not train comes first: weights of 8 bits beside float activations, and float16.
    Fewer channels in such files stand behind those in whole numbers, and last is the
    float file.

    Without demands the recipe `balanced` comes first, then the short training with the
    rounding, then what does not train.

    Pipelines that begin with the same stage can run in one folder, where that stage is
    done once: their other stages differ in name or place.

    Args:
        target: Name or file of a target, or None for any CPU.
        demands: Names of what is demanded, as in `Compression`.

    Returns:
        The `Pipeline`s, each ending in an export.

    Raises:
        ArgumentError: If there is no such target.

    Example:
    ```python
    ladder = build_ladder("gpu", {"max_bytes"})
    print([pipeline.name for pipeline in ladder])
    ```
    """
    any_cpu = target is None
    device = find_target(target or ANY_CPU)
    export = Export(target=target or ANY_CPU)
    smaller = "max_bytes" in demands or "max_latency_ms" in demands
    rungs: list[Pipeline] = []

    def add(name: str, *stages: Stage, export: Export = export) -> None:
        rungs.append(Pipeline([*stages, export], name=name))

    add("after_training")
    for name, other in _IN_FLOAT.items() if any_cpu else ():
        add(name, export=other)
    if _is_whole(device):
        add("taught", *_rounded(device, _ROUNDING))
        add("taught_longer", *_rounded(device, _LONG_ROUNDING))
    if smaller and device.sparse:
        for sparsity in _SPARSITIES:
            add(f"zeros_{100 * sparsity:.0f}", _pruned(sparsity))
    for ratio in _WIDTHS if smaller else ():
        name = f"narrower_{100 * ratio:.0f}"
        add(name, _narrowed(ratio), *_rounded(device, _ROUNDING))
        if device.sparse:
            zeros = _SPARSITIES[-1]
            add(f"{name}_zeros_{100 * zeros:.0f}", _narrowed(ratio), _pruned(zeros))
    for ratio in _WIDTHS if smaller and any_cpu else ():
        name = f"narrower_{100 * ratio:.0f}_in_float"
        add(name, _narrowed(ratio), export=_NARROWER_IN_FLOAT)
    if "max_bytes" in demands and _takes_four_bits(device):
        fine = dataclasses.replace(export, name="export_4_bits")
        add("four_bits", _in_four_bits(), export=fine)
        for ratio in _WIDTHS_IN_FOUR_BITS:
            name = f"four_bits_narrower_{100 * ratio:.0f}"
            add(name, _narrowed(ratio), _in_four_bits(), export=fine)
    if any_cpu:
        add("float32", export=Export(target="cpu_float32"))
    if demands:
        return tuple(rungs)
    return (
        fit_target(Pipeline.from_recipe("balanced"), target or ANY_CPU),
        *(rung for rung in rungs if rung.name == "taught"),
        *(rung for rung in rungs if not is_trained(rung)),
    )


def fit_target(pipeline: Pipeline, target: str) -> Pipeline:
    """Returns a pipeline of whole numbers for another target.

    Args:
        pipeline: Such as that of the recipe `balanced`.
        target: What its `Export` shall get. Where that computes in float, `quantize`
            goes.

    Returns:
        The `Pipeline`, without a stage `evaluate`.

    Raises:
        ArgumentError: If there is no such target.

    Example:
    ```python
    pipeline = fit_target(Pipeline.from_recipe("balanced"), "gpu")
    ```
    """
    device = find_target(target)
    stages: list[Stage] = []
    for stage in pipeline.stages:
        if isinstance(stage, Export):
            stages.append(dataclasses.replace(stage, target=target))
        elif isinstance(stage, Quantize) and _is_whole(device):
            bits = _activation_bits(device)
            stages.append(dataclasses.replace(stage, activation_bits=bits))
        elif not isinstance(stage, Quantize | Evaluate):
            stages.append(stage)
    return _with_stages(pipeline, stages, pipeline.seed)


def fit_training(pipeline: Pipeline, training: Training, *, seed: int = 0) -> Pipeline:
    """Returns a pipeline that trains as a user says, each stage in proportion.

    Args:
        pipeline: Its stages train as they do where a `Training` has its defaults.
        training: What a stage with these defaults gets. One that trains half as long,
            or at a tenth of the learning rate, still does; all else is as given.
        seed: Of the pipeline that is returned.

    Returns:
        The `Pipeline`.

    Example:
    ```python
    pipeline = fit_training(Pipeline([FineTune()]), Training(epochs=20))
    assert pipeline.stages[0].training.epochs == 10  # of its usual 5
    ```
    """
    stages: list[Stage] = []
    for stage in pipeline.stages:
        if isinstance(stage, FittingStage) and stage.training is not None:
            length = stage.training.epochs / _USUAL.epochs
            speed = stage.training.learning_rate / _USUAL.learning_rate
            fitted = dataclasses.replace(
                training,
                epochs=max(1, round(length * training.epochs)),
                learning_rate=speed * training.learning_rate,
            )
            stage = dataclasses.replace(stage, training=fitted)
        stages.append(stage)
    return _with_stages(pipeline, stages, seed)


def without_training(pipeline: Pipeline) -> Pipeline:
    """Returns a pipeline whose file has the same structure, but nothing trains.

    Bytes and milliseconds of a file hardly depend on what its weights are, so this
    says beforehand what a long training can reach.

    Args:
        pipeline: Its stages prune, quantize and export.

    Returns:
        The `Pipeline`.

    Example:
    ```python
    pipeline = without_training(Pipeline([Quantize(), Export()]))
    assert not is_trained(pipeline)
    ```
    """
    stages = [
        dataclasses.replace(stage, training=None, distillation=None)
        if isinstance(stage, FittingStage)
        else stage
        for stage in pipeline.stages
    ]
    return _with_stages(pipeline, stages, pipeline.seed)


def is_trained(pipeline: Pipeline) -> bool:
    """Returns whether any stage of a pipeline trains.

    Args:
        pipeline: Any.

    Returns:
        True where one has a `Training`.

    Example:
    ```python
    assert not is_trained(Pipeline([Export()]))
    ```
    """
    return any(
        isinstance(stage, FittingStage) and stage.training is not None
        for stage in pipeline.stages
    )


def takes_more(pipeline: Pipeline, other: Pipeline) -> bool:
    """Returns whether a pipeline takes more from a network than another does.

    Args:
        pipeline: A pipeline of a ladder.
        other: Another.

    Returns:
        True where it removes no fewer channels, bits and weights, and more of one.

    Example:
    ```python
    narrower = Pipeline([PruneChannels(ratio=0.5), Quantize(), Export()])
    assert takes_more(narrower, Pipeline([Quantize(), Export()]))
    ```
    """
    taken, others = _taken(pipeline), _taken(other)
    no_less = all(mine >= its for mine, its in zip(taken, others, strict=True))
    return no_less and taken != others


def _taken(pipeline: Pipeline) -> tuple[float, float, float]:
    """Returns the shares of channels and of weights, and the bits, that go."""
    channels = bits = weights = 0.0
    for stage in pipeline.stages:
        if isinstance(stage, PruneChannels):
            channels += stage.ratio or 0.0
        elif isinstance(stage, Quantize):
            bits += 8 - stage.weight_bits
        elif isinstance(stage, PruneWeights):
            weights += stage.sparsity
    return channels, weights, bits


def _with_stages(pipeline: Pipeline, stages: Sequence[Stage], seed: int) -> Pipeline:
    return Pipeline(
        stages,
        name=pipeline.name,
        description=pipeline.description,
        needs=pipeline.needs,
        seed=seed,
    )


def _is_whole(device: Target) -> bool:
    """Returns whether a device computes in whole numbers."""
    return device.activations != "float32"


def _takes_four_bits(device: Target) -> bool:
    """Returns whether a device has kernels for weights of 4 bits beside int8 data."""
    return device.activations == "int8" and device.operations is None


def _activation_bits(device: Target) -> Literal[8, 16]:
    return 16 if device.activations == "int16" else 8


def _rounded(device: Target, training: Training) -> list[Quantize]:
    """Returns the training with the rounding, where the device rounds."""
    stage = Quantize(
        activation_bits=_activation_bits(device),
        training=training,
        distillation=Distillation(),
    )
    return [stage] if _is_whole(device) else []


def _in_four_bits() -> Quantize:
    return Quantize(
        name="quantize_4_bits",
        weight_bits=4,
        calibration="mse",
        training=_LONG_ROUNDING,
        distillation=Distillation(),
    )


def _narrowed(ratio: float) -> PruneChannels:
    return PruneChannels(
        ratio=ratio,
        importance="path_norm",
        round_to=4,
        training=_WIDTHS[ratio],
        distillation=Distillation(),
    )


def _pruned(sparsity: float) -> PruneWeights:
    return PruneWeights(sparsity=sparsity, training=_USUAL, distillation=Distillation())
