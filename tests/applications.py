"""The families of `keras.applications`, measured by the benchmarks."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ONLY_TF_KERAS = ["RegNetX002", "RegNetY002", "ResNetRS50"]
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


def measure_in_child(script, *arguments):
    """Runs a script in a process of its own, which gives the memory back.

    Returns what it writes as its last line, a JSON object.
    """
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
