"""The examples in docstrings run."""

import re
import textwrap
from pathlib import Path

import pytest

from tfcompress.quantization import formats

FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(Path(formats.__file__).parent.glob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_in_docstring_runs(code):
    exec(compile(code, "example", "exec"), {"__name__": "example"})
