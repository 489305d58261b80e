"""Models of `keras.applications` lose a quarter and half of their channels."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
FAST = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "ResNet50"]
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
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
]
LEAST_FALL = {0.25: 0.3, 0.5: 0.6}


def check(name, ratios, *options):
    """Prunes in a process of its own, which gives the memory back."""
    command = [sys.executable, str(CHILD), "--child", name, *options]
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
    check(name, [0.5], "--side", "32")


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST_OF_EACH_FAMILY)
def test_application_without_a_quarter_and_half_its_channels(name):
    check(name, [0.25, 0.5])
