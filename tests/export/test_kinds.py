"""Networks of every kind become files that do what they do, for three targets."""

import warnings

import numpy as np
import pytest

import tfcompress as tfc
from tests.export.kinds_of_networks import KINDS, build_kind, make_inputs
from tfcompress import keras_compat

# With layers that 8 bits do not hold: see BUILD_NOTES.
MAY_BE_FLOAT = {"Transformer"}
FAST = [("keras", "Transformer"), ("tf_keras", "two outputs")]
CASES = [
    pytest.param(name, kind, marks=[] if (name, kind) in FAST else pytest.mark.slow)
    for name in ("keras", "tf_keras")
    for kind in KINDS
]


def decibels(wanted, found):
    return 10 * np.log10(np.square(wanted).mean() / np.square(wanted - found).mean())


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_files_do_what_the_model_does(name, kind, tmp_path):
    module = {"keras": keras_compat.keras, "tf_keras": keras_compat.tf_keras}[name]()
    model = build_kind(module, kind)
    inputs = make_inputs(model)
    arguments = (
        list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values()))
    )
    given = model(arguments, training=False)
    given = given if isinstance(given, list) else [given]
    wanted = dict(zip(model.output_names, map(np.asarray, given), strict=True))
    for target in ("cpu_float32", "cpu_float16", "cpu_int8"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # what stays in float
            artifact = tfc.export.to_tflite(
                model,
                tmp_path / f"{target}.tflite",
                target=target,
                representative_data=inputs,
            )
        found = artifact.predict(inputs)
        if not isinstance(found, dict):
            found = dict.fromkeys(wanted, found)
        assert set(found) == set(wanted)
        assert artifact.verification.samples == 24
        assert not any("Flex" in operation for operation in artifact.operations)
        for output, values in wanted.items():
            result = found[output]
            assert result.shape == values.shape
            error = np.abs(result - values).max() / np.abs(values).max()
            if target == "cpu_int8":
                assert decibels(values, result) > 18
            else:
                assert error < {"cpu_float32": 1e-4, "cpu_float16": 1e-2}[target]
        if target == "cpu_int8" and kind not in MAY_BE_FLOAT:
            assert artifact.float_operations == ()
