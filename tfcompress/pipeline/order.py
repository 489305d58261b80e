"""Which stages may follow which."""

from collections.abc import Sequence

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.stages import Export, FittingStage, Stage, techniques_of

ORDER = (
    "train_teacher, prune_channels, prune_layers, distil or fine_tune, prune_weights, "
    "cluster_weights, quantize, export, evaluate"
)
_PRUNING = ("prune_weights", "prune_channels", "prune_layers")


def check_order(stages: Sequence[Stage]) -> None:
    """Raises an error where a stage would undo what one before it did.

    The techniques of a joint have no order among themselves, which is the joint's own.

    Args:
        stages: The stages in their order.

    Raises:
        ArgumentError: Names the two, and the order that works.

    Example:
    ```python
    from tfcompress.pipeline import Export, Quantize
    from tfcompress.pipeline.order import check_order

    check_order([Quantize(), Export()])
    ```
    """
    before: list[str] = []
    for stage in stages:
        parts = techniques_of(stage)
        for part in parts:
            _check_next(part, before)
        before += [part.kind for part in parts]


def _check_next(stage: Stage, before: Sequence[str]) -> None:
    if isinstance(stage, FittingStage) and "quantize" in before:
        _refuse(stage, "quantize", "its ranges would no longer be those of the weights")
    keeps = stage.kind in ("quantize", "cluster_weights")
    if isinstance(stage, FittingStage) and not keeps and "cluster_weights" in before:
        _refuse(
            stage,
            "cluster_weights",
            "it would give the weights of a cluster values of their own; only quantize "
            "keeps clusters",
        )
    if stage.kind in ("prune_channels", "prune_layers") and "prune_weights" in before:
        _refuse(
            stage, "prune_weights", "what it removes breaks the sparsity of each layer"
        )
    if isinstance(stage, Export) and stage.scheme is not None and "quantize" in before:
        raise ArgumentError(
            "An export with a scheme must not come after quantize, for it quantizes "
            "anew and throws away what was trained with the rounding: leave the scheme "
            "out, which exports what quantize trained, or put this export before "
            f"quantize. Received: export with scheme={stage.scheme!r} after quantize"
        )
    if stage.kind == "distil" and getattr(stage, "student", None) is not None:
        for kind in _PRUNING:
            if kind in before:
                _refuse(stage, kind, "a new student has none of the pruning")
    if stage.kind == "evaluate" and "export" not in before:
        raise ArgumentError(
            "evaluate measures files: put an export before it. "
            f"The order that works: {ORDER}. Received: {[*before, stage.kind]}"
        )


def _refuse(stage: Stage, earlier: str, reason: str) -> None:
    raise ArgumentError(
        f"{stage.kind} must not come after {earlier}, for {reason}. "
        f"The order that works: {ORDER}. Received: {stage.kind} after {earlier}"
    )
