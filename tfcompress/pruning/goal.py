"""Which cuts are to be made."""

import abc
import functools
from collections.abc import Callable, Mapping, Sequence

from tfcompress.errors import ArgumentError
from tfcompress.graph import ChannelGroup
from tfcompress.pruning import cuts as cutting
from tfcompress.pruning.budget import Budget
from tfcompress.pruning.cuts import Cut
from tfcompress.pruning.progress import Progress


class Goal(abc.ABC):
    """Says which cuts are to be made.

    Attributes:
        makes_files: Whether models with all their cuts must run for it.
    """

    makes_files: bool

    @property
    def asks_nothing(self) -> bool:
        """Whether it is met by the whole model, whatever that is."""
        return False

    @abc.abstractmethod
    def choose(
        self, progress: Progress, cuts: Sequence[Cut], share: float
    ) -> Sequence[Cut]:
        """Returns the cuts that are to be made.

        Args:
            progress: The model as it is now.
            cuts: All cuts that can be made in it, in order.
            share: How much of the way is to be done then, above 0 up to 1.
        """

    @abc.abstractmethod
    def reason_to_keep(self, progress: Progress, name: str) -> str:
        """Returns why a group that has cuts lost no channels.

        Args:
            progress: The model in the end.
            name: The group.
        """

    def describe_shortfall(
        self, progress: Progress, units: Mapping[str, int]
    ) -> str | None:
        """Returns by what the goal is missed, if by more than one block.

        Args:
            progress: The model in the end.
            units: Channels in a block, for each group.
        """
        return None


class RatioGoal(Goal):
    """A share of the channels that may go.

    Args:
        ratio: The share.
        scope: How they are ranked, `"global"` or `"local"`.
    """

    makes_files = False

    def __init__(self, ratio: float, scope: str = "global") -> None:
        self.ratio = ratio
        self.scope = scope

    @property
    def asks_nothing(self) -> bool:
        """Whether the share is 0."""
        return self.ratio == 0

    def choose(
        self, progress: Progress, cuts: Sequence[Cut], share: float
    ) -> Sequence[Cut]:
        """Returns the first cuts, so that the share that is gone is near the ratio."""
        copies = {group.name: group.copies for group in progress.groups}
        gone, free = self._count(progress)
        wanted = share * self.ratio * free - gone
        return cuts[: cutting.count_nearest(cuts, wanted, copies)]

    def reason_to_keep(self, progress: Progress, name: str) -> str:
        """Returns that no share was asked for, that it is small, or the rank."""
        if self.asks_nothing:
            return "nothing is to go at a ratio of 0"
        if self.scope == "local" or not any(progress.removed.values()):
            return f"a ratio of {self.ratio:g} rounds to no block"
        return "its channels rank above those that went"

    def describe_shortfall(
        self, progress: Progress, units: Mapping[str, int]
    ) -> str | None:
        """Returns the share that went, if it is short by more than one block."""
        gone, free = self._count(progress)
        block = max(
            (units[group.name] * group.copies for group in _free_groups(progress)),
            default=0,
        )
        if self.ratio * free - gone <= block:
            return None
        return f"a share of {gone / free:.3g} went, of ratio={self.ratio:g}"

    def _count(self, progress: Progress) -> tuple[int, int]:
        """Returns how many channels are gone, and how many there were."""
        gone = sum(
            progress.removed.get(group.name, 0) * group.copies
            for group in progress.groups
        )
        return gone, sum(g.width * g.copies for g in _free_groups(progress))


class BudgetGoal(Goal):
    """A cost that the model must not exceed.

    Args:
        budget: What measures the cost.
        limit: The cost.
    """

    def __init__(self, budget: Budget, limit: float) -> None:
        self.budget = budget
        self.limit = limit
        self.makes_files = budget.makes_files

    def choose(
        self, progress: Progress, cuts: Sequence[Cut], share: float
    ) -> Sequence[Cut]:
        """Returns the first cuts, the fewest that bring the model within the budget.

        Raises:
            ArgumentError: If all cuts are not enough.
        """
        budget = self.budget

        @functools.cache
        def measure(count: int) -> float:
            return budget.measure(progress.with_cuts(cuts[:count]))

        @functools.cache
        def estimate(count: int) -> float:
            return budget.estimate(progress.with_cuts(cuts[:count]))

        limit = budget.cost - (budget.cost - self.limit) * share
        # In the first step it is known already whether the last can be done.
        final = limit if progress.removed else self.limit
        if measure(len(cuts)) > final:
            raise ArgumentError(
                "The budget cannot be met: when each group keeps a multiple of "
                "round_to and a tenth of its channels, the model still costs "
                f"{measure(len(cuts)):,.6g} {budget.unit} of {budget.cost:,.6g}. Give "
                "a larger budget, a smaller round_to or fewer ignored layers. "
                f"Received: a budget of {self.limit:,.6g} {budget.unit}"
            )
        middle = len(cuts) // 2
        start = find_smallest(len(cuts), lambda n: estimate(n) <= limit, middle)
        # What an estimate is wrong by here, it is wrong by nearby.
        error = measure(start) - estimate(start)
        start = find_smallest(len(cuts), lambda n: estimate(n) + error <= limit, start)
        return cuts[: find_smallest(len(cuts), lambda n: measure(n) <= limit, start)]

    def reason_to_keep(self, progress: Progress, name: str) -> str:
        """Returns that the budget was met before, or the rank."""
        if not any(progress.removed.values()):
            return "the model is within the budget as it is"
        return "its channels rank above those that went"


def _free_groups(progress: Progress) -> list[ChannelGroup]:
    return [
        group
        for group in progress.groups
        if not group.frozen and group.name not in progress.reasons
    ]


def find_smallest(count: int, holds: Callable[[int], bool], start: int) -> int:
    """Returns the smallest number for which a condition holds.

    It asks near `start` first and then farther away, so that a good start needs few
    answers.

    Args:
        count: The largest number, for which the condition is taken to hold.
        holds: The condition, which if it holds for a number holds for those above it.
        start: Where the answer is expected.

    Returns:
        A number from 0 to `count`.
    """
    low, high, stride, ask = -1, count, 1, start
    below = above = False  # Whether an answer was found on this side.
    while high - low > 1:
        if below and above:
            ask = (low + high) // 2
        ask = min(max(ask, low + 1), high - 1)
        if holds(ask):
            high, above = ask, True
            ask -= stride
        else:
            low, below = ask, True
            ask += stride
        stride *= 2
    return high
