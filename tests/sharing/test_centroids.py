"""The few values that stand for many."""

import itertools

import numpy as np
import pytest

from tfcompress.errors import ArgumentError
from tfcompress.sharing import INITIALIZATIONS, find_centroids


def squared_distance(numbers, centroids):
    return (np.abs(numbers[:, None] - centroids).min(axis=1) ** 2).sum()


def least_distance(numbers, count):
    """That of the best of all ways to cut the sorted numbers into so many parts."""
    ordered = np.sort(numbers)
    cuts = itertools.combinations(range(1, len(ordered)), count - 1)
    return min(
        sum(((part - part.mean()) ** 2).sum() for part in np.split(ordered, cut))
        for cut in cuts
    )


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_two_groups_are_found_from_every_start(initialization):
    numbers = np.array([[0.0, 9.0], [11.0, 1.0]])
    assert find_centroids(numbers, 2, initialization).tolist() == [0.5, 10.0]


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_no_number_is_nearer_to_another_mean(initialization):
    numbers = np.random.default_rng(0).normal(size=500)
    centroids = find_centroids(numbers, 7, initialization)
    assert np.all(np.diff(centroids) > 0)
    nearest = np.abs(numbers[:, None] - centroids).argmin(axis=1)
    means = [numbers[nearest == place].mean() for place in range(7)]
    np.testing.assert_allclose(centroids, means, atol=1e-12)


def test_start_far_from_each_other_is_near_the_best():
    numbers = np.random.default_rng(3).normal(size=12)
    found = squared_distance(numbers, find_centroids(numbers, 3))
    assert found <= 1.2 * least_distance(numbers, 3)


def test_value_without_numbers_waits():
    # From 0, 5 and 10: nothing is nearest to 5, which two others then leave alone.
    numbers = np.array([0.0, 0.2, 9.8, 10.0])
    assert find_centroids(numbers, 3, "linear").tolist() == [0.1, 5.0, 9.9]


def test_few_numbers_stand_for_themselves():
    assert find_centroids([3.0, -1.0, 3.0], 4).tolist() == [-1.0, 3.0]


def test_same_values_each_time():
    numbers = np.random.default_rng(1).normal(size=200_000)
    first, second = (find_centroids(numbers, 16) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_unknown_start():
    with pytest.raises(ArgumentError, match="Received: initialization='random'"):
        find_centroids([1.0], 2, "random")


def test_no_numbers():
    with pytest.raises(ArgumentError, match="Received: 0 numbers, count=2"):
        find_centroids([], 2)
