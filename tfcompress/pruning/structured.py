"""What the techniques that remove whole channels have in common."""

import abc
import dataclasses
import difflib
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.graph import (
    ChannelGroup,
    Graph,
    find_groups,
    flatten_models,
    remove_channels,
)
from tfcompress.pruning import cuts as cutting
from tfcompress.pruning import importance as importances
from tfcompress.pruning.cuts import Cut
from tfcompress.pruning.importance.importance import normalize
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
    def count_cuts(self, state: "State", cuts: list[Cut], share: float) -> int:
        """Returns how many cuts are to be made.

        Args:
            state: The model as it is now, and as it was.
            cuts: All that can be made, in order.
            share: The share of the way that this step is to come to, 0 to 1.
        """

    def apply(
        self, model: Any, *, fine_tune: Callable[[Any], Any] | None = None
    ) -> Any:
        """Returns a smaller model, of stock layers, in the Keras of the user's model.

        Args:
            model: A built functional or Sequential model of either Keras. It is not
                changed. Models inside it are dissolved into their layers.
            fine_tune: Called with the model after each step but the last, to compile
                it and train it in place.

        Returns:
            A model with weights of its own, not compiled, whose layers have the names
            and `trainable` flags that they had.

        Raises:
            ModelError: If the model is subclassed, not built or still being pruned or
                made quantization-aware, or if no channel of it can go.
            ArgumentError: If a name in `ignored` matches nothing.
        """
        check_prunable(model)
        if fine_tune is not None and not callable(fine_tune):
            raise ArgumentError(
                "fine_tune must be a function that trains the model it is given. "
                f"Received: fine_tune={fine_tune!r}"
            )
        keras = keras_compat.origin_of(model)
        graph = _read_flat(model, keras)
        names = [*graph.layers, *(group.name for group in find_groups(graph))]
        ignored = match_names(self.ignored, names)
        state = State(graph, keras, self.groups(graph, ignored))
        for step in range(1, self.steps + 1):
            self._make_step(state, ignored, step / self.steps)
            if step < self.steps and fine_tune is not None:
                fine_tune(state.model)
                state.graph = keras_compat.read(state.model)
        self.account = _account(state)
        return state.model

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

    def rank(self, state: "State", ignored: Sequence[str]) -> list[Cut]:
        """Returns all the cuts that can be made in the model as it is now, in order.

        Why a group is left out goes into `state.reasons`.
        """
        free = []
        for group in self.groups(state.graph, ignored):
            if group.name in ignored:
                state.reasons[group.name] = "ignored by choice"
            elif group.frozen:
                state.reasons[group.name] = str(group.reason)
            elif group.name not in state.reasons:
                free.append(group)
        scored = self.importance.score(state.graph, free, keras=state.keras)
        ranked = []
        for group, scores in zip(free, scored, strict=True):
            if scores is None:
                kind = type(self.importance).__name__
                state.reasons[group.name] = f"{kind} says nothing of its channels"
                continue
            unit, width = self.unit(group) or 1, state.widths[group.name]
            cuts = cutting.cut_group(
                group.name,
                normalize(scores, self.importance.normalization),
                unit=unit,
                floor=max(unit, round(FLOOR * width)),
                scope=self.scope,
            )
            if not cuts and group.name not in state.removed:
                state.reasons[group.name] = (
                    f"has {width} channels, and is to keep a multiple of {unit}"
                )
            ranked.append(cuts)
        return cutting.rank(ranked)

    def _make_step(self, state: "State", ignored: Sequence[str], share: float) -> None:
        """Chooses cuts and makes them, without those of groups that fail the trial."""
        trial = Trial(state.graph, state.keras)
        while True:
            cuts = self.rank(state, ignored)
            if not cuts and not state.removed:
                raise ModelError(
                    "No channel of the model can be removed. Received: model "
                    f"{state.graph.name!r}, where {state.reasons}"
                )
            chosen = cutting.removals(cuts[: self.count_cuts(state, cuts, share)])
            groups = {group.name: group for group in find_groups(state.graph)}
            wanted = {groups[name]: channels for name, channels in chosen.items()}
            made, failed = make_cuts(state.graph, wanted, trial)
            if not failed:
                state.graph, state.model = made
                for name, channels in chosen.items():
                    state.removed[name] = state.removed.get(name, 0) + len(channels)
                return
            state.reasons.update(failed)


@dataclasses.dataclass
class State:
    """A model on its way: as it is now, and what became of its groups.

    Attributes:
        graph: The model as it is.
        keras: `"keras"` or `"tf_keras"`, where it is built.
        groups: The groups of the model as it was.
        model: The model as it is, built, after the first step.
        removed: How many channels of each group are gone.
        reasons: Groups that are left alone, and why.
    """

    graph: Graph
    keras: str
    groups: Sequence[ChannelGroup]
    model: Any = None
    removed: dict[str, int] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.widths = {group.name: group.width for group in self.groups}


def make_cuts(
    graph: Graph, wanted: Mapping[ChannelGroup, Sequence[int]], trial: Trial
) -> tuple[tuple[Graph, Any], dict[str, str]]:
    """Removes channels, as far as the model then still runs.

    Returns:
        The graph and the model that are left if all went well, and for each group
        whose cut did not, what went wrong.
    """
    made = remove_channels(graph, wanted)
    model, problem = trial.run(made)
    if problem is None:
        return (made, model), {}
    accepted: dict[ChannelGroup, Sequence[int]] = {}
    failed: dict[str, str] = {}
    waiting = [list(wanted)]
    while waiting:
        groups = waiting.pop()
        tried = {**accepted, **{group: wanted[group] for group in groups}}
        _, problem = trial.run(remove_channels(graph, tried))
        if problem is None:
            accepted = tried
        elif len(groups) == 1:
            failed[groups[0].name] = problem
        else:
            half = len(groups) // 2
            waiting += [groups[half:], groups[:half]]
    return (graph, None), failed


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


def match_names(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Returns the names that are among the patterns, or match one of them.

    Raises:
        ArgumentError: If a pattern matches nothing.
    """
    found: list[str] = []
    for pattern in patterns:
        matching = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
        if not matching:
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)
            raise ArgumentError(
                "ignored must hold names, or patterns such as 'block1_*', of layers "
                f"or groups; the nearest are {near or list(names)[:8]}. "
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


def _read_flat(model: Any, keras: str) -> Graph:
    """Reads a model without models inside it, with all the shapes that are known."""
    nested = keras_compat.read(model)
    graph = flatten_models(nested)
    if graph is nested:
        return graph
    return keras_compat.read(keras_compat.build(graph, keras=keras))


def _account(state: State) -> Account:
    notes: dict[str, str] = {}
    skipped: dict[str, str] = {}
    applied: set[str] = set()
    for group in state.groups:
        left = group.width - state.removed.get(group.name, 0)
        if left == group.width:
            skipped[group.name] = state.reasons.get(
                group.name, "its channels rank above those that went"
            )
            continue
        for name in (*group.producers, *group.carriers):
            notes[name] = f"{left} of {group.width} channels stay"
            applied.add(name)
        for name in group.changes_statistics:
            notes[name] = f"{left} of {group.width} channels stay, in its mean too"
    return Account(tuple(n for n in state.graph.layers if n in applied), skipped, notes)
