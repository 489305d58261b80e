"""Spreads ratios over the parts of a model so that a budget is met at least loss."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

# Sums of savings that are told apart; beyond, they are rounded down.
_RESOLUTION = 20_000
_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Option:
    """One way to prune one part of a model.

    Attributes:
        ratio: Share of the part that goes.
        saving: What it saves alone, of what the budget counts.
        loss: What it loses alone.
    """

    ratio: float
    saving: int
    loss: float


@dataclasses.dataclass(frozen=True)
class Allocation(Mapping[str, float]):
    """How far each part of a model is to be pruned: a mapping from names to ratios.

    Give it to the technique: `MagnitudePruning(layers=allocation)`,
    `ChannelPruning(ratio=allocation)`. Parts with a ratio of 0 stay whole.

    Attributes:
        ratios: The ratio of each part.
        loss: Sum of what was measured to be lost with each part pruned alone.
        counted: What the budget counts: `"weights"` or `"multiply-adds"`.
        before: How many of them the model has.
        after: How many are left.
    """

    ratios: Mapping[str, float]
    loss: float
    counted: str
    before: int
    after: int

    def __getitem__(self, name: str) -> float:
        return self.ratios[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ratios)

    def __len__(self) -> int:
        return len(self.ratios)

    def __str__(self) -> str:
        lines = [f"{name}: {ratio:g}" for name, ratio in self.ratios.items()]
        share = self.after / self.before
        return "\n".join(
            [
                *lines,
                f"{self.after:,} of {self.before:,} {self.counted} stay ({share:.1%}); "
                f"the losses measured one by one add up to {self.loss:.4g}",
            ]
        )


def choose(options: Mapping[str, Sequence[Option]], needed: float) -> dict[str, Option]:
    """Chooses one option for each part so that the losses add up to the least.

    A dynamic programme over the parts keeps every sum of savings that no other beats in
    both saving and loss. It is exact up to 20,000 such sums; beyond, savings are
    rounded down by at most a 20,000th of what is needed for each part, so the result
    still saves enough.

    Args:
        options: What can be done to each part; to do nothing is an option only if it
            is among them.
        needed: What all savings together must come to. If no choice does, the
            choice that saves most is returned.

    Returns:
        The option of each part.
    """
    most = sum(max(o.saving for o in given) for given in options.values())
    needed = min(needed, most)
    savings, losses = np.zeros(1), np.zeros(1)
    steps = []
    for given in options.values():
        gained = np.array([float(option.saving) for option in given])
        lost = np.array([option.loss for option in given])
        sums = np.minimum(savings[:, None] + gained, max(needed, 0)).ravel()
        totals = (losses[:, None] + lost).ravel()
        kept = _unbeaten(sums, totals)
        if len(kept) > _RESOLUTION:
            grid = needed / _RESOLUTION
            # What has come to the goal stays there.
            sums = np.where(sums < needed, np.floor(sums / grid) * grid, sums)
            kept = _unbeaten(sums, totals)
        steps.append((kept // len(given), kept % len(given)))
        savings, losses = sums[kept], totals[kept]
    chosen, place = {}, 0  # The first saves most, which is what is needed.
    for (name, given), (before, option) in zip(
        reversed(list(options.items())), reversed(steps), strict=True
    ):
        chosen[name] = given[option[place]]
        place = before[place]
    return dict(reversed(chosen.items()))


def spread(
    options: Mapping[str, Sequence[Option]],
    cost: Callable[[Mapping[str, float]], int],
    budget: int,
) -> dict[str, Option] | None:
    """Chooses options where what they save together is not the sum of what each does.

    Where savings add up, the choice is the best there is. The channels that two layers
    lose are multiplied in the cost of the second, so two savings together are less than
    their sum. Then more is asked of `choose` until the true cost is within the budget;
    this is done again with what each option saves beside the choice made so far, and
    the best choice of all is taken.

    Args:
        options: What can be done to each part; to do nothing comes first.
        cost: Takes the ratio of each part and returns what is left. Options together
            save no more than the sum of what each saves alone.
        budget: What may be left at the most.

    Returns:
        The option of each part, or None if the budget cannot be met.
    """

    def left(chosen: Mapping[str, Option]) -> int:
        return cost({name: option.ratio for name, option in chosen.items()})

    whole = cost(dict.fromkeys(options, 0.0))
    first = choose(options, whole - budget)
    if left(first) <= budget:
        return first  # All that are within the budget are among what it chose from.
    best = {n: max(given, key=lambda o: o.saving) for n, given in options.items()}
    if left(best) > budget:
        return None
    asked = options
    for _ in range(_ROUNDS):
        found = _given_back(options, _fitting(asked, left, budget, best), left, budget)
        if _loss(found) >= _loss(best):
            break
        best = found
        asked = {
            name: [
                dataclasses.replace(
                    option,
                    saving=left({**best, name: given[0]})
                    - left({**best, name: option}),
                )
                for option in given
            ]
            for name, given in options.items()
        }
    return best


def _loss(chosen: Mapping[str, Option]) -> float:
    return sum(option.loss for option in chosen.values())


def _fitting(
    options: Mapping[str, Sequence[Option]],
    left: Callable[[Mapping[str, Option]], int],
    budget: int,
    otherwise: dict[str, Option],
) -> dict[str, Option]:
    """Asks for more savings, taken to add up, until the true cost fits the budget."""
    low = 0
    high = sum(max(option.saving for option in given) for given in options.values())
    fitting = otherwise
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        tried = choose(options, middle)
        if left(tried) <= budget:
            fitting, high = tried, middle
        else:
            low = middle
    return fitting


def _given_back(
    options: Mapping[str, Sequence[Option]],
    chosen: dict[str, Option],
    left: Callable[[Mapping[str, Option]], int],
    budget: int,
) -> dict[str, Option]:
    """Returns a choice of less loss that is within the budget still, if there is one.

    Single options are exchanged, the one that loses most less first.
    """
    while True:
        better = [
            (option.loss - chosen[name].loss, name, option)
            for name, given in options.items()
            for option in given
            if option.loss < chosen[name].loss
        ]
        for _, name, option in sorted(better, key=lambda item: item[0]):
            tried = {**chosen, name: option}
            if left(tried) <= budget:
                chosen = tried
                break
        else:
            return chosen


def _unbeaten(savings: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Returns where less is lost than wherever as much or more is saved, most first."""
    order = np.lexsort((losses, -savings))
    least = np.minimum.accumulate(losses[order])
    better = np.concatenate([[True], losses[order][1:] < least[:-1]])
    return order[better]
