"""Models of `keras.applications` become files that do what they do."""

import pytest

from tests.applications import (
    BENCHMARKS,
    ONLY_TF_KERAS,
    SMALLEST_OF_EACH_FAMILY,
    measure_in_child,
)

TARGETS = ("cpu_float32", "cpu_float16", "cpu_int8")
# Narrow members of three families, each in the files that it is written to.
FAST = {
    "MobileNet": (TARGETS, {"alpha": 0.25}),
    "MobileNetV3Small": (["cpu_int8"], {"alpha": 0.75, "minimalistic": True}),
    "EfficientNetB0": (["cpu_int8"], {}),
}
# With LayerNormalizations, which 8 bits do not hold.
MAY_BE_FLOAT = {"ConvNeXtTiny"}


def check_file(target, found, accuracy):
    if target == "cpu_float32":
        assert found["error"] < 1e-4
    elif target == "cpu_float16":
        assert found["error"] < 3e-2
        assert found["sqnr"] > 30
    else:
        assert found["sqnr"] > 10
        assert found["accuracy"] >= accuracy - 0.05


@pytest.mark.parametrize("name", FAST)
def test_application_in_float_and_in_whole_numbers(name, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import applications
    import export_coverage
    import quantization_coverage as drawing

    targets, arguments = FAST[name]
    model = applications.build_application(name, 32, classes=10, **arguments)
    images, labels = drawing.make_images(32, 48)
    drawing.draw_weights(model, images)
    accuracy = drawing.fit_head(model, images, labels)
    assert accuracy > 0.85  # The outputs do depend on the images.
    for target in targets:
        found = export_coverage.measure_file(model, target, images, labels)
        check_file(target, found, accuracy)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SMALLEST_OF_EACH_FAMILY, *ONLY_TF_KERAS])
def test_each_family_in_float_and_in_whole_numbers(name):
    result = measure_in_child(BENCHMARKS / "export_coverage.py", "--child", name)
    assert result["accuracy"] > 0.7
    for target in TARGETS:
        check_file(target, result["files"][target], result["accuracy"])
    whole = result["files"]["cpu_int8"]
    assert name in MAY_BE_FLOAT or not whole["float_operations"]
    weights = 4 * result["parameters"]
    assert result["files"]["cpu_float16"]["bytes"] < 0.6 * weights
    assert whole["bytes"] < 0.4 * weights
