"""The examples in docstrings run."""

import importlib
import re
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import build_classifier, train

ROOT = Path(tfc.quantization.__file__).parent
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(path, textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(ROOT.glob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.fixture(scope="module")
def small(digits):
    model = build_classifier(keras, width=4)
    train(model, digits[0], epochs=1)
    return model


@pytest.fixture(scope="module")
def aware(small, digits):
    model = tfc.quantization.QuantizationAwareTraining().apply(small)
    return tfc.quantization.calibrate(model, digits[0])


@pytest.mark.parametrize(("path", "code"), EXAMPLES)
def test_example_in_docstring_runs(
    path, code, small, aware, digits, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    module = ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts)
    x, y = (array[:64] for array in digits[0])
    names = {
        **vars(importlib.import_module(module.removesuffix(".__init__"))),
        "__name__": "example",
        "tfc": tfc,
        "np": np,
        "keras": keras,
        "model": small,
        "trained": small,
        "aware": aware,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "images": x,
        "x": x,
        "y": y,
    }
    exec(compile(code, "example", "exec"), names)
