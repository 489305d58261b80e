"""What the techniques that remove whole channels have in common."""

import abc
import tempfile
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError, NothingToPruneError
from tfcompress.graph import ChannelGroup, Graph, Layer, find_groups
from tfcompress.graph.channels import groups_of, trace_channels
from tfcompress.names import matches, nearest
from tfcompress.pruning import cuts as cutting
from tfcompress.pruning import importance as importances
from tfcompress.pruning.cuts import Cut
from tfcompress.pruning.goal import Goal
from tfcompress.pruning.progress import Progress
from tfcompress.pruning.trial import Trial
from tfcompress.technique import Account, Technique

FLOOR = 0.1  # Share of its channels that a group keeps at the least.


class StructuredPruning(Technique):
    """Removes channels: scores them, chooses some, cuts, and tries what is left.

    Args:
        importance: As `importance.find` takes it.
        scope: `"global"` or `"local"`.
        ignored: Names of layers or groups, or patterns of them, that keep all.
        steps: In how many steps the channels go.
    """

    def __init__(
        self, *, importance: Any, scope: str, ignored: Sequence[str], steps: int
    ) -> None:
        if scope not in ("global", "local"):
            raise ArgumentError(
                f'scope must be "global" or "local". Received: scope={scope!r}'
            )
        if isinstance(ignored, str):
            raise ArgumentError(
                "ignored must be a list of names of layers. "
                f"Received: ignored={ignored!r}"
            )
        self.importance = importances.find(importance)
        self.scope = scope
        self.ignored = tuple(ignored)
        self.steps = check_whole(steps, "steps")

    @abc.abstractmethod
    def unit(self, group: ChannelGroup) -> int | None:
        """Returns of what number a multiple is to stay, or None for not this group."""

    @abc.abstractmethod
    def describe_failure(self, progress: Progress) -> str:
        """Returns what stands in the way when nothing can be cut, and what to do."""

    def concerns(self, layer: Layer) -> bool:
        """Returns whether a layer is to be reported if its channels are in no group."""
        return any(weight.value.ndim >= 2 for weight in layer.weights)

    @abc.abstractmethod
    def goal(self, graph: Graph, keras: str, folder: Path) -> Goal:
        """Returns what says which cuts are to be made.

        Args:
            graph: The whole model.
            keras: `"keras"` or `"tf_keras"`, where it is built.
            folder: A folder for files.
        """

    def apply(
        self, model: Any, *, fine_tune: Callable[[Any], Any] | None = None
    ) -> Any:
        """Returns a smaller model, of stock layers, in the Keras of the user's model.

        Args:
            model: A built functional or Sequential model of either Keras. It is not
                changed. Models inside it are dissolved into their layers.
            fine_tune: Called with the model after each step but the last, to compile
                it and train it in place. So it has a use where there are several steps.

        Returns:
            A model with weights of its own, not compiled, whose layers have the names
            and `trainable` flags that they had.

        Raises:
            ModelError: If the model is subclassed, not built or still being pruned or
                made quantization-aware, or if no channel of it can go.
            ArgumentError: If a name in `ignored` matches nothing, or `fine_tune`
                returns another model than it was given.
        """
        check_prunable(model)
        if fine_tune is not None and not callable(fine_tune):
            raise ArgumentError(
                "fine_tune must be a function that trains the model it is given. "
                f"Received: fine_tune={fine_tune!r}"
            )
        if fine_tune is not None and self.steps == 1:
            warnings.warn(
                "fine_tune is called between steps only, and there is one step: train "
                "what apply returns, or give more steps. Received: steps=1",
                stacklevel=2,
            )
        keras = keras_compat.origin_of(model)
        graph = read_plain(model, keras)
        trace = trace_channels(graph)
        every_group = groups_of(trace, ())
        names = [*graph.layers, *(group.name for group in every_group)]
        ignored = match_names(self.ignored, list(dict.fromkeys(names)))
        progress = Progress(graph, keras, self.groups(graph, ignored))
        followed = {
            name for group in every_group for name in group.producers + group.carriers
        }
        progress.unfollowed = {
            name: trace.refused.get(name, "its channels are not followed")
            for name, layer in graph.layers.items()
            if name not in followed and self.concerns(layer)
        }
        with tempfile.TemporaryDirectory() as folder:
            goal = self.goal(graph, keras, Path(folder))
            for step in range(1, self.steps + 1):
                self._make_step(progress, ignored, goal, step / self.steps)
                if step < self.steps and fine_tune is not None:
                    _check_in_place(fine_tune(progress.model), progress.model)
                    keras_compat.check_model(progress.model, "the fine-tuned model")
                    progress.renew(keras_compat.read(progress.model))
        self._warn_of_shortfall(progress, goal)
        self.account = _account(progress, goal)
        return progress.model

    def finalize(self, model: Any) -> Any:
        """Returns a copy of the model, which is plain already.

        Args:
            model: What `apply` returned, trained or not. It is not changed.

        Returns:
            A model with weights of its own, of the same Keras.

        Raises:
            ModelError: If it is not a built functional or Sequential model.
        """
        check_prunable(model)
        return keras_compat.build(
            keras_compat.read(model), keras=keras_compat.origin_of(model)
        )

    def groups(self, graph: Graph, ignored: Sequence[str]) -> list[ChannelGroup]:
        """Returns the groups that this technique has to do with, frozen ones too."""
        layers = [name for name in ignored if name in graph.layers]
        return [
            group
            for group in find_groups(graph, ignored=layers)
            if self.unit(group) is not None
        ]

    def rank(self, progress: Progress, ignored: Sequence[str]) -> list[Cut]:
        """Returns all the cuts that can be made in the model as it is now, in order.

        Why a group is left out goes into `progress.reasons`.
        """
        free = []
        group_of = {group.name: group for group in progress.groups}
        for group in self.groups(progress.graph, ignored):
            if group.name in ignored:
                progress.reasons[group.name] = "ignored by choice"
            elif group.frozen:
                progress.reasons[group.name] = str(group.reason)
            elif group.name not in progress.reasons:
                free.append(group)
        scored = self.importance.score_all(progress.graph, free, keras=progress.keras)
        ranked = []
        for group, scores in scored.items():
            if scores is None:
                kind = type(self.importance).__name__
                progress.reasons[group.name] = f"{kind} says nothing of its channels"
                continue
            unit, width = self.unit(group) or 1, progress.width(group.name)
            cuts = cutting.cut_group(
                group.name,
                scores,
                unit=unit,
                floor=max(unit, round(FLOOR * width)),
                scope=self.scope,
            )
            if not cuts and group.name not in progress.removed:
                progress.reasons[group.name] = _describe_narrow(
                    group_of[group.name], unit
                )
            ranked.append(cuts)
        return cutting.rank(ranked)

    def _make_step(
        self, progress: Progress, ignored: Sequence[str], goal: Goal, share: float
    ) -> None:
        """Chooses cuts and makes them, without those of groups that fail the trial."""
        trial = Trial(progress.graph, progress.keras)
        while True:
            cuts = self.rank(progress, ignored)
            if not cuts and not progress.removed and not goal.asks_nothing:
                reasons = {**progress.reasons, **progress.unfollowed}
                listed = "; ".join(f"{name}: {why}" for name, why in reasons.items())
                raise NothingToPruneError(
                    f"{self.describe_failure(progress)}. Received: model "
                    f"{progress.graph.name!r}" + (f" with {listed}" if listed else "")
                )
            failed: dict[str, str] = {}
            if goal.makes_files:
                _, failed = make_cuts(progress, cuts, trial)
            if not failed:
                cuts = list(goal.choose(progress, cuts, share))
                left, failed = make_cuts(progress, cuts, trial)
            if not failed:
                progress.make(cuts, *left)
                return
            progress.reasons.update(failed)

    def _warn_of_shortfall(self, progress: Progress, goal: Goal) -> None:
        units = {group.name: self.unit(group) or 1 for group in progress.groups}
        missed = goal.describe_shortfall(progress, units)
        if missed:
            warnings.warn(
                f"Less went than was asked for: {missed}. Each group keeps a tenth of "
                "its channels, and one block, at the least, and those whose smaller "
                "sizes do not run keep all.",
                stacklevel=3,
            )


def make_cuts(
    progress: Progress, cuts: Sequence[Cut], trial: Trial
) -> tuple[tuple[Graph, Any], dict[str, str]]:
    """Removes channels, as far as the model then still runs.

    Returns:
        The graph and the model that are left, and for each group whose cuts were not
        made what goes wrong with them.
    """
    left: tuple[Graph, Any] = (progress.graph, None)
    accepted: set[str] = set()
    failed: dict[str, str] = {}
    waiting = [list(cutting.removals(cuts))]
    while waiting:
        names = waiting.pop()
        tried = [cut for cut in cuts if cut.group in accepted.union(names)]
        graph = progress.with_cuts(tried)
        model, problem = trial.run(graph)
        if problem is None:
            accepted.update(names)
            left = (graph, model)
        elif len(names) <= 1:
            failed.update(dict.fromkeys(names, problem))
        else:
            half = len(names) // 2
            waiting += [names[half:], names[:half]]
    return left, failed


def check_prunable(model: Any) -> None:
    """Raises an error unless this is a plain model of stock layers.

    Raises:
        ModelError: If it is subclassed, not built, or wrapped by a technique.
    """
    keras_compat.check_model(model)
    if not keras_compat.is_tf_keras(model):
        return
    if keras_compat.pruned_layers(model):
        raise ModelError(
            "The weights of the model are being pruned; give it to finalize of that "
            f"pruning first. Received: model {model.name!r}"
        )
    if keras_compat.is_quantization_aware(model):
        raise ModelError(
            "The model is quantization-aware; remove channels first, and then make it "
            f"quantization-aware. Received: model {model.name!r}"
        )


def read_plain(model: Any, keras: str) -> Graph:
    """Reads a model without models inside it, with names that this Keras takes.

    Args:
        model: A built functional or Sequential model of either Keras.
        keras: `"keras"` or `"tf_keras"`, where it is to be built.
    """
    graph = keras_compat.read_flat(model)
    if keras == "keras" and keras_compat.is_tf_keras(model):
        return keras_compat.read(keras_compat.build(graph, keras=keras))
    return graph


def match_names(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Returns the names that are among the patterns, or match one of them.

    Raises:
        ArgumentError: If a pattern matches nothing.
    """
    found: list[str] = []
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise ArgumentError(
                "ignored must hold names of layers or groups, or patterns such as "
                f"'block1_*', and nothing else. Received: ignored={list(patterns)!r}"
            )
        matching = [name for name in names if matches(name, pattern)]
        if not matching:
            raise ArgumentError(
                "ignored must hold names, or patterns such as 'block1_*', of layers "
                f"or groups; the nearest are {nearest(pattern, names)}. "
                f"Received: ignored={pattern!r}"
            )
        found += matching
    return found


def check_whole(number: Any, name: str) -> int:
    """Returns a whole number of 1 or more.

    Raises:
        ArgumentError: If it is none.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or number < 1:
        raise ArgumentError(
            f"{name} must be a whole number of 1 or more. Received: {name}={number!r}"
        )
    return int(number)


def _check_in_place(returned: Any, model: Any) -> None:
    """Raises an error if `fine_tune` returned another model than it was given."""
    if keras_compat.is_model(returned) and returned is not model:
        raise ArgumentError(
            "fine_tune must train the model that it is given in place; what it returns "
            f"is not used. Received: fine_tune that returns model {returned.name!r}"
        )


def _describe_narrow(group: ChannelGroup, unit: int) -> str:
    """Returns why a group is too narrow to lose a block."""
    what = group.name.partition(":")[2] or "channels"
    if group.width == 1 and group.copies == 1:
        return f"has one of {what} only"
    width, multiple = group.width * group.copies, unit * group.copies
    return f"has {width} {what}, and is to keep a multiple of {multiple}"


def _account(progress: Progress, goal: Goal) -> Account:
    notes: dict[str, list[str]] = {}
    skipped: dict[str, str] = {}
    applied: set[str] = set()
    for group in progress.groups:
        width = group.width * group.copies
        left = width - progress.removed.get(group.name, 0) * group.copies
        if left == width:
            skipped[group.name] = progress.reasons.get(
                group.name
            ) or goal.reason_to_keep(progress, group.name)
            continue
        what = group.name.partition(":")[2] or "channels"
        applied.update(group.producers, group.carriers)
        for name in dict.fromkeys([*group.producers, *group.carriers]):
            notes.setdefault(name, []).append(f"{left} of {width} {what} stay")
        for name in group.changes_statistics:
            notes.setdefault(name, []).append("its mean is over those that stay")
    skipped.update(progress.unfollowed)
    names = tuple(name for name in progress.graph.layers if name in applied)
    return Account(names, skipped, {key: "; ".join(notes[key]) for key in notes})
