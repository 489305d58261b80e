"""Models of `keras.applications` train in whole numbers; their files do the same."""

import pytest

from tests.applications import (
    BENCHMARKS,
    ONLY_TF_KERAS,
    SMALLEST_OF_EACH_FAMILY,
    measure_in_child,
)

CHILD = BENCHMARKS / "quantization_coverage.py"
# How many layers stay in float: its LayerNormalizations.
LEFT_IN_FLOAT = {"ConvNeXtTiny": 23}


def check(name, *options):
    result = measure_in_child(CHILD, "--child", name, "--samples", 128, *options)
    assert result["samples"] == 128
    assert len(result["skipped"]) == LEFT_IN_FLOAT.get(name, 0)
    assert result["not_listed"] == []
    assert result["same_class"] >= 0.99
    # Kernels larger by a millionth put the model itself off by that much.
    assert result["steps"] <= max(2, 2 * result["itself"]) + 0.01
    assert result["file_accuracy"] >= result["accuracy"] - 0.05
    assert result["bytes"] < 0.35 * 4 * result["parameters"]


@pytest.mark.slow
def test_file_does_what_training_sees():
    check("MobileNet", "--side", "32")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SMALLEST_OF_EACH_FAMILY, *ONLY_TF_KERAS])
def test_file_of_each_family_does_what_training_sees(name):
    check(name)
