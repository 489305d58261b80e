import numpy as np
import pytest

from tfcompress.report.pareto import find_dominating


@pytest.mark.parametrize(
    ("costs", "qualities", "expected"),
    [
        ([10], [0.5], [None]),
        ([10, 20, 30], [0.9, 0.8, 0.95], [None, 0, None]),
        ([10, 10], [0.9, 0.9], [None, None]),
        ([10, 10], [0.9, 0.8], [None, 0]),
        ([10, 20], [0.9, 0.9], [None, 0]),
        # Two dominate the last; the better of them is named.
        ([10, 15, 20], [0.7, 0.8, 0.6], [None, None, 1]),
        ([3, 2, 1], [-0.1, -0.2, -0.3], [None, None, None]),
    ],
)
def test_by_hand(costs, qualities, expected):
    assert find_dominating(costs, qualities) == expected


def test_front_of_random_points():
    generator = np.random.default_rng(0)
    points = generator.integers(0, 8, (40, 2))
    found = find_dominating(points[:, 0].tolist(), points[:, 1].tolist())
    for index, point in enumerate(points):
        better = np.any(
            (points[:, 0] <= point[0])
            & (points[:, 1] >= point[1])
            & (points != point).any(axis=1)
        )
        assert (found[index] is not None) == better
