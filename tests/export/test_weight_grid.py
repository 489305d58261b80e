import numpy as np
import pytest

from tfcompress.export.few_bits.weight_grid import find_steps, growth, on_steps


def test_grid_of_each_channel():
    # 127 / 7 = 18.14..., 127 / 3 = 42.33...
    channels = np.array(
        [[127, 0, -127, 127], [127, 42, -85, 0], [18, -36, 54, -127]], np.int8
    )
    assert find_steps(channels, most=7).tolist() == [1, 3, 7]
    assert find_steps(channels, most=3) is None


@pytest.mark.parametrize("steps", [1, 3, 7, 15, 31, 63])
def test_every_step_comes_back(steps):
    numbers = np.arange(-steps, steps + 1)
    stored = np.rint(numbers * np.float32(127 / steps)).astype(np.int8)[None]
    found = find_steps(stored, most=63)
    assert found.tolist() == [steps]
    np.testing.assert_array_equal(on_steps(stored, found, most=steps)[0], numbers)


def test_half_a_step_may_be_rounded_either_way():
    for half in (63, 64):
        channels = np.array([[127, half, 0]], np.int8)
        assert find_steps(channels, most=7).tolist() == [2]
        assert on_steps(channels, np.array([2]), most=7).tolist() == [[6, 3, 0]]


def test_numbers_between_the_steps_and_outside_are_not_on_a_grid():
    assert find_steps(np.array([[127, 1]], np.int8), most=63) is None
    assert find_steps(np.array([[-128, 0]], np.int8), most=63) is None
    assert find_steps(np.zeros((0, 4), np.int8), most=63) is None


def test_zeros_fit_every_grid():
    channels = np.zeros((2, 3), np.int8)
    assert find_steps(channels, most=7).tolist() == [1, 1]
    assert not on_steps(channels, np.array([1, 1]), most=7).any()


def test_few_steps_use_all_the_numbers_there_are():
    # Steps of 42 in int8, of 2 in int4: 3 of them reach 126, and 6.
    steps = np.array([3])
    channels = np.array([[127, 85, -42, 0]], np.int8)
    assert on_steps(channels, steps, most=127).tolist() == [[126, 84, -42, 0]]
    assert on_steps(channels, steps, most=7).tolist() == [[6, 4, -2, 0]]
    np.testing.assert_allclose(growth(steps, most=127), [127 / 126])
    np.testing.assert_allclose(growth(steps, most=7), [127 / 6])
