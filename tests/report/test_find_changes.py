import numpy as np
import pytest

from tfcompress.data import batches
from tfcompress.measurement import Predictions
from tfcompress.report.find_changes import find_changes
from tfcompress.report.seen_inputs import SeenInputs

NAMES = ("cat", "dog", "cow")


def inputs(samples):
    seen = SeenInputs(np.arange(samples * 2.0).reshape(samples, 2))
    list(batches(seen))
    return seen


def answers(classes, labels, **more):
    scores = np.eye(3, dtype=np.float32)[classes]
    return Predictions(scores, np.array(labels), **more)


def test_answers_that_became_wrong_come_first():
    labels = [0, 1, 2, 0, 1, 2]
    before = answers([1, 1, 2, 0, 0, 2], labels)
    after = answers([2, 1, 1, 0, 1, 0], labels)
    changes = find_changes(before, after, inputs(6), NAMES)
    assert (changes.count, changes.lost, changes.won) == (4, 2, 1)
    assert changes.p_value == pytest.approx(1.0)  # 1 of 3 coins, both tails
    assert [change.index for change in changes.shown] == [2, 5, 0, 4]
    first = changes.shown[0]
    assert (first.before, first.after, first.label) == ("cow", "dog", "cow")
    assert (first.words, first.picture) == ("4 5", "")


def test_no_more_than_24_are_shown():
    labels = np.zeros(100, int)
    before, after = answers(labels, labels), answers(labels + 1, labels)
    changes = find_changes(before, after, inputs(100), NAMES)
    assert (changes.count, changes.lost, len(changes.shown)) == (100, 100, 24)
    assert changes.p_value < 1e-20


def test_samples_of_weight_0_are_left_out():
    weights = np.array([0.0, 2.0, 1.0])
    before = answers([0, 0, 0], [0, 0, 0], weights=weights)
    after = answers([1, 1, 0], [0, 0, 0], weights=weights)
    changes = find_changes(before, after, inputs(3), NAMES)
    assert [change.index for change in changes.shown] == [1]
    values = np.array([[9.0], [1.0], [2.0]])
    before = Predictions(np.zeros((3, 1), np.float32), values, weights)
    after = Predictions(values.astype(np.float32), values, weights)
    changes = find_changes(before, after, inputs(3), ())
    assert [change.index for change in changes.shown] == [2, 1]


def test_one_output_for_two_classes():
    labels = np.array([0, 1])
    before = Predictions(np.array([[0.1], [0.9]], np.float32), labels)
    after = Predictions(np.array([[0.6], [0.9]], np.float32), labels)
    changes = find_changes(before, after, inputs(2), NAMES[:2])
    assert (changes.count, changes.lost, changes.won) == (1, 1, 0)
    assert (changes.shown[0].before, changes.shown[0].after) == ("cat", "dog")


def test_several_classes_for_one_sample():
    labels = np.array([[1, 0, 1], [0, 0, 0]])
    before = Predictions(np.array([[1, 0, 1], [0, 1, 0]], np.float32), labels)
    after = Predictions(np.array([[1, 1, 1], [0, 0, 0]], np.float32), labels)
    changes = find_changes(before, after, inputs(2), NAMES)
    assert (changes.count, changes.lost, changes.won) == (2, 1, 1)
    first, second = changes.shown
    assert (first.before, first.after) == ("cat, cow", "cat, dog, cow")
    assert (second.before, second.after, second.label) == ("dog", "none", "none")


def test_a_class_for_every_step():
    labels = np.array([[0, 1], [2, 2], [1, 1]])
    before = answers(labels, labels)
    after = answers([[0, 1], [2, 0], [0, 0]], labels)
    changes = find_changes(before, after, inputs(3), NAMES)
    assert changes.count is None
    assert [change.index for change in changes.shown] == [2, 1]
    assert changes.shown[1].after == "50.0% right"


def test_pictures_share_one_scale():
    images = np.zeros((2, 8, 8, 1), np.float32)
    images[1] = 1.0
    seen = SeenInputs(images)
    list(batches(seen))
    before, after = answers([0, 0], [0, 0]), answers([1, 1], [0, 0])
    black, white = find_changes(before, after, seen, NAMES).shown
    assert black.picture != white.picture
    bright = SeenInputs((255 * images).astype(np.uint8))
    list(batches(bright))
    assert find_changes(before, after, bright, NAMES).shown[0] == black
