"""The stage of several techniques in one fit."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.stages.stage import FittingStage, Stage
from tfcompress.pipeline.training import Training

TECHNIQUES = (
    "prune_weights",
    "prune_channels",
    "prune_layers",
    "cluster_weights",
    "quantize",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Joint(FittingStage):
    """Applies several techniques and trains once, as with distil, prune and quantize.

    Attributes:
        techniques: Stages that prune, cluster or quantize, without a training of their
            own, one of each kind, in any order. Channels and blocks go first, before
            the training, in the order given here; then weights are clustered, and the
            model is made quantization-aware; single weights become zero last, while it
            trains.
        training: How all of them train.

    Raises:
        ArgumentError: If there is none, one that is no technique or has a training,
            two of a kind, or one that prunes weights beside one that clusters them.

    Example:
    ```python
    from tfcompress.pipeline import Distillation, Joint, PruneWeights, Quantize

    stage = Joint(
        techniques=(
            PruneWeights(sparsity=0.5, training=None), Quantize(training=None)
        ),
        distillation=Distillation(),
    )
    ```
    """

    kind: ClassVar[str] = "joint"
    techniques: tuple[FittingStage, ...] = ()
    training: Training = Training()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.techniques:
            raise ArgumentError(
                f"techniques must be one or more of {', '.join(TECHNIQUES)}. "
                "Received: techniques=[]"
            )
        for number, stage in enumerate(self.techniques):
            check_technique(stage, self.techniques[:number])


def check_technique(stage: Stage, before: Sequence[Stage]) -> None:
    """Raises an error unless a technique may join others.

    Args:
        stage: The technique.
        before: Those that are joined already.

    Raises:
        ArgumentError: If it is no technique or has a training, or one of its kind, or
            one that it does not go with, is there.

    Example:
    ```python
    from tfcompress.pipeline import PruneWeights, Quantize
    from tfcompress.pipeline.stages.joint import check_technique

    check_technique(Quantize(training=None), [PruneWeights(training=None)])
    ```
    """
    kinds = [each.kind for each in (*before, stage)]
    if not isinstance(stage, FittingStage) or stage.kind not in TECHNIQUES:
        raise ArgumentError(
            f"techniques must be one or more of {', '.join(TECHNIQUES)}. "
            f"Received: techniques={kinds}"
        )
    if kinds.count(stage.kind) > 1:
        raise ArgumentError(
            "techniques must hold one of each kind at most: put the others in "
            f"stages of their own, or in another joint. Received: {stage.kind} "
            f"{kinds.count(stage.kind)} times in techniques={kinds}"
        )
    if {"prune_weights", "cluster_weights"} <= {*kinds}:
        raise ArgumentError(
            "prune_weights and cluster_weights must be stages behind each other, "
            "for weights that go on becoming zero leave their clusters: put "
            "prune_weights into a stage before this one. "
            f"Received: techniques={kinds}"
        )
    if stage.training is not None:
        raise ArgumentError(
            f"{stage.kind} inside joint must have no training of its own; "
            f"joint says how all train. Received: training={stage.training!r}"
        )


def techniques_of(stage: Stage) -> tuple[Stage, ...]:
    """Returns the stages that one is made of.

    Args:
        stage: A stage of any kind.

    Returns:
        Those that a `Joint` joins; of any other the stage itself.

    Example:
    ```python
    from tfcompress.pipeline import Quantize
    from tfcompress.pipeline.stages import techniques_of

    assert techniques_of(Quantize()) == (Quantize(),)
    ```
    """
    return stage.techniques if isinstance(stage, Joint) else (stage,)
