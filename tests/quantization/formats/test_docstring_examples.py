"""The examples in docstrings run, with the public names of the formats at hand."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfcompress.quantization import formats

FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(Path(formats.__file__).parent.glob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_in_docstring_runs(code):
    names = {name: getattr(formats, name) for name in formats.__all__}
    exec(compile(code, "example", "exec"), {**names, "np": np, "tf": tf})
