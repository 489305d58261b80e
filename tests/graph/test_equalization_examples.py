"""The examples in the docstrings of equalization and its parts run."""

import importlib
import re
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import build_classifier

FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
MODULES = [
    *("graph.bounded_activations", "graph.channel_pairs", "graph.equalization"),
    "graph.grouped_kernel",
]
ROOT = Path(tfc.graph.__file__).parents[1]
EXAMPLES = [
    pytest.param(module, textwrap.dedent(code), id=f"{module}-{number}")
    for module in MODULES
    for number, code in enumerate(
        FENCE.findall((ROOT / f"{module.replace('.', '/')}.py").read_text())
    )
]


@pytest.mark.parametrize(("module", "code"), EXAMPLES)
def test_example_in_docstring_runs(module, code, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {
        **vars(importlib.import_module(f"tfcompress.{module}")),
        "__name__": "example",
        "tfc": tfc,
        "np": np,
        "model": build_classifier(keras),
        "x": digits[0][0][:32],
    }
    exec(compile(code, "example", "exec"), names)
