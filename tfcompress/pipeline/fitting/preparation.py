"""A model made ready for the training of a stage."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import NothingToClusterError, NothingToPruneError
from tfcompress.graph import Graph
from tfcompress.keras_compat.logits_part import logits_part
from tfcompress.pipeline.fitting import techniques
from tfcompress.pipeline.fitting.logits import (
    put_on,
    take_off,
    with_layers_at_the_end,
)
from tfcompress.pipeline.fitting.rounded_pruning import apply_both
from tfcompress.pipeline.fitting.task import Task
from tfcompress.pipeline.stages import (
    ClusterWeights,
    FittingStage,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    techniques_of,
)
from tfcompress.pruning import recalibrate_batch_norm
from tfcompress.quantization import calibrate
from tfcompress.technique import Technique


@dataclasses.dataclass
class Prepared:
    """A model made ready for the training of a stage.

    Attributes:
        learner: What is trained: a model that ends in logits, or in numbers.
        ends: The activation in which each output of it ends, or None.
        callbacks: What its training needs.
        finish: Returns the plain model, and what the exporter takes, when it is done.
        account: What was done to which layer and what was not, and why.

    Example:
    ```python
    from tfcompress.pipeline.fitting.preparation import Prepared

    prepared = Prepared(model, ["softmax"], [], lambda: (model, model), "")
    plain, trained = prepared.finish()
    ```
    """

    learner: Any
    ends: Sequence[str | None]
    callbacks: list[Any]
    finish: Callable[[], tuple[Any, Any]]
    account: str


def prepare(
    stage: FittingStage,
    model: Any,
    task: Task | None,
    train: Any,
    *,
    keras: str | None = None,
) -> Prepared:
    """Applies the techniques of a stage to a copy of a model.

    Whole channels and blocks go first; single weights become zero while the model
    trains, also while it trains with rounding (see `apply_both`), or at once where it
    does not train. Weights are clustered before the training, whose rounding keeps
    clusters.

    Args:
        stage: The stage.
        model: A built functional or Sequential model of either Keras. It is not
            changed.
        task: What the model is to learn, or None where it is not trained.
        train: The training data, to measure and to calibrate on.
        keras: Where the model is to be trained, `"keras"` or `"tf_keras"`. Defaults to
            its own Keras, or that of the techniques.

    Returns:
        What to train, and what to make of it then. Where a pruning finds nothing that
        can go, or a clustering no kernel that is large enough, the model stays as it
        is; the account and a warning say so.

    Raises:
        ModelError: If a technique cannot take the model, or a budget of channels stands
            and none can go.
        ArgumentError: If a setting names no layer of the model, or a budget is too
            small.

    Example:
    ```python
    from tfcompress.pipeline import PruneWeights
    from tfcompress.pipeline.fitting.preparation import prepare

    prepared = prepare(PruneWeights(training=None), model, None, (x, y))
    plain, trained = prepared.finish()
    ```
    """
    accounts: list[str] = []
    changing: PruneWeights | ClusterWeights | None = None
    quantization = None
    given = keras_compat.read(model)
    graph = with_layers_at_the_end(given)
    if graph is not given:
        origin = keras_compat.origin_of(model)
        model = keras_compat.build(graph, keras=origin, trusted=True)
    for part in techniques_of(stage):
        if isinstance(part, PruneWeights | ClusterWeights):
            changing = part
        elif isinstance(part, Quantize):
            quantization = part
        elif isinstance(part, PruneChannels | PruneLayers):
            technique: Any = (
                techniques.channel_pruning(part)
                if isinstance(part, PruneChannels)
                else techniques.layer_pruning(part, train)
            )
            with _unless_nothing_goes(part, accounts):
                model = technique.apply(model)
                accounts.append(str(technique.account))
            if task is None and _has_batch_norm(keras_compat.read_flat(model)):
                # No training will fit the statistics to what is left.
                model = recalibrate_batch_norm(model, train)
    if quantization is None:
        prepared = _plain(changing, model, task, keras)
    elif isinstance(changing, ClusterWeights):
        clustering = techniques.weight_clustering(changing)
        with _unless_nothing_goes(changing, accounts):
            model = clustering.finalize(clustering.apply(model))
            accounts.append(str(clustering.account))
        prepared = _rounding(quantization, None, model, task, train)
    else:
        prepared = _rounding(quantization, changing, model, task, train)
    accounts.append(prepared.account)
    account = "\n".join(filter(None, accounts))
    return dataclasses.replace(prepared, account=account)


@contextlib.contextmanager
def _unless_nothing_goes(part: FittingStage, accounts: list[str]) -> Iterator[None]:
    """Lets a model stay as it is where nothing of it can go, and says so.

    A budget is not met by that, and so stays an error.
    """
    try:
        yield
    except (NothingToPruneError, NothingToClusterError) as error:
        if isinstance(part, PruneChannels) and part.ratio is None:
            raise
        said = f"{part.name or part.kind} leaves the model as it is. {error}"
        accounts.append(said)
        warnings.warn(said, stacklevel=5)


def _has_batch_norm(graph: Graph) -> bool:
    return any(layer.kind == "BatchNormalization" for layer in graph.layers.values())


def _rounding(
    stage: Quantize, pruning: PruneWeights | None, model: Any, task: Task | None, x: Any
) -> Prepared:
    aware = techniques.quantization_aware_training(stage)
    callbacks = aware.callbacks()
    accounts: list[str] = []
    wrapped: Any = None
    if pruning is not None:
        once = techniques.magnitude_pruning(pruning, at_once=True)
        with _unless_nothing_goes(pruning, accounts):
            if task is None:
                wrapped = aware.apply(once.finalize(once.apply(model)))
            else:
                wrapped, prunes = apply_both(once, aware, model)
                callbacks.insert(0, prunes)  # Before biases settle.
            accounts.append(str(once.account))
    if wrapped is None:
        wrapped = aware.apply(model)
    accounts.append(str(aware.account))
    calibrate(wrapped, x, method=stage.calibration)
    learner, ends = wrapped, keras_compat.output_activations(model)
    if task is not None:
        learner = logits_part(wrapped, _gives_logits(task))
        ends = tuple(
            end if after is before else None
            for end, after, before in zip(
                ends, learner.outputs, wrapped.outputs, strict=True
            )
        )

    def finish() -> tuple[Any, Any]:
        return aware.finalize(wrapped), wrapped

    return Prepared(learner, ends, callbacks, finish, "\n".join(accounts))


def _plain(
    stage: PruneWeights | ClusterWeights | None,
    model: Any,
    task: Task | None,
    keras: str | None,
) -> Prepared:
    origin = keras_compat.origin_of(model)
    wanted = [False] * len(model.outputs) if task is None else _gives_logits(task)
    graph, endings = take_off(keras_compat.read(model), wanted)
    plain = keras_compat.build(graph, keras=keras or origin, trusted=True)
    ends = keras_compat.output_activations(plain)
    learner: Any = plain
    callbacks: list[Any] = []
    accounts: list[str] = []
    finalize: Callable[[Any], Any] | None = None
    if stage is not None:
        technique: Technique = (
            techniques.magnitude_pruning(stage, at_once=task is None)
            if isinstance(stage, PruneWeights)
            else techniques.weight_clustering(stage)
        )
        with _unless_nothing_goes(stage, accounts):
            learner, finalize = technique.apply(plain), technique.finalize
            callbacks = technique.callbacks() if task is not None else []
            accounts.append(str(technique.account))

    def finish() -> tuple[Any, Any]:
        done = learner if finalize is None else finalize(learner)
        whole = put_on(keras_compat.read(done), endings)
        built = keras_compat.build(whole, keras=origin, trusted=True)
        return built, built

    return Prepared(learner, ends, callbacks, finish, "\n".join(accounts))


def _gives_logits(task: Task) -> list[bool]:
    """Returns which outputs are trained on their logits."""
    return [
        output.kind != "numbers" and output.activation in keras_compat.PROBABILITIES
        for output in task.outputs
    ]
