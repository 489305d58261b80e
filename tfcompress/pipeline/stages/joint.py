"""The stage of several techniques in one fit."""

import dataclasses
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
            own, one of each kind. Channels and blocks go first, before the training, in
            the order given here; then weights are clustered, and the model is made
            quantization-aware; single weights become zero last, while it trains.
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
        kinds = [stage.kind for stage in self.techniques]
        if not kinds or set(kinds) - set(TECHNIQUES):
            raise ArgumentError(
                f"techniques must be one or more of {', '.join(TECHNIQUES)}. "
                f"Received: techniques={kinds}"
            )
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise ArgumentError(
                "techniques must hold one of each kind at most: put the others in "
                f"stages of their own, or in another joint. Received: {twice[0]} "
                f"{kinds.count(twice[0])} times in techniques={kinds}"
            )
        if {"prune_weights", "cluster_weights"} <= {*kinds}:
            raise ArgumentError(
                "prune_weights and cluster_weights must be stages behind each other, "
                "for weights that go on becoming zero leave their clusters: put "
                "prune_weights into a stage before this one. "
                f"Received: techniques={kinds}"
            )
        for stage in self.techniques:
            if stage.training is not None:
                raise ArgumentError(
                    f"{stage.kind} inside joint must have no training of its own; "
                    "joint says how all train. "
                    f"Received: training={stage.training!r}"
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
