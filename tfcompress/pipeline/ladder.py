"""The pipelines that `compress` tries, from the cheapest to the most drastic."""

import dataclasses

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

USUAL_EPOCHS = 10

_RATE_OF_ROUNDING = 1e-4
_WIDTHS = {0.2: 1.0, 0.3: 1.0, 0.5: 2.0, 0.7: 2.0}
"""Shares of the channels that go, and how many times the usual epochs follow."""

_WIDTHS_IN_FOUR_BITS = (0.3, 0.5, 0.7)
_SPARSITIES = (0.7, 0.8, 0.9)

ANY_CPU = "cpu_int8"
"""What is tried first for any CPU."""

_IN_FLOAT = {
    "weights_8_bits": Export(scheme="dynamic_range"),
    "weights_8_bits_in_float": Export(scheme="weight_only_int8"),
    "float16": Export(target="cpu_float16"),
}
"""Files for any CPU whose activations are float, the smallest first."""

_NARROWER_IN_FLOAT = _IN_FLOAT["weights_8_bits_in_float"]


def build_ladder(
    target: str | None,
    device: Target,
    *,
    epochs: int,
    smaller: bool,
    fewer_bytes: bool,
    seed: int = 0,
) -> tuple[Pipeline, ...]:
    """Returns the pipelines for a target, from the cheapest to the most drastic.

    After training; where the device computes in whole numbers, trained with the
    rounding and taught by the original, shortly and longer; then with ever fewer
    channels, taught by the original; and last weights of 4 bits where the device takes
    them. For a target of sparse files weights are pruned in place of bits.

    For any CPU there are files that compute in float as well, which lose less. What
    does not train comes first: weights of 8 bits beside float activations, and float16.
    Fewer channels in such files stand behind those in whole numbers, and last is the
    float file.

    Args:
        target: What `Export` shall get, or None for any CPU.
        device: What that is; for any CPU, that of `"cpu_int8"`.
        epochs: How long what lost channels trains where few of them went.
        smaller: Whether the network itself may get smaller. Where only quality is
            demanded, that gains nothing.
        fewer_bytes: Whether 4 bits gain anything: they save bytes, and no time.
        seed: Of each pipeline.

    Returns:
        The `Pipeline`s, each ending in an export.

    Example:
    ```python
    device = tfc.export.find_target("gpu")
    ladder = build_ladder("gpu", device, epochs=10, smaller=True, fewer_bytes=True)
    print([pipeline.name for pipeline in ladder])
    ```
    """
    any_cpu = target is None
    export = Export(target=target or ANY_CPU)
    short = _scale(0.3, epochs)
    rungs: list[Pipeline] = []

    def add(name: str, *stages: Stage, export: Export = export) -> None:
        rungs.append(Pipeline([*stages, export], name=name, seed=seed))

    def rounded(bits: int, length: int) -> list[Stage]:
        return [_rounded(device, bits, length)] if _is_whole(device) else []

    def narrowed(ratio: float) -> Stage:
        return _narrowed(ratio, _scale(_WIDTHS[ratio], epochs))

    add("after_training")
    for name, other in _IN_FLOAT.items() if any_cpu else ():
        add(name, export=other)
    if _is_whole(device):
        add("taught", *rounded(8, short))
        add("taught_longer", *rounded(8, epochs))
    if smaller and device.sparse:
        for sparsity in _SPARSITIES:
            add(f"zeros_{100 * sparsity:.0f}", _pruned(sparsity, epochs))
    for ratio in _WIDTHS if smaller else ():
        name = f"narrower_{100 * ratio:.0f}"
        add(name, narrowed(ratio), *rounded(8, short))
        if device.sparse:
            zeros = _SPARSITIES[-1]
            pruned = _pruned(zeros, epochs)
            add(f"{name}_zeros_{100 * zeros:.0f}", narrowed(ratio), pruned)
    for ratio in _WIDTHS if smaller and any_cpu else ():
        name = f"narrower_{100 * ratio:.0f}_in_float"
        add(name, narrowed(ratio), export=_NARROWER_IN_FLOAT)
    if smaller and fewer_bytes and _takes_four_bits(device):
        add("four_bits", *rounded(4, epochs))
        for ratio in _WIDTHS_IN_FOUR_BITS:
            name = f"four_bits_narrower_{100 * ratio:.0f}"
            add(name, narrowed(ratio), *rounded(4, epochs))
    if any_cpu:
        add("float32", export=Export(target="cpu_float32"))
    return tuple(rungs)


def fit_pipeline(
    pipeline: Pipeline, target: str, device: Target, *, epochs: int, seed: int = 0
) -> Pipeline:
    """Returns a pipeline of whole numbers for another target and length.

    Args:
        pipeline: Such as that of the recipe `balanced`.
        target: What its `Export` shall get.
        device: What that is. Where it computes in float, `quantize` goes.
        epochs: What becomes of `USUAL_EPOCHS`; other numbers change alike.
        seed: Of the pipeline that is returned.

    Returns:
        The `Pipeline`, without a stage `evaluate`.

    Example:
    ```python
    device = tfc.export.find_target("gpu")
    balanced = Pipeline.from_recipe("balanced")
    pipeline = fit_pipeline(balanced, "gpu", device, epochs=5)
    ```
    """
    stages: list[Stage] = []
    for stage in pipeline.stages:
        if isinstance(stage, Export):
            stage = dataclasses.replace(stage, target=target)
        elif isinstance(stage, Evaluate):
            continue
        elif isinstance(stage, Quantize):
            if not _is_whole(device):
                continue
            stage = dataclasses.replace(
                stage, activation_bits=16 if device.activations == "int16" else 8
            )
        if isinstance(stage, FittingStage) and stage.training is not None:
            share = stage.training.epochs / USUAL_EPOCHS
            training = dataclasses.replace(stage.training, epochs=_scale(share, epochs))
            stage = dataclasses.replace(stage, training=training)
        stages.append(stage)
    return Pipeline(
        stages,
        name=pipeline.name,
        description=pipeline.description,
        seed=seed,
    )


def limit_batches(pipeline: Pipeline, samples: int) -> Pipeline:
    """Returns a pipeline that trains with no larger batches than there are samples.

    Args:
        pipeline: Any; where its batches are small enough, its equal is returned.
        samples: How many samples there are to train on.

    Returns:
        The `Pipeline`.

    Example:
    ```python
    pipeline = limit_batches(Pipeline([FineTune()]), 20)
    assert pipeline.stages[0].training.batch_size == 20
    ```
    """
    stages: list[Stage] = []
    for stage in pipeline.stages:
        if isinstance(stage, FittingStage) and stage.training is not None:
            size = min(stage.training.batch_size, samples)
            training = dataclasses.replace(stage.training, batch_size=size)
            stage = dataclasses.replace(stage, training=training)
        stages.append(stage)
    return Pipeline(
        stages,
        name=pipeline.name,
        description=pipeline.description,
        needs=pipeline.needs,
        seed=pipeline.seed,
    )


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
    return Pipeline(stages, name=pipeline.name, seed=pipeline.seed)


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


def _is_whole(device: Target) -> bool:
    """Returns whether a device computes in whole numbers."""
    return device.activations != "float32"


def _takes_four_bits(device: Target) -> bool:
    """Returns whether a device has kernels for weights of 4 bits beside int8 data."""
    return device.activations == "int8" and device.operations is None


def _rounded(device: Target, bits: int, epochs: int) -> Quantize:
    return Quantize(
        weight_bits=bits,
        activation_bits=16 if device.activations == "int16" else 8,
        calibration="min_max" if bits == 8 else "mse",
        training=Training(epochs=epochs, learning_rate=_RATE_OF_ROUNDING),
        distillation=Distillation(),
    )


def _narrowed(ratio: float, epochs: int) -> PruneChannels:
    return PruneChannels(
        ratio=ratio,
        importance="l2",
        round_to=4,
        training=Training(epochs=epochs),
        distillation=Distillation(),
    )


def _pruned(sparsity: float, epochs: int) -> PruneWeights:
    return PruneWeights(
        sparsity=sparsity,
        training=Training(epochs=epochs),
        distillation=Distillation(),
    )


def _scale(share: float, epochs: int) -> int:
    return max(1, round(share * epochs))
