"""Models of `keras.applications` train in whole numbers; their files do the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = Path(__file__).parents[2] / "benchmarks" / "quantization_coverage.py"
SMALLEST_OF_EACH_FAMILY = [
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "RegNetX002",
    "RegNetY002",
    "ResNet50",
    "ResNet50V2",
    "ResNetRS50",
    "VGG16",
    "Xception",
]
# How many layers stay in float: its LayerNormalizations.
LEFT_IN_FLOAT = {"ConvNeXtTiny": 23}


def check(name, *options):
    """Quantizes in a process of its own, which gives the memory back."""
    done = subprocess.run(
        [sys.executable, str(CHILD), "--child", name, "--samples", "128", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
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
@pytest.mark.parametrize("name", SMALLEST_OF_EACH_FAMILY)
def test_file_of_each_family_does_what_training_sees(name):
    check(name)
