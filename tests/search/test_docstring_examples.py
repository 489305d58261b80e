"""The examples in docstrings run."""

import re
import textwrap
from pathlib import Path

import keras
import pytest

import tfcompress as tfc
from tests.models import build_classifier

ROOT = Path(tfc.search.__file__).parent
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(ROOT.rglob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_in_docstring_runs(code, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = digits[1]
    model = build_classifier(keras, width=32)
    names = {"__name__": "example", "tfc": tfc, "model": model, "x": x, "y": y}
    exec(compile(code, "example", "exec"), names)
