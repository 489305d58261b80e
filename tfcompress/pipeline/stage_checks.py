"""What a stage says, tried before anything is done."""

from typing import Any

from tfcompress import keras_compat
from tfcompress.distillation import RegressionDistillation
from tfcompress.pipeline.fitting import find_task
from tfcompress.pipeline.fitting.losses import build_metrics
from tfcompress.pipeline.fitting.optimizers import build_optimizer
from tfcompress.pipeline.fitting.teaching import choose_loss
from tfcompress.pipeline.fitting.techniques import (
    channel_pruning,
    layer_pruning,
    magnitude_pruning,
    quantization_aware_training,
    weight_clustering,
)
from tfcompress.pipeline.stages import (
    ClusterWeights,
    FittingStage,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    techniques_of,
)


def check_stage(stage: FittingStage, model: Any, train: Any) -> None:
    """Raises an error where a stage names or asks for what there is not.

    Its techniques, optimizer, metrics and losses are made, and thrown away.

    Args:
        stage: The stage.
        model: The user's model that it comes to work on, in whatever form.
        train: Inputs and labels.

    Raises:
        ArgumentError: If there is no such optimizer, loss, metric or setting.
        DataError: If the labels do not fit the outputs.
        ModelError: If what is taught does not fit what the model ends in.

    Example:
    ```python
    from tfcompress.pipeline import FineTune
    from tfcompress.pipeline.stage_checks import check_stage

    check_stage(FineTune(), model, (x, y))
    ```
    """
    for part in techniques_of(stage):
        if isinstance(part, PruneWeights):
            magnitude_pruning(part, at_once=part.training is None)
        elif isinstance(part, PruneChannels):
            channel_pruning(part)
        elif isinstance(part, PruneLayers):
            layer_pruning(part, train)
        elif isinstance(part, ClusterWeights):
            weight_clustering(part)
        elif isinstance(part, Quantize):
            quantization_aware_training(part)
    if stage.training is None:
        return
    task = find_task(model, train, stage.training.loss)
    build_optimizer(stage.training, keras_compat.keras_of(model), steps=1)
    ends = keras_compat.output_activations(model)
    build_metrics(task, model, model, ends, stage.training.metrics)
    if stage.distillation is not None:
        loss = choose_loss(stage.distillation, task, model)
        if isinstance(loss, RegressionDistillation):
            loss.validate_model_compatibility(None, model)
