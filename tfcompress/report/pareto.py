"""Which of several things no other one beats in both cost and quality."""

from collections.abc import Sequence


def find_dominating(
    costs: Sequence[float], qualities: Sequence[float]
) -> list[int | None]:
    """Finds for each point one that is better, if there is any.

    A point is dominated if another costs no more and is no worse, and is better in
    one of the two. Those that are not are the Pareto front; equal points stand on it
    together.

    Args:
        costs: What each costs; less is better.
        qualities: How good each is; more is better.

    Returns:
        For each point the number of the best one that dominates it (of least cost among
        those of most quality), or None for a point on the front.

    Example:
    ```python
    find_dominating([10, 20, 30], [0.9, 0.8, 0.95])  # [None, 0, None]
    ```
    """
    points = list(zip(costs, qualities, strict=True))
    order = sorted(range(len(points)), key=lambda n: (-points[n][1], points[n][0]))
    return [
        next((n for n in order if _dominates(points[n], point)), None)
        for point in points
    ]


def _dominates(first: tuple[float, float], second: tuple[float, float]) -> bool:
    return first != second and first[0] <= second[0] and first[1] >= second[1]
