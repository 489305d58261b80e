import numpy as np
import pytest

from tfcompress.pruning.cuts import Cut, count_nearest, cut_group, rank, removals
from tfcompress.pruning.goal import find_smallest


def channels(cuts):
    return [cut.channels for cut in cuts]


def test_lowest_scores_go_first_one_by_one():
    cuts = cut_group("a", np.array([3.0, 1.0, 2.0]), unit=1, floor=1, scope="global")
    assert channels(cuts) == [(1,), (2,)]
    assert [cut.score for cut in cuts] == [1, 2]


def test_first_cut_leaves_a_multiple():
    cuts = cut_group("a", np.arange(10.0), unit=4, floor=4, scope="global")
    assert channels(cuts) == [(0, 1), (2, 3, 4, 5)]
    assert [cut.score for cut in cuts] == [0.5, 3.5]


def test_floor_and_narrow_groups():
    scores = np.arange(8.0)
    assert cut_group("a", scores, unit=8, floor=8, scope="global") == []
    assert cut_group("a", scores[:5], unit=8, floor=8, scope="global") == []
    cuts = cut_group("a", scores, unit=2, floor=5, scope="global")
    assert channels(cuts) == [(0, 1)]  # Two more would leave four.
    assert len(cut_group("a", scores, unit=1, floor=0, scope="global")) == 7


def test_local_scope_scores_by_place():
    cuts = cut_group(
        "a", np.array([5.0, 9.0, 1.0, 7.0]), unit=1, floor=1, scope="local"
    )
    assert channels(cuts) == [(2,), (0,), (3,)]
    assert [cut.score for cut in cuts] == [0.125, 0.375, 0.625]


def test_order_over_groups_and_count():
    cuts = rank(
        [
            [Cut("a", (0, 1), 1.0), Cut("a", (2, 3), 4.0)],
            [Cut("b", (5,), 2.0), Cut("b", (4,), 2.0)],
        ]
    )
    assert [cut.group for cut in cuts] == ["a", "b", "b", "a"]
    # 0, 2, 3, 4 or 6 channels.
    assert [count_nearest(cuts, n) for n in (0, 0.9, 1, 2.4, 3, 5, 9)] == [
        0, 0, 1, 1, 2, 4, 4,
    ]  # fmt: skip
    # 0, 2, 5, 8 or 10 where each of b counts as three.
    assert [count_nearest(cuts, n, {"b": 3}) for n in (1, 3, 4, 6, 9)] == [
        1, 1, 2, 2, 4,
    ]  # fmt: skip
    assert removals(cuts[:3]) == {"a": [0, 1], "b": [4, 5]}


@pytest.mark.parametrize("answer", [0, 1, 5, 17, 40])
@pytest.mark.parametrize("start", [0, 5, 16, 40, 99])
def test_smallest_number_is_found_from_any_start(answer, start):
    asked = []

    def holds(number):
        asked.append(number)
        return number >= answer

    assert find_smallest(40, holds, start) == answer
    assert len(asked) == len(set(asked)) <= 12
    assert 40 not in asked  # Which is known.


def test_good_start_needs_two_answers():
    asked = []
    find_smallest(1000, lambda n: asked.append(n) or n >= 500, 500)
    assert len(asked) == 2
