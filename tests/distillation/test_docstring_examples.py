"""The examples in docstrings run.

Where one names layers of a user's models, the distiller itself is left out.
"""

import importlib
import re
import textwrap
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tests.models import build_classifier

ROOT = Path(tfc.distillation.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent.name != "programs"]
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(path, textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in FILES
    if path.stem != "sequence_level"
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


LAYERS = re.compile(r"(stage|block|level)\d|embedding|attention|ChannelWise")


@pytest.mark.parametrize(("path", "code"), EXAMPLES)
def test_example_in_docstring_runs(path, code, teacher, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    teacher.export("teacher", verbose=False)
    student = build_classifier(keras, name="student")
    x, y = (array[:64] for array in digits[0])
    if LAYERS.search(code):
        monkeypatch.setattr(tfc, "Distiller", mock.MagicMock(), raising=False)
    module = ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts)
    names = {
        **vars(importlib.import_module(module.removesuffix(".__init__"))),
        "__name__": "example",
        "tfc": tfc,
        "tf": tf,
        "np": np,
        "keras": keras,
        "teacher": teacher,
        "first": teacher,
        "second": teacher,
        "student": student,
        "model": student,
        "x": x,
        "y": y,
        "train": tf.data.Dataset.from_tensor_slices((x, y)).batch(32),
    }
    exec(compile(code.replace("epochs=10", "epochs=1"), "example", "exec"), names)
