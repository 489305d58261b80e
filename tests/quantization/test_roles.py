"""What is said of each layer is what the file does."""

import warnings

import keras
import pytest

import tfcompress as tfc
from tests.quantization.small_models import MODELS, give_statistics, structured

QUICK = {"norm first", "embedding", "shared"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in MODELS
    ],
)
def test_file_does_what_was_said(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    give_statistics(model)
    x = structured(model)
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(model), x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        artifact = tfc.export.to_tflite(
            aware, tmp_path / "small.tflite", representative_data=x
        )
    skipped = technique.account.skipped
    in_float = {layer.name for layer in model.layers if layer.name.startswith("float")}
    assert set(skipped) == in_float
    assert all(skipped.values())
    if not in_float:
        assert artifact.float_operations == ()
    assert artifact.verification.samples >= 500
    assert artifact.verification.steps <= 2.01
    assert artifact.verification.same_class is None or (
        artifact.verification.same_class >= 0.99
    )
