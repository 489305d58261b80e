"""The examples in docstrings, and on the page about data, run."""

import re
import textwrap
from pathlib import Path

import keras
import pytest

import tfcompress as tfc

ROOT = Path(tfc.__file__).parent
FILES = [*sorted((ROOT / "sources").glob("*.py")), ROOT / "pipeline/data_checks.py"]
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in FILES
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_in_docstring_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example", "tfc": tfc})


def test_examples_about_data_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.save("small.keras")
    page = (ROOT.parent / "docs" / "data.md").read_text("utf-8")
    names = {"tfc": tfc}
    blocks = FENCE.findall(page)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "data.md", "exec"), names)
    assert names["model"].count_params() == model.count_params()
    assert len(names["data"].test[0]) == 10
