"""The technique that a stage stands for."""

from typing import Any

from tfcompress.pipeline.stages import (
    ClusterWeights,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
)
from tfcompress.pruning import ChannelPruning, LayerPruning, MagnitudePruning
from tfcompress.quantization import QuantizationAwareTraining
from tfcompress.schedules import Constant
from tfcompress.sharing import WeightClustering


def magnitude_pruning(stage: PruneWeights, *, at_once: bool) -> MagnitudePruning:
    """Returns the pruning of single weights that a stage stands for.

    Args:
        stage: The stage.
        at_once: Whether to prune before any training, not while it goes on.

    Returns:
        The technique, not yet applied.

    Raises:
        ArgumentError: If a setting of the stage is none of the technique.

    Example:
    ```python
    from tfcompress.pipeline import PruneWeights
    from tfcompress.pipeline.fitting.techniques import magnitude_pruning

    sparse = magnitude_pruning(PruneWeights(), at_once=True).apply(model)
    ```
    """
    schedule = Constant(stage.sparsity) if at_once else None
    sparsity = stage.sparsity if stage.structure is None else None
    if at_once and sparsity is None:
        schedule = Constant(_share(str(stage.structure)))
    return MagnitudePruning(
        None if at_once else sparsity,
        schedule=schedule,
        scope=stage.scope,
        structure=stage.structure,
        layers=stage.layers,
        ignored=stage.ignored,
    )


def weight_clustering(stage: ClusterWeights) -> WeightClustering:
    """Returns the clustering of weights that a stage stands for.

    Args:
        stage: The stage.

    Returns:
        The technique, not yet applied. Zeros stay zero.

    Raises:
        ArgumentError: If a setting of the stage is none of the technique.

    Example:
    ```python
    from tfcompress.pipeline import ClusterWeights
    from tfcompress.pipeline.fitting.techniques import weight_clustering

    technique = weight_clustering(ClusterWeights(clusters=8))
    ```
    """
    return WeightClustering(
        stage.clusters,
        initialization=stage.initialization,
        layers=stage.layers,
        preserve=("sparsity",),
    )


def channel_pruning(stage: PruneChannels) -> ChannelPruning:
    """Returns the pruning of channels that a stage stands for.

    Args:
        stage: The stage.

    Returns:
        The technique, not yet applied.

    Raises:
        ArgumentError: If a setting of the stage is none of the technique.

    Example:
    ```python
    from tfcompress.pipeline import PruneChannels
    from tfcompress.pipeline.fitting.techniques import channel_pruning

    technique = channel_pruning(PruneChannels(ratio=0.5))
    ```
    """
    return ChannelPruning(
        stage.ratio,
        macs=_cost(stage.macs),
        bytes=_cost(stage.bytes),
        latency_ms=stage.latency_ms,
        importance=stage.importance,
        scope=stage.scope,
        round_to=stage.round_to,
        ignored=stage.ignored,
    )


def layer_pruning(stage: PruneLayers, data: Any) -> LayerPruning:
    """Returns the pruning of blocks that a stage stands for.

    Args:
        stage: The stage.
        data: The training data, to measure on.

    Returns:
        The technique, not yet applied.

    Raises:
        ArgumentError: If a setting of the stage is none of the technique.

    Example:
    ```python
    from tfcompress.pipeline import PruneLayers
    from tfcompress.pipeline.fitting.techniques import layer_pruning

    technique = layer_pruning(PruneLayers(), (x, y))
    ```
    """
    blocks = stage.blocks if stage.blocks < 1 else round(stage.blocks)
    return LayerPruning(blocks, data=data, ignored=stage.ignored)


def quantization_aware_training(stage: Quantize) -> QuantizationAwareTraining:
    """Returns the training with rounding that a stage stands for.

    Args:
        stage: The stage.

    Returns:
        The technique, not yet applied.

    Raises:
        ArgumentError: If a setting of the stage is none of the technique.

    Example:
    ```python
    from tfcompress.pipeline import Quantize
    from tfcompress.pipeline.fitting.techniques import quantization_aware_training

    technique = quantization_aware_training(Quantize())
    ```
    """
    return QuantizationAwareTraining(
        stage.weight_bits,
        stage.activation_bits,
        layers=stage.layers,
        preserve=("sparsity", "clusters"),
        strict=stage.strict,
    )


def _cost(value: float | None) -> float | None:
    return value if value is None or value < 1 else round(value)


def _share(structure: str) -> float:
    zeros, group = map(int, structure.split(":"))
    return zeros / group
