"""The examples in docstrings run."""

import importlib
import re
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import build_classifier

ROOT = Path(tfc.sharing.__file__).parent
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(path, textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(ROOT.rglob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize(("path", "code"), EXAMPLES)
def test_example_in_docstring_runs(path, code, digits):
    x, y = (array[:64] for array in digits[0])
    module = ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts)
    names = {
        **vars(importlib.import_module(module.removesuffix(".__init__"))),
        "__name__": "example",
        "tfc": tfc,
        "np": np,
        "model": build_classifier(keras, width=16, activation="softmax"),
        "x": x,
        "y": y,
    }
    exec(compile(code, "example", "exec"), names)
