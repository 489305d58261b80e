"""What callbacks have come to hold is kept, and given back to new ones."""

import collections
import json
import warnings

import keras
import numpy as np
import pytest

from tfcompress.distillation.programs.callback_states import CallbackStates


class Watching:
    """Holds values of every kind, as callbacks do."""

    def __init__(self, patience=3):
        self.patience = patience
        self.best = None
        self.seen = []
        self.weights = None
        self.smaller = lambda first, second: first < second
        self.compare = None
        self.file = None


def watch(callback):
    callback.best = np.float32(0.25)
    callback.seen.append(("first", {"loss": float("inf"), 3: None}))
    callback.weights = [np.eye(2), np.arange(3)]
    callback.compare = keras.ops.less
    callback.file = object()


def test_a_new_callback_gets_what_has_changed():
    old, arrays = Watching(), []
    states = CallbackStates([old])
    states.begin()
    watch(old)
    kept = json.loads(json.dumps(states.keep(arrays)))
    ((_, state),) = kept
    assert sorted(state) == ["best", "compare", "seen", "weights"]

    new = Watching(patience=5)
    CallbackStates([new]).restore(kept, arrays)

    assert new.patience == 5
    assert new.best == np.float32(0.25)
    assert type(new.best) is np.float32
    assert new.seen == [("first", {"loss": float("inf"), 3: None})]
    np.testing.assert_array_equal(new.weights[0], np.eye(2))
    np.testing.assert_array_equal(new.weights[1], np.arange(3))
    assert new.compare is keras.ops.less
    assert new.file is None


def test_states_go_to_callbacks_of_their_class():
    class Counting:
        count = 0

    old = [Watching(), Counting(), Counting()]
    states = CallbackStates(old)
    states.begin()
    old[0].best, old[1].count, old[2].count = 1.5, 1, 2
    kept = states.keep([])

    new = [Counting(), Counting(), Counting(), Watching()]
    CallbackStates(new).restore(kept, [])

    assert [each.count for each in new[:3]] == [1, 2, 0]
    assert new[3].best == 1.5


def test_arrays_that_change_in_place_are_noticed():
    class Summing:
        def __init__(self):
            self.total = np.zeros(2)

    callback, arrays = Summing(), []
    states = CallbackStates([callback])
    states.begin()
    assert states.keep(arrays) == [["Summing", {}]]
    callback.total += 1
    assert states.keep(arrays) == [["Summing", {"total": {"array": 0}}]]
    np.testing.assert_array_equal(arrays[0], [1, 1])


class Holding:
    """Counts, and holds what it is given beside."""

    def __init__(self, held):
        self.count = 0
        self.held = held


def test_what_changed_and_is_not_kept_is_told_once():
    callback = Holding(collections.deque([0.5]))
    callback.rows = np.zeros(2, dtype=[("epoch", "i4"), ("loss", "f4")])
    callback.file = None
    states = CallbackStates([callback])
    states.begin()
    callback.count, callback.file = 1, object()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert states.keep([]) == [["Holding", {"count": 1}]]
    callback.held.append(0.25)
    with pytest.warns(UserWarning, match=r"Holding\.held has changed"):
        assert states.keep([]) == [["Holding", {"count": 1}]]
    callback.rows["epoch"] = 3
    with pytest.warns(UserWarning, match="has changed") as told:
        assert states.keep([]) == [["Holding", {"count": 1}]]
    assert [str(each.message).split()[0] for each in told] == ["Holding.rows"]


def test_a_list_that_holds_itself_is_left_out():
    ring = []
    ring.append(ring)
    shared = [1]
    callback = Holding([])
    states = CallbackStates([callback])
    states.begin()
    callback.held = {"twice": [shared, shared]}
    assert states.keep([])[0][1].keys() == {"held"}
    callback.held = ring
    with pytest.warns(UserWarning, match="Received: list"):
        assert states.keep([]) == [["Holding", {}]]
