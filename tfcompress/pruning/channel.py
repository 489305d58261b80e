"""Channel pruning: whole channels go, and the model gets smaller and faster."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.graph import ChannelGroup
from tfcompress.pruning import cuts as cutting
from tfcompress.pruning import importance as importances
from tfcompress.pruning.cuts import Cut
from tfcompress.pruning.structured import State, StructuredPruning, check_whole


class ChannelPruning(StructuredPruning):
    """Removes whole channels, so that what is left is an ordinary, smaller model.

    Channels that depend on each other, through additions, concatenations, gates and
    the like, go together: see `tfcompress.graph.find_groups`. The result equals the
    model with the removed channels set to zero where they are taken in, except where a
    layer computes a mean over channels, as LayerNormalization does; the account notes
    such layers. Fine-tune the result, best from the unpruned model as a teacher.

    What stays of a group is a multiple of `round_to`, or all of it; the kernels of
    runtimes work on blocks of that many channels, so odd numbers save bytes but no
    time. A group of no more than `round_to` channels is left alone, and each group
    keeps a tenth of its channels, and `round_to`, at the least. Channels therefore go
    in blocks, those of the lowest mean score first, until the share that is gone is as
    near to `ratio` as blocks allow. Heads of attention count as channels, in whole
    numbers. Li et al., "Pruning Filters for Efficient ConvNets", 2017,
    https://arxiv.org/abs/1608.08710; Fang et al., "DepGraph", 2023,
    https://arxiv.org/abs/2301.12900.

    Args:
        ratio: Share of channels that go, of all those that may, from 0 up to, not
            including, 1. The cost of most layers falls by the square: at 0.5 to about
            a quarter.
        importance: `"l1"`, the default, `"l2"`, `"batch_norm"`, `"fpgm"`, `"random"`,
            or an object of `tfcompress.pruning.importance`, some of which look at data.
        scope: `"global"`, the default, ranks the channels of all groups together;
            `"local"` takes the same share of every group.
        round_to: What stays of a group is a multiple of it. Defaults to 8.
        ignored: Names of layers or groups, or patterns such as `"block1_*"`, that
            keep all their channels.
        steps: In how many equal steps the channels go. Importance is measured anew in
            each, after `fine_tune`.

    Raises:
        ArgumentError: If an argument is out of range.

    Example:
    ```python
    pruning = tfc.pruning.ChannelPruning(ratio=0.25)
    small = pruning.apply(model)
    print(pruning.account.notes)
    ```
    """

    def __init__(
        self,
        ratio: float | None = None,
        *,
        importance: Any = "l1",
        scope: str = "global",
        round_to: int = 8,
        ignored: Sequence[str] = (),
        steps: int = 1,
    ) -> None:
        super().__init__(
            importance=importance, scope=scope, ignored=ignored, steps=steps
        )
        self.ratio = check_ratio(ratio)
        self.round_to = check_whole(round_to, "round_to")
        self._given_importance = importance

    def unit(self, group: ChannelGroup) -> int:
        """Returns of what number a multiple stays of a group."""
        return 1 if group.name.endswith(":heads") else self.round_to

    def count_cuts(self, state: State, cuts: list[Cut], share: float) -> int:
        """Returns how many cuts bring the model nearest to the ratio."""
        return count_cuts_of_ratio(state, cuts, share * self.ratio)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If the importance holds data.
        """
        given = self._given_importance
        named = isinstance(given, str)
        return {
            "ratio": self.ratio,
            "importance": given if named else importances.serialize(self.importance),
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


def count_cuts_of_ratio(state: State, cuts: list[Cut], ratio: float) -> int:
    """Returns how many cuts bring the share of removed channels nearest to a ratio."""
    free = sum(
        group.width
        for group in state.groups
        if not group.frozen and group.name not in state.reasons
    )
    return cutting.count_nearest(cuts, ratio * free - sum(state.removed.values()))
