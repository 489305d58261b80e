import re
import textwrap
from pathlib import Path

import pytest

import tfcompress

ROOT = Path(tfcompress.__file__).parent
FILES = sorted([*(ROOT / "graph").glob("*.py"), *(ROOT / "keras_compat").glob("*.py")])
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(textwrap.dedent(code), id=f"{path.parent.name}-{path.stem}-{number}")
    for path in FILES
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_in_docstring_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})
