"""Channel pruning: whole channels go, and the model gets smaller and faster."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.graph import ChannelGroup, Graph, find_groups
from tfcompress.pruning import importance as importances
from tfcompress.pruning.budget import (
    Budget,
    BytesBudget,
    LatencyBudget,
    MultiplyAddBudget,
)
from tfcompress.pruning.goal import BudgetGoal, Goal, RatioGoal
from tfcompress.pruning.group_ratios import GroupRatioGoal
from tfcompress.pruning.progress import Progress
from tfcompress.pruning.structured import StructuredPruning, check_whole


class ChannelPruning(StructuredPruning):
    """Removes whole channels, so that what is left is an ordinary, smaller model.

    Channels that depend on each other, through additions, concatenations, gates and
    the like, go together: see `tfcompress.graph.find_groups`. The result equals the
    model with the removed channels set to zero where they are taken in, except where a
    layer computes a mean over channels, as LayerNormalization does; the account notes
    such layers. Batch normalization behind the cuts still has the statistics of what
    was there: estimate them anew with `recalibrate_batch_norm`, which alone brings much
    of the accuracy back, and fine-tune, best from the unpruned model as a teacher.

    What stays of a group is a multiple of `round_to`, or all of it; the kernels of
    runtimes work on blocks of that many channels, so odd numbers save bytes but no
    time. A group of no more than `round_to` channels is left alone, and each group
    keeps a tenth of its channels, and `round_to`, at the least. Channels therefore go
    in blocks, those of the lowest mean score first, until the share that is gone is as
    near to `ratio` as blocks allow. In place of `ratio` a budget is met by measuring:
    as many blocks go as it takes, and not one more. Heads of attention count as
    channels, and whole ones go. Li et al., "Pruning Filters for Efficient ConvNets",
    2017, https://arxiv.org/abs/1608.08710; Fang et al., "DepGraph", 2023,
    https://arxiv.org/abs/2301.12900.

    Args:
        ratio: Share of channels that go, of all those that may, from 0 up to, not
            including, 1. The cost of most layers falls by the square: at 0.5 to about
            a quarter. Or a mapping from names of groups, or patterns of them, to the
            share of each, such as `tfcompress.search.sensitivity(...).allocate(...)`
            returns; groups that it does not name keep all. A name goes before a
            pattern, the first pattern before the next.
        macs: Multiply-adds for one sample that the model may have, in place of `ratio`:
            a whole number, or a share between 0 and 1 of those it has. As in
            `tfcompress.measurement.summary`.
        bytes: Bytes that its float32 `.tflite` file may have: a whole number, or a
            share between 0 and 1 of those it has.
        latency_ms: Milliseconds that this file may take for one sample, on one thread
            of this machine.
        importance: `"l1"`, the default, `"l2"`, `"path_norm"`, `"batch_norm"`,
            `"fpgm"`, `"random"`, or an object of `tfcompress.pruning.importance`, some
            of which look at data.
        scope: `"global"`, the default, ranks the channels of all groups together;
            `"local"` takes the same share of every group.
        round_to: What stays of a group is a multiple of it. Defaults to 8.
        ignored: Names of layers or groups, or patterns such as `"block1_*"`, that
            keep all their channels.
        steps: In how many equal steps the channels go. Importance is measured anew in
            each, after `fine_tune`.

    Raises:
        ArgumentError: If an argument is out of range, or several of `ratio` and the
            budgets are given, or none.

    Example:
    ```python
    pruning = tfc.pruning.ChannelPruning(ratio=0.25)
    small = pruning.apply(model)
    print(pruning.account.notes)
    ```
    """

    def __init__(
        self,
        ratio: float | Mapping[str, float] | None = None,
        *,
        macs: float | None = None,
        bytes: float | None = None,
        latency_ms: float | None = None,
        importance: Any = "l1",
        scope: str = "global",
        round_to: int = 8,
        ignored: Sequence[str] = (),
        steps: int = 1,
    ) -> None:
        super().__init__(
            importance=importance, scope=scope, ignored=ignored, steps=steps
        )
        given = {"ratio": ratio, "macs": macs, "bytes": bytes, "latency_ms": latency_ms}
        if sum(value is not None for value in given.values()) != 1:
            raise ArgumentError(
                "Exactly one of ratio, macs, bytes and latency_ms says how much is to "
                f"go. Received: {given}"
            )
        self.ratio = None if ratio is None else _check_ratios(ratio)
        self.macs = None if macs is None else _check_cost(macs, "macs")
        self.bytes = None if bytes is None else _check_cost(bytes, "bytes")
        self.latency_ms = None if latency_ms is None else _check_time(latency_ms)
        self.round_to = check_whole(round_to, "round_to")
        self._given_importance = importance

    def unit(self, group: ChannelGroup) -> int:
        """Returns of what number a multiple stays of a group."""
        if group.name.endswith(":heads"):
            return 1
        return self.round_to // math.gcd(self.round_to, group.copies)

    def describe_failure(self, progress: Progress) -> str:
        """Returns what stands in the way when no channel can go."""
        return (
            f"No channel of the model can be removed. Groups of no more than round_to="
            f"{self.round_to} channels stay; give a smaller round_to, or ignore fewer "
            "layers"
        )

    def goal(self, graph: Graph, keras: str, folder: Path) -> Goal:
        """Returns what says which cuts are to be made."""
        if isinstance(self.ratio, dict):
            return GroupRatioGoal(self.ratio, find_groups(graph))
        if self.ratio is not None:
            return RatioGoal(self.ratio, self.scope)
        if self.macs is not None:
            return _budget_goal(MultiplyAddBudget(graph, keras, folder), self.macs)
        if self.bytes is not None:
            return _budget_goal(BytesBudget(graph, keras, folder), self.bytes)
        assert self.latency_ms is not None
        return BudgetGoal(LatencyBudget(graph, keras, folder), self.latency_ms)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If the importance holds data.
        """
        return {
            "ratio": dict(self.ratio) if isinstance(self.ratio, dict) else self.ratio,
            "macs": self.macs,
            "bytes": self.bytes,
            "latency_ms": self.latency_ms,
            "importance": importances.serialize(self._given_importance),
            "scope": self.scope,
            "round_to": self.round_to,
            "ignored": list(self.ignored),
            "steps": self.steps,
        }


def check_ratio(ratio: Any) -> float:
    """Returns the share of channels that are to go.

    Raises:
        ArgumentError: If it is not from 0 up to, not including, 1.
    """
    number = isinstance(ratio, Real) and not isinstance(ratio, bool)
    if not number or not 0 <= float(ratio) < 1:
        raise ArgumentError(
            "ratio is the share of channels that go, from 0 up to, not including, 1; "
            f"0.25 to 0.5 are usual. Received: ratio={ratio!r}"
        )
    return float(ratio)


def _check_ratios(ratio: Any) -> float | dict[str, float]:
    """Returns the share of channels that are to go, of all or of each group."""
    if not isinstance(ratio, Mapping):
        return check_ratio(ratio)
    if not ratio or not all(isinstance(name, str) for name in ratio):
        raise ArgumentError(
            "A mapping of ratios must name groups of channels, and one at the least. "
            f"Received: ratio={dict(ratio)!r}"
        )
    return {name: check_ratio(share) for name, share in ratio.items()}


def _check_cost(cost: Any, name: str) -> float:
    number = isinstance(cost, Real) and not isinstance(cost, bool)
    if not number or not (0 < cost < 1 or (1 <= cost < math.inf and cost % 1 == 0)):
        raise ArgumentError(
            f"{name} must be a whole number of 1 or more, or a share of what the model "
            f"has, between 0 and 1. Received: {name}={cost!r}"
        )
    return float(cost) if cost < 1 else int(cost)


def _check_time(time: Any) -> float:
    number = isinstance(time, Real) and not isinstance(time, bool)
    if not number or not 0 < float(time) < math.inf:
        raise ArgumentError(
            "latency_ms must be a number of milliseconds above 0. "
            f"Received: latency_ms={time!r}"
        )
    return float(time)


def _budget_goal(budget: Budget, limit: float) -> BudgetGoal:
    """Returns the goal of a limit that may be a share of the whole model's cost."""
    return BudgetGoal(budget, limit * budget.cost if limit < 1 else limit)
