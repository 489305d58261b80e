"""The examples in docstrings run."""

import importlib
import re
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tests.measurement.conftest import convert

ROOT = Path(tfc.measurement.__file__).parent
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
NAMES = re.compile(r'"(\w+\.tflite)"')
EXAMPLES = [
    pytest.param(path, textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(ROOT.rglob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(10)(flat))


@pytest.fixture(scope="module")
def content(model):
    return convert(model)


@pytest.mark.parametrize(("path", "code"), EXAMPLES)
def test_example_in_docstring_runs(path, code, model, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES.findall(code):
        Path(name).write_bytes(content)
    model.save("small.keras")
    generator = np.random.default_rng(0)
    images = generator.normal(size=(40, 8, 8, 1)).astype(np.float32)
    labels = generator.integers(0, 10, 40)
    module = ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts)
    names = {
        **vars(importlib.import_module(module.removesuffix(".__init__"))),
        "__name__": "example",
        "tfc": tfc,
        "np": np,
        "tf": tf,
        "keras": keras,
        "model": model,
        "teacher": model,
        "student": model,
        "images": images,
        "labels": labels,
        "x": images,
        "y": labels,
        "content": content,
    }
    if "predictions" in code and "predictions =" not in code:
        names["predictions"] = tfc.measurement.predict(model, (images, labels))
    exec(compile(code, "example", "exec"), names)
