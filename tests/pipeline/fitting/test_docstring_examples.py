"""The examples in the docstrings of fitting and of stages run."""

import re
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcompress as tfc

ROOT = Path(tfc.__file__).parent / "pipeline"
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")


def marks(code):
    """Those that train take seconds."""
    return [pytest.mark.slow] if "fit(" in code or "fit_stage(" in code else []


EXAMPLES = [
    pytest.param(textwrap.dedent(code), id=f"{path.stem}-{number}", marks=marks(code))
    for room in ("fitting", "stages")
    for path in sorted((ROOT / room).glob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


def build(width, activation="softmax"):
    layers = keras.layers
    x = inputs = keras.Input((6,))
    x = layers.Dense(width, "relu")(x)
    x = layers.Add()([x, layers.Dense(width, "relu")(x)])
    return keras.Model(inputs, layers.Dense(3, activation)(x))


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_in_docstring_runs(code):
    sparse = build(8)
    sparse.compile(loss="sparse_categorical_crossentropy")
    for variable in sparse.trainable_variables:
        variable.assign(variable * (np.abs(variable) > 0.2))
    names = {
        "__name__": "example",
        "tfc": tfc,
        "model": build(8),
        "sparse_model": sparse,
        "teacher": build(12),
        "student": build(8, None),
        "x": X,
        "y": X[:, :3].argmax(-1),
    }
    if "model.fit" in code:
        names["model"].compile(loss="sparse_categorical_crossentropy")
    exec(compile(code, "example", "exec"), names)
