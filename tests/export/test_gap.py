import math

import numpy as np
import pytest

from tfcompress.export.verification.gap import Gap, RunningGap, measure_gap, worst


def test_numbers_by_hand():
    gap = measure_gap(np.array([[3.0, -4.5]]), np.array([[3.0, -4.0]]), step=0.25)
    assert gap.largest_error == 0.5
    assert gap.mean_error == 0.25
    assert gap.relative_error == 0.125
    assert gap.steps == 2.0
    assert gap.mean_steps == 1.0
    # Squares: 9 + 16 of the signal, 0.25 of the noise: a ratio of 100.
    assert gap.sqnr_db == pytest.approx(20.0)


def test_noise_as_strong_as_the_signal():
    assert measure_gap(np.zeros(3), np.array([1.0, 2.0, 3.0])).sqnr_db == 0.0


def test_no_difference_and_no_signal_are_finite():
    same = measure_gap(np.ones(3), np.ones(3))
    assert same == Gap(0.0, 0.0, 0.0, 200.0)
    nothing = measure_gap(np.ones(3), np.zeros(3))
    assert nothing.sqnr_db == -200.0
    assert math.isfinite(nothing.relative_error)
    assert measure_gap(np.zeros(3), np.zeros(3)).sqnr_db == 200.0
    assert measure_gap(np.full(3, np.nan), np.ones(3)).sqnr_db == -200.0


def test_truth_values_and_whole_numbers():
    gap = measure_gap(np.array([True, False]), np.array([True, True]))
    assert gap.largest_error == 1.0
    # In int8 the difference would be too large.
    far = measure_gap(np.array([-128], np.int8), np.array([127], np.int8))
    assert far.largest_error == 255.0


def test_parts_are_as_good_as_the_whole():
    rng = np.random.default_rng(0)
    expected = rng.normal(size=(6, 4))
    found = expected + 0.1 * rng.normal(size=(6, 4))
    running = RunningGap()
    for row in range(6):
        running.add(found[row : row + 1], expected[row : row + 1])
    whole = measure_gap(found, expected, step=0.5)
    parts = running.gap(0.5)
    for name in vars(whole):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name))


def test_worst_of_several():
    gaps = [Gap(1.0, 0.5, 0.1, 30.0, 4.0, 2.0), Gap(2.0, 0.1, 0.2, 20.0)]
    assert worst(gaps) == Gap(2.0, 0.5, 0.2, 20.0, 4.0, 2.0)
    assert worst(gaps[1:]).steps is None
