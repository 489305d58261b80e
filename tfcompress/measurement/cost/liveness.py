"""How much memory tensors take while a model is run."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def alive_bytes(
    steps: Sequence[tuple[Collection[Key], Collection[Key]]],
    sizes: Mapping[Key, int],
    kept: Collection[Key],
) -> list[int]:
    """Adds up the tensors that are alive in each step of a computation.

    A tensor lives from the step that makes it to the last one that takes it; one that
    no step makes is there from the start. What a step takes and what it gives are alive
    at the same time, for nothing is computed in place.

    Args:
        steps: Which tensors each step takes, and which it gives.
        sizes: Bytes of each tensor.
        kept: Tensors that live to the end, because they are the result.

    Returns:
        The bytes alive in each step.

    Example:
    ```python
    from tfcompress.measurement.cost.liveness import alive_bytes

    steps = [(["x"], ["a"]), (["a"], ["b"]), (["b", "x"], ["y"])]
    alive_bytes(steps, {"x": 4, "a": 8, "b": 2, "y": 1}, ["y"])  # [12, 14, 7]
    ```
    """
    births: dict[Key, int] = {}
    deaths: dict[Key, int] = dict.fromkeys(kept, len(steps) - 1)
    for number, (taken, given) in enumerate(steps):
        for key in given:
            births.setdefault(key, number)
            deaths.setdefault(key, number)
        for key in taken:
            deaths[key] = max(number, deaths.get(key, 0))
    totals = [0] * len(steps)
    for key, death in deaths.items():
        for number in range(births.get(key, 0), death + 1):
            totals[number] += sizes[key]
    return totals
