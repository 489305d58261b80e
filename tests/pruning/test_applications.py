"""Models of `keras.applications` lose a quarter and half of their channels."""

import pytest

from tests.applications import (
    BENCHMARKS,
    SMALLEST_OF_EACH_FAMILY,
    measure_in_child,
)

CHILD = BENCHMARKS / "coverage.py"
FAST = ["MobileNetV3Small", "ResNet50"]
LEAST_FALL = {0.25: 0.3, 0.5: 0.6}


def check(name, ratios, *options):
    result = measure_in_child(CHILD, "--child", name, *options, "--ratios", *ratios)
    assert list(result["frozen"].values()) == ["returned by the model"]
    for found, ratio in zip(result["ratios"], ratios, strict=True):
        assert found["moved"] > 0.01  # The channels that went did matter.
        assert found["difference"] < 1e-4
        assert found["file_difference"] < 1e-4
        assert found["fall"] > LEAST_FALL[ratio]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
def test_application_without_half_its_channels(name):
    check(name, [0.5], "--side", "32")


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST_OF_EACH_FAMILY)
def test_application_without_a_quarter_and_half_its_channels(name):
    check(name, [0.25, 0.5])
