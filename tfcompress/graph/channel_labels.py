"""Which channel each position of an axis belongs to."""

import dataclasses

import numpy as np

FIXED = -1  # A position that belongs to no channel that could be removed.


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """The channels along one axis of a tensor.

    Attributes:
        axis: Which axis, counted from 0 with the batch.
        ids: For each position on it the number of a channel, or `FIXED`. None where
            the size of the axis is not known: nothing on it can be removed.
    """

    axis: int
    ids: np.ndarray | None

    @property
    def movable(self) -> bool:
        """Whether a channel that could be removed is among them."""
        return self.ids is not None and bool((self.ids != FIXED).any())


class ChannelNumbers:
    """Numbers for channels, of which some are found to be one and the same.

    A union-find structure.
    """

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._names: list[str] = []
        self._reasons: dict[int, str] = {}

    def new(self, count: int, name: str) -> np.ndarray:
        """Returns the numbers of new channels, made by what has this name."""
        start = len(self._parents)
        self._parents += range(start, start + count)
        self._names += [name] * count
        return np.arange(start, start + count)

    def name(self, number: int) -> str:
        """Returns the name of what makes a channel."""
        return self._names[number]

    def join(self, first: np.ndarray, second: np.ndarray, reason: str) -> None:
        """Makes channels one, position by position; what meets `FIXED` is frozen."""
        for one, other in zip(first.tolist(), second.tolist(), strict=True):
            if one == other:
                continue
            if one == FIXED or other == FIXED:
                self.freeze(np.array([max(one, other)]), reason)
            else:
                self._unite(one, other)

    def freeze(self, ids: np.ndarray | None, reason: str) -> None:
        """Says that channels cannot be removed, and why. The first reason stays."""
        if ids is None:
            return
        for number in np.unique(ids[ids != FIXED]).tolist():
            self._reasons.setdefault(self._find(number), reason)

    def roots(self, ids: np.ndarray) -> np.ndarray:
        """Returns one number for all channels that are one; `FIXED` stays."""
        unique, inverse = np.unique(ids, return_inverse=True)
        found = [n if n == FIXED else self._find(n) for n in unique.tolist()]
        return np.array(found, dtype=int)[inverse.reshape(ids.shape)]

    def every_root(self) -> np.ndarray:
        """Returns for each number the one that stands for its channel."""
        return np.array([self._find(n) for n in range(len(self._parents))], dtype=int)

    def reason(self, roots: list[int]) -> str | None:
        """Returns why these channels are frozen, or None."""
        return next((self._reasons[r] for r in roots if r in self._reasons), None)

    def _unite(self, one: int, other: int) -> None:
        first, second = sorted((self._find(one), self._find(other)))
        if first == second:
            return
        self._parents[second] = first
        if second in self._reasons:
            self._reasons.setdefault(first, self._reasons.pop(second))

    def _find(self, number: int) -> int:
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number
