from pathlib import Path

import pytest

from tests.applications import ONLY_TF_KERAS, measure_in_child

CHILD = Path(__file__).with_name("application_crossing.py")
SMALL = {"MobileNetV3Small": 32}
OTHERS = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Large": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}


def check(found):
    assert found["there"] < 1e-5
    assert found["back"] < 1e-5
    assert found["weights_there"]
    assert found["weights_back"]
    assert found["names_there"]
    assert found["names_back"]


@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", SMALL)
def test_small_application_goes_there_and_back(name, keras):
    check(measure_in_child(CHILD, keras, name, SMALL[name]))


@pytest.mark.slow
@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", OTHERS)
def test_application_goes_there_and_back(name, keras):
    check(measure_in_child(CHILD, keras, name, OTHERS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ONLY_TF_KERAS)
def test_tf_keras_application_goes_there_and_back(name):
    check(measure_in_child(CHILD, "tf_keras", name, 32))
