"""Models of `keras.applications` lose a quarter and half of their channels."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
FAST = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "ResNet50"]
# The smallest of each family, and the side of its input.
SMALLEST = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
    "RegNetX002": 32,
    "RegNetY002": 32,
    "ResNetRS50": 32,
}
LEAST_FALL = {0.25: 0.3, 0.5: 0.6}


def check(name, side, ratios):
    """Prunes in a process of its own, which gives the memory back."""
    command = [sys.executable, str(CHILD), "--child", name, "--side", str(side)]
    done = subprocess.run(
        [*command, "--ratios", *map(str, ratios)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result["frozen"].values()) == ["returned by the model"]
    for found, ratio in zip(result["ratios"], ratios, strict=True):
        assert found["moved"] > 0.01  # The channels that went did matter.
        assert found["difference"] < 1e-4
        assert found["file_difference"] < 1e-4
        assert found["fall"] > LEAST_FALL[ratio]


@pytest.mark.parametrize("name", FAST)
def test_application_without_half_its_channels(name):
    check(name, 32, [0.5])


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_smallest_of_each_family(name):
    check(name, SMALLEST[name], [0.25, 0.5])
